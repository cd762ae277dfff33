"""Which driver the settings get."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gatewayd import doors, places
from gatewayd.doors import real_doors
from gatewayd.netd import SimulatedNetwork
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
