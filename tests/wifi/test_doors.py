"""Which driver the settings get."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from gatewayd import doors, places
from gatewayd.doors import NetdScanner, real_doors
from gatewayd.netd import SimulatedNetwork, verbs
from gatewayd.settings import Settings, merged
from gatewayd.system.clock import SystemClock
from gatewayd.tasks import Tasks
from gatewayd.wifi.render import RadioSettings
from tests.wifi.settings import RADIO


def chosen(folder: Path, driver: str) -> str:
    where = places.find(demo=False, state_dir=folder, socket=None, media=str(folder / "media"))
    settings = merged(Settings(), wifi={"driver": driver})
    made = real_doors(settings, where, SimulatedNetwork(), SystemClock("always"), Tasks())
    return made.radio.name


@pytest.mark.parametrize(
    ("driver", "managed", "name"),
    [
        ("auto", False, "hostapd"),
        ("auto", True, "networkmanager"),
        ("hostapd", True, "hostapd"),
        ("networkmanager", False, "networkmanager"),
        ("simulated", True, "simulated"),
    ],
)
async def test_the_driver(
    driver: str, managed: bool, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def radios(settings: object) -> tuple[RadioSettings, ...]:
        return (RADIO,)

    async def manages(interfaces: tuple[str, ...]) -> bool:
        assert interfaces == ("wlan0",)
        return managed

    monkeypatch.setattr(doors, "radio_settings", radios)
    monkeypatch.setattr(doors, "manages", manages)
    assert await asyncio.to_thread(chosen, tmp_path, driver) == name


class Late(SimulatedNetwork):
    """What was heard in this scan, and what the kernel remembers from before."""

    async def scan(
        self, interface: str, *, timeout_ms: int = 15000, while_sending: bool = False
    ) -> verbs.ScanAnswer:
        began = time.monotonic()
        await asyncio.sleep(0.05)
        now = int((time.monotonic() - began) * 1000)

        def bss(number: int, seen_ms: int | None) -> verbs.ScanBss:
            return verbs.ScanBss(
                bssid=f"02:00:00:00:00:0{number}",
                ssid=b"x",
                frequency=2412,
                signal_dbm=-50.0,
                security=("wpa2",),
                seen_ms=seen_ms,
            )

        return verbs.ScanAnswer(networks=(bss(1, now // 2), bss(2, 20_000), bss(3, None)))


async def test_what_was_heard_before_the_scan_proves_nothing() -> None:
    heard = await NetdScanner(Late(), "wlan1").scan()
    assert [one.bssid[-1] for one in heard] == ["1", "3"]
    assert heard[0].security == frozenset({"wpa2"})
