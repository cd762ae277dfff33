"""Networks that go off by themselves: when their time is up, whatever the clock does, and by the week."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gatewayd.errors import GatewayError
from gatewayd.system.clock import rfc3339
from gatewayd.wifi.events import WifiSwitched
from tests.support.clock import FakeClock
from tests.wifi.airs import DEVICE
from tests.wifi.box import Box, open_box
from tests.wifi.house import FIRST_SSID

GUEST = f"{FIRST_SSID} Guest"
HOUR = 3600.0


def off(network: dict[str, Any]) -> bool:
    return network["off"] is not None


async def guest(box: Box, **arguments: Any) -> str:
    """Makes a guest network and returns its password."""
    made = await box.house.call("wifi.networks.create", role="guest", **arguments)
    await box.applied(made["change"]["id"])
    words: str = (await box.house.call("wifi.networks.reveal", network="guest"))["passphrase"]
    return words


async def silent(box: Box, words: str) -> None:
    """Lets moments pass until the radio has followed and nobody gets in, and some more."""
    await _followed(box, lambda: not box.radio.join(DEVICE, GUEST, words))
    for _ in range(40):
        await box.clock.advance(0.1)
        await asyncio.sleep(0.005)
    assert not box.radio.join(DEVICE, GUEST, words)


async def back(box: Box, words: str) -> None:
    """Lets moments pass until one gets in."""
    await _followed(box, lambda: box.radio.join(DEVICE, GUEST, words))


async def _followed(box: Box, true: Callable[[], bool]) -> None:
    for _ in range(200):
        if true():
            return
        await box.clock.advance(1)
        await asyncio.sleep(0.002)
    raise AssertionError("the radio does not follow")


async def test_a_guest_network_ends(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        words = await guest(box, for_seconds=4 * HOUR)
        now = await box.house.call("wifi.networks.get", network="guest")
        assert datetime.fromisoformat(now["expires"]) - box.clock.now() < timedelta(hours=4)
        await box.clock.advance(4 * HOUR - 60)
        assert box.radio.join(DEVICE, GUEST, words)
        with box.house.core.bus.subscribe("wifi.switched") as events:
            await box.clock.advance(90)
            await silent(box, words)
            events.close()
            told = [event.data async for event in events]
        now = await box.house.call("wifi.networks.get", network="guest")
        assert (now["state"], now["off"], now["enabled"]) == ("off", "expired", True)
        assert [(one.network, one.on) for one in told] == [("guest", False)]  # type: ignore[attr-defined]
        assert (await box.house.call("wifi.networks.get", network="home"))["state"] == "on_air"


async def test_an_ended_network_is_wanted_again(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        words = await guest(box, for_seconds=HOUR)
        await box.clock.advance(HOUR + 1)
        await silent(box, words)
        again = await box.house.call("wifi.networks.update", network="guest", for_seconds=HOUR)
        assert again["change"]["reason"] == "Only the time until which it is wanted was changed."
        await back(box, words)
        await box.house.call("wifi.networks.update", network="guest", for_seconds=None)
        await box.clock.advance(10 * HOUR)
        now = await box.house.call("wifi.networks.get", network="guest")
        assert (now["state"], now["expires"]) == ("on_air", None)


async def test_an_end_at_a_moment(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        when = box.clock.now() + timedelta(hours=2)
        words = await guest(box, expires=when.isoformat())
        assert (await box.house.call("wifi.networks.get", network="guest"))["expires"] == rfc3339(when)
        await box.clock.advance(2 * HOUR)
        await silent(box, words)


async def test_the_home_network_does_not_end(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        with pytest.raises(GatewayError) as refused:
            await box.house.update(for_seconds=HOUR)
        assert (refused.value.code, refused.value.field) == ("request.invalid_field", "for_seconds")


async def test_a_box_that_does_not_know_the_time_counts_the_seconds(tmp_path: Path) -> None:
    clock = FakeClock(datetime(1970, 1, 1, tzinfo=UTC), trust=False)
    async with open_box(tmp_path, clock) as box:
        with pytest.raises(GatewayError, match="does not know the time"):
            await box.house.call("wifi.networks.create", role="guest", expires="2026-12-01T00:00:00Z")
        words = await guest(box, for_seconds=2 * HOUR)
        await clock.advance(HOUR)
        clock.step(56 * 365 * 86_400)  # NTP has spoken
        clock.trust = True
        await clock.advance(300)
        await asyncio.sleep(0.01)
        assert box.radio.join(DEVICE, GUEST, words)
        await clock.advance(HOUR)
        await silent(box, words)


async def test_what_remains_is_kept_over_a_restart_without_a_clock(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        words = await guest(box, for_seconds=2 * HOUR)
        await box.clock.advance(HOUR)
    clock = FakeClock(datetime(1970, 1, 1, tzinfo=UTC), trust=False)
    async with open_box(tmp_path, clock) as box:
        assert box.radio.join(DEVICE, GUEST, words)
        await clock.advance(HOUR - 120)
        assert box.radio.join(DEVICE, GUEST, words)
        await clock.advance(240)
        await silent(box, words)


async def test_with_a_clock_the_time_goes_on_while_the_box_is_off(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_box(tmp_path, clock) as box:
        words = await guest(box, for_seconds=2 * HOUR)
    later = FakeClock(clock.now() + timedelta(hours=3))
    async with open_box(tmp_path, later) as box:
        assert not box.radio.join(DEVICE, GUEST, words)
        assert (await box.house.call("wifi.networks.get", network="guest"))["off"] == "expired"


async def test_it_ends_in_time_while_a_change_waits_to_be_confirmed(tmp_path: Path) -> None:
    """Neither does the end wait for the confirmation, nor does it end the waiting."""
    async with open_box(tmp_path) as box:
        words = await guest(box, for_seconds=100)
        waiting = await box.waiting(ssid="New", confirm="client", deadline_seconds=600)
        assert box.radio.join(DEVICE, GUEST, words)
        with box.house.core.bus.subscribe("wifi.switched") as events:
            await box.clock.advance(100)
            await silent(box, words)
            assert (await anext(events)).data == WifiSwitched(network="guest", on=False, simulated=True)
        assert (await box.house.call("wifi.changes.get", change=waiting))["state"] == "proving"
        await box.house.call("wifi.changes.confirm", change=waiting)
        await box.applied(waiting)
        assert not box.radio.join(DEVICE, GUEST, words)
        assert box.radio.join(DEVICE, "New", await box.house.passphrase())


async def test_a_schedule_switches_by_the_households_clock(tmp_path: Path) -> None:
    clock = FakeClock(datetime(2026, 11, 23, 19, 30, tzinfo=UTC))  # Monday 20:30 in Berlin
    async with open_box(tmp_path, clock, zone="Europe/Berlin") as box:
        words = await guest(box, schedule=[{"days": [0, 1], "start": "08:00", "end": "21:00"}])
        assert box.radio.join(DEVICE, GUEST, words)
        await clock.advance(0.5 * HOUR)
        await silent(box, words)
        assert (await box.house.call("wifi.networks.get", network="guest"))["off"] == "schedule"
        await clock.advance(10.9 * HOUR)
        assert not box.radio.join(DEVICE, GUEST, words)
        await clock.advance(0.2 * HOUR)
        await back(box, words)


async def test_a_box_that_does_not_know_the_time_keeps_a_scheduled_network_on(tmp_path: Path) -> None:
    clock = FakeClock(datetime(1970, 1, 1, 3, tzinfo=UTC), trust=False)
    async with open_box(tmp_path, clock) as box:
        words = await guest(box, schedule=[{"days": [0], "start": "08:00", "end": "09:00"}])
        assert box.radio.join(DEVICE, GUEST, words)
        clock.trust = True
        await clock.advance(61)
        await silent(box, words)


async def test_a_schedule_is_taken_away(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        await guest(box, schedule=[{"days": [5], "start": "08:00", "end": "09:00"}])
        assert off(await box.house.call("wifi.networks.get", network="guest"))
        change = await box.house.call("wifi.networks.update", network="guest", schedule=[])
        await box.applied(change["change"]["id"])
        await box.until(lambda network: network["state"] == "on_air")
