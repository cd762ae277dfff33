"""Who uses the line: the Wi-Fi device that moves most of it, or nobody that we know."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gatewayd.trades import busiest_station


class Counting:
    """A Wi-Fi whose devices have moved so many bytes more at each look."""

    def __init__(self, moved: dict[str, int]) -> None:
        self._moved = moved
        self._looks = 0

    async def known_stations(self) -> tuple[Any, ...]:
        self._looks += 1
        return tuple(
            SimpleNamespace(mac=mac, rx_bytes=self._looks * count, tx_bytes=0)
            for mac, count in self._moved.items()
        )


@pytest.mark.parametrize(
    ("moved", "name"),
    [
        ({"02:00:00:00:00:01": 100, "02:00:00:00:00:02": 100_000}, "the Wi-Fi device 02:00:00:00:00:02"),
        ({"02:00:00:00:00:01": 40_000}, None),  # not even half of what passes the line
        ({}, None),
    ],
)
async def test_it_is_named_when_it_explains_the_traffic(moved: dict[str, int], name: str | None) -> None:
    rate = 150_000 * 8 / 0.01  # bit/s
    wifi: Any = Counting(moved)
    assert await busiest_station(wifi, rate, seconds=0.01) == name
