"""Changing a password over: both work, and it is known who still has the old one, who alone is thrown off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gatewayd.errors import GatewayError
from tests.wifi.airs import DEVICE
from tests.wifi.box import Box, open_box
from tests.wifi.house import FIRST_SSID
from tests.wifi.test_keys import state_bytes

LATE, AWAY = "02:aa:00:00:00:02", "02:aa:00:00:00:03"
DAY = 86_400.0


async def heard(box: Box) -> None:
    """Lets the box hear of who has joined."""
    for _ in range(20):
        await box.clock.advance(0.1)
        await asyncio.sleep(0.005)


async def until(box: Box, true: Callable[[], Awaitable[bool]]) -> None:
    """Lets moments pass until this is true."""
    end = box.clock.monotonic() + 60
    while not await true():
        assert box.clock.monotonic() < end
        await box.clock.advance(0.1)
        await asyncio.sleep(0.002)


async def only(box: Box, new: str, old: str) -> bool:
    """Whether the one password works and the other does not."""
    return not box.radio.join(LATE, FIRST_SSID, old) and box.radio.join(LATE, FIRST_SSID, new)


async def forgotten(box: Box, words: str) -> bool:
    rows = await box.house.core.database.fetch_all("SELECT passphrase, keys FROM wifi_revisions")
    return words not in str([tuple(row) for row in rows])


async def where(box: Box) -> tuple[bool, dict[str, bool]]:
    """Whether it lasts, and whether each device with the old password is there."""
    told: dict[str, Any] = await box.house.call("wifi.rotation.get", network="home")
    return told["active"], {one["mac"]: one["connected"] for one in told["devices"]}


async def start(box: Box, **arguments: Any) -> tuple[str, str]:
    """Begins; the old and the new password."""
    old = await box.house.passphrase()
    change = await box.house.call("wifi.rotation.start", network="home", **arguments)
    await box.applied(change["change"]["id"])
    return old, await box.house.passphrase()


async def test_both_passwords_work_and_the_end_throws_off_only_the_late(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        first = await box.house.passphrase()
        for mac in (DEVICE, LATE, AWAY):
            assert box.radio.join(mac, FIRST_SSID, first)
        await heard(box)
        box.radio.leave(AWAY)
        old, new = await start(box)
        assert (old, old != new) == (first, True)
        assert {one.mac for one in await box.radio.stations()} == {DEVICE, LATE}
        assert await where(box) == (True, {DEVICE: True, LATE: True, AWAY: False})
        assert box.radio.join(DEVICE, FIRST_SSID, new)
        assert box.radio.join(LATE, FIRST_SSID, old)
        await heard(box)
        assert await where(box) == (True, {LATE: True, AWAY: False})
        assert {one.mac: one.key for one in await box.radio.stations()} == {DEVICE: "main", LATE: "old"}

        finished = await box.house.call("wifi.rotation.finish", network="home")
        await box.applied(finished["change"]["id"])
        assert [one.mac for one in await box.radio.stations()] == [DEVICE]
        assert not box.radio.join(LATE, FIRST_SSID, old)
        assert await where(box) == (False, {})
    assert old.encode() not in await asyncio.to_thread(state_bytes, tmp_path)


async def test_the_old_password_ends_by_itself(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        old, new = await start(box, days=3, passphrase="battery staple")
        assert new == "battery staple"
        await box.clock.advance(3 * DAY - 600)
        assert box.radio.join(LATE, FIRST_SSID, old)
        await box.clock.advance(700)
        await until(box, lambda: only(box, new, old))
        assert await where(box) == (False, {})
        await until(box, lambda: forgotten(box, old))
        await start(box)  # a new one may begin, with what it replaces still good
        assert box.radio.join(LATE, FIRST_SSID, new)
        assert not box.radio.join(LATE, FIRST_SSID, old)


async def test_the_name_may_change_meanwhile(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        old, new = await start(box)
        await box.applied(await box.house.update(ssid="Neu"))
        assert box.radio.join(LATE, "Neu", old)
        assert box.radio.join(DEVICE, "Neu", new)


async def test_what_is_refused(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        with pytest.raises(GatewayError, match=r"wifi\.rotation_not_open"):
            await box.house.call("wifi.rotation.finish", network="home")
        first = await box.house.passphrase()
        for arguments, field in (
            ({"days": 0}, "days"),
            ({"days": 91}, "days"),
            ({"passphrase": "short"}, "passphrase"),
            ({"passphrase": first}, "passphrase"),
        ):
            with pytest.raises(GatewayError) as refused:
                await box.house.call("wifi.rotation.start", network="home", **arguments)
            assert refused.value.field == field
            assert first not in refused.value.detail
        await start(box)
        with pytest.raises(GatewayError, match=r"wifi\.rotation_open"):
            await box.house.call("wifi.rotation.start", network="home")
        with pytest.raises(GatewayError, match=r"wifi\.keys_unsupported"):
            await box.house.update(security="wpa3")
