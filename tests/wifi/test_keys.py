"""Passwords of single devices: made, used, taken away, without a word to the others."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gatewayd.errors import GatewayError
from gatewayd.wifi.device_keys import MOST_KEYS
from gatewayd.wifi.qr import draw, wifi_uri
from tests.wifi.airs import DEVICE, fake_air
from tests.wifi.box import Box, open_box
from tests.wifi.house import FIRST_SSID, open_house
from tests.wifi.settings import home

TABLET = "02:aa:00:00:00:02"


async def made(box: Box, label: str = "Tablet", **arguments: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await box.house.call(
        "wifi.keys.create", network="home", label=label, **arguments
    )
    await box.applied(answer["change"]["id"])
    return answer


async def keys(box: Box) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await box.house.call("wifi.keys.list", network="home"))["items"]
    return items


async def revoke(box: Box, key: str = "tablet") -> str:
    """Revokes a key, and returns the change when it is done."""
    answer = await box.house.call("wifi.keys.revoke", network="home", key=key)
    change: str = answer["change"]["id"]
    await box.applied(change)
    return change


def state_bytes(folder: Path) -> bytes:
    """All that the state database has on the disk, its log included."""
    files = tuple(folder.glob("state.db*"))
    assert files
    return b"".join(path.read_bytes() for path in files)


async def until_seen(box: Box) -> dict[str, Any]:
    for _ in range(200):
        (key,) = await keys(box)
        if key["last_seen"] is not None:
            return key
        await box.clock.advance(0.1)
        await asyncio.sleep(0.002)
    raise AssertionError("it was not seen")


async def test_a_key_lets_a_device_in_and_is_shown_once(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        first = await box.house.passphrase()
        assert box.radio.join(DEVICE, FIRST_SSID, first)
        answer = await made(box, "Lena's Tablet")
        assert answer["key"]["id"] == "lena-s-tablet"
        code = wifi_uri(home(ssid=FIRST_SSID, passphrase=answer["passphrase"]))
        assert answer["qr"] == draw(code, "svg")
        assert answer["change"]["impact"]["stations_dropped"] == 0
        assert answer["change"]["impact"]["need_new_credentials"] is False
        assert box.radio.join(TABLET, FIRST_SSID, answer["passphrase"])
        key = await until_seen(box)
        assert (key["label"], key["connected"], key["revoked"]) == ("Lena's Tablet", 1, None)
        stations = (await box.house.call("wifi.stations.list"))["items"]
        assert {one["mac"]: one["key"] for one in stations} == {DEVICE: "main", TABLET: "lena-s-tablet"}
        assert answer["passphrase"] not in str(await keys(box))


async def test_a_revoked_key_throws_its_device_off_and_leaves_the_others(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        first = await box.house.passphrase()
        words = (await made(box))["passphrase"]
        other = (await made(box, "Printer"))["passphrase"]
        assert box.radio.join(DEVICE, FIRST_SSID, first)
        assert box.radio.join(TABLET, FIRST_SSID, words)
        revoked = await box.house.call("wifi.keys.revoke", network="home", key="tablet")
        await box.applied(revoked["change"]["id"])
        assert [one.mac for one in await box.radio.stations()] == [DEVICE]
        assert not box.radio.join(TABLET, FIRST_SSID, words)
        assert box.radio.join(TABLET, FIRST_SSID, other)
        assert {key["id"]: key["revoked"] is None for key in await keys(box)} == {
            "tablet": False,
            "printer": True,
        }
        again = await box.house.call("wifi.keys.revoke", network="home", key="tablet")
        assert again["change"]["state"] == "applied"


async def test_a_revoked_key_leaves_no_password_and_its_id_is_not_used_again(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        words = (await made(box))["passphrase"]
        revoked = await box.house.call("wifi.keys.revoke", network="home", key="tablet")
        await box.applied(revoked["change"]["id"])
        assert (await made(box))["key"]["id"] == "tablet-2"
    assert words.encode() not in await asyncio.to_thread(state_bytes, tmp_path)


async def test_nothing_leads_back_to_a_revoked_key(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        words = (await made(box))["passphrase"]
        renamed = await box.house.update(ssid="New")
        await box.applied(renamed)
        revoked = await revoke(box)
        with pytest.raises(GatewayError, match=r"wifi\.change_ended.*stays revoked"):
            await box.house.call("wifi.changes.revert", change=revoked)
        await box.applied((await box.house.call("wifi.changes.revert", change=renamed))["change"]["id"])
        assert not box.radio.join(TABLET, FIRST_SSID, words)


async def test_a_revocation_waits_for_no_confirmation(tmp_path: Path) -> None:
    """It is off the radio at once, with the new settings on the air, and stays off when they go back."""
    async with open_box(tmp_path) as box:
        words = (await made(box))["passphrase"]
        waiting = await box.waiting(ssid="New", confirm="client", deadline_seconds=300)
        assert box.radio.join(TABLET, "New", words)
        await revoke(box)
        assert await box.radio.stations() == ()
        assert not box.radio.join(TABLET, "New", words)
        assert (await box.wait(waiting, "proving"))["reason"] is None
        await box.house.call("wifi.changes.revert", change=waiting)
        await box.wait(waiting, "rolled_back")
        assert not box.radio.join(TABLET, FIRST_SSID, words)
        assert box.radio.join(TABLET, FIRST_SSID, await box.house.passphrase())


async def test_a_key_of_a_change_that_is_confirmed_afterwards_stays_revoked(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        words = (await made(box))["passphrase"]
        waiting = await box.waiting(ssid="New", confirm="client")
        await revoke(box)
        await box.house.call("wifi.changes.confirm", change=waiting)
        await box.applied(waiting)
        assert not box.radio.join(TABLET, "New", words)
    assert words.encode() not in await asyncio.to_thread(state_bytes, tmp_path)


async def test_a_revocation_that_the_radio_refuses_stays_open_until_it_is_done() -> None:
    async with fake_air() as air, open_house(air.folder, air.new_driver) as house:
        await house.settled()
        answer = await house.call("wifi.keys.create", network="home", label="Tablet")
        assert (await house.wait(answer["change"]["id"]))["state"] == "applied"
        assert await air.join(FIRST_SSID, answer["passphrase"])
        pid = await air.pid()
        await air.fault("fail", "RELOAD_WPA_PSK")
        revoked = await house.call("wifi.keys.revoke", network="home", key="tablet")
        assert revoked["change"]["state"] == "pending"
        # It did not listen: it is started anew with the keys that are left.
        assert (await house.wait(revoked["change"]["id"]))["state"] == "applied"
        assert await air.pid() != pid
        assert not await air.joined()
        assert not await air.join(FIRST_SSID, answer["passphrase"])
        assert await air.join(FIRST_SSID, await house.passphrase())


async def test_a_revocation_waits_for_a_radio_that_is_away() -> None:
    """It is told as pending until it is done, which is the first thing that the radio hears."""
    async with fake_air() as air, open_house(air.folder, air.new_driver) as house:
        await house.settled()
        answer = await house.call("wifi.keys.create", network="home", label="Tablet")
        assert (await house.wait(answer["change"]["id"]))["state"] == "applied"
        program = Path(air.binary)
        works = await asyncio.to_thread(program.read_text)
        await asyncio.to_thread(program.write_text, "#!/bin/sh\nexit 1\n")
        await air.end()
        await house.until(lambda network: network["state"] == "down")
        revoked = (await house.call("wifi.keys.revoke", network="home", key="tablet"))["change"]["id"]
        await asyncio.sleep(0.5)
        assert (await house.call("wifi.changes.get", change=revoked))["state"] == "pending"
        again = (await house.call("wifi.keys.revoke", network="home", key="tablet"))["change"]
        assert (again["id"], again["state"]) == (revoked, "pending")
        await asyncio.to_thread(program.write_text, works)
        assert (await house.wait(revoked))["state"] == "applied"
        assert not await air.join(FIRST_SSID, answer["passphrase"])
        assert await air.join(FIRST_SSID, await house.passphrase())


async def test_a_revocation_survives_the_daemon(tmp_path: Path) -> None:
    """Asked for and not done: whoever starts next does it before anything else."""
    async with open_box(tmp_path) as box:
        words = (await made(box))["passphrase"]
        await box.house.service.close()
        revoked = await box.house.call("wifi.keys.revoke", network="home", key="tablet")
        assert revoked["change"]["state"] == "pending"
    async with open_box(tmp_path) as box:
        await box.applied(revoked["change"]["id"])
        assert not box.radio.join(TABLET, FIRST_SSID, words)


async def test_keys_work_under_a_new_name(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        words = (await made(box))["passphrase"]
        await box.applied(await box.house.update(ssid="Neu"))
        assert box.radio.join(TABLET, "Neu", words)


async def test_a_revocation_is_never_too_much(tmp_path: Path) -> None:
    async with open_box(tmp_path, most=2) as box:
        await made(box)
        await box.applied(await box.house.update(ssid="New"))
        with pytest.raises(GatewayError, match=r"wifi\.busy"):
            await box.house.update(ssid="Newer")
        revoked = await box.house.call("wifi.keys.revoke", network="home", key="tablet")
        await box.applied(revoked["change"]["id"])


async def test_only_wpa2_has_them(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        await made(box)
        with pytest.raises(GatewayError, match=r"wifi\.keys_unsupported.*revoke them"):
            await box.house.update(security="wpa2-wpa3")
        revoked = await box.house.call("wifi.keys.revoke", network="home", key="tablet")
        await box.applied(revoked["change"]["id"])
        await box.applied(await box.house.update(security="wpa2-wpa3"))
        with pytest.raises(GatewayError, match=r"wifi\.keys_unsupported"):
            await box.house.call("wifi.keys.create", network="home", label="Tablet")
        with pytest.raises(GatewayError, match=r"wifi\.rotation_unsupported"):
            await box.house.call("wifi.rotation.start", network="home")


@pytest.mark.parametrize(
    ("arguments", "code", "field"),
    [
        ({"label": ""}, "request.invalid_field", "label"),
        ({"label": "x" * 65}, "request.invalid_field", "label"),
        ({"label": "a\nb"}, "request.invalid_field", "label"),
        ({"label": "Tablet", "passphrase": "short"}, "wifi.invalid_passphrase", "passphrase"),
        ({"label": "Tablet", "passphrase": "the same as home"}, "wifi.invalid_passphrase", "passphrase"),
        ({}, "request.missing_field", "label"),
    ],
)
async def test_bad_input_makes_no_key(
    tmp_path: Path, arguments: dict[str, Any], code: str, field: str
) -> None:
    async with open_box(tmp_path) as box:
        await box.applied(await box.house.update(passphrase="the same as home"))
        with pytest.raises(GatewayError) as refused:
            await box.house.call("wifi.keys.create", network="home", **arguments)
        assert (refused.value.code, refused.value.field) == (code, field)
        assert "the same" not in refused.value.detail
        assert await keys(box) == []


async def test_there_are_only_so_many(tmp_path: Path) -> None:
    async with open_box(tmp_path, most=200) as box:
        for number in range(MOST_KEYS):
            await box.house.call("wifi.keys.create", network="home", label=f"Key {number}")
        with pytest.raises(GatewayError, match=r"wifi\.too_many_keys"):
            await box.house.call("wifi.keys.create", network="home", label="One more")


async def test_what_does_not_exist(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        with pytest.raises(GatewayError, match=r"wifi\.key_not_found"):
            await box.house.call("wifi.keys.revoke", network="home", key="main")
        with pytest.raises(GatewayError, match=r"wifi\.network_not_found"):
            await box.house.call("wifi.keys.list", network="cellar")


async def test_hostapd_knows_the_keys_by_their_ids() -> None:
    async with fake_air() as air, open_house(air.folder, air.new_driver) as house:
        await house.settled()
        assert await air.join(FIRST_SSID, await house.passphrase())
        answer = await house.call("wifi.keys.create", network="home", label="Tablet")
        assert (await house.wait(answer["change"]["id"]))["state"] == "applied"
        assert await air.joined()
        file = air.places.key_file("radio0", "home")
        assert "keyid=tablet " in await asyncio.to_thread(file.read_text)
        assert answer["passphrase"] not in await asyncio.to_thread(file.read_text)
        assert await air.join(FIRST_SSID, answer["passphrase"])
        revoked = await house.call("wifi.keys.revoke", network="home", key="tablet")
        assert (await house.wait(revoked["change"]["id"]))["state"] == "applied"
        assert "tablet" not in await asyncio.to_thread(file.read_text)
        assert not await air.joined()
        assert not await air.join(FIRST_SSID, answer["passphrase"])
