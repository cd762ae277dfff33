"""Networks made and ended: by changes like any other, with limits, and with dangers said aloud."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gatewayd.errors import GatewayError
from tests.wifi.airs import DEVICE, fake_air
from tests.wifi.box import Box, open_box
from tests.wifi.house import FIRST_SSID, open_house


async def ids(box: Box) -> list[str]:
    return [one["id"] for one in (await box.house.call("wifi.networks.list"))["items"]]


async def password(box: Box, network: str) -> str:
    words: str = (await box.house.call("wifi.networks.reveal", network=network))["passphrase"]
    return words


async def test_one_call_makes_a_guest_network_that_devices_join(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        made = await box.house.call("wifi.networks.create", role="guest")
        assert (made["network"]["id"], made["network"]["ssid"]) == ("guest", f"{FIRST_SSID} Guest")
        assert (made["network"]["isolated"], made["network"]["security"]) == (True, "wpa2")
        assert made["network"]["state"] == "changing"
        assert "passphrase" not in str(made)
        await box.applied(made["change"]["id"])
        words = await password(box, "guest")
        assert len(words) == 19
        assert words != await box.house.passphrase()
        assert box.radio.join(DEVICE, f"{FIRST_SSID} Guest", words)
        assert (await box.house.call("wifi.networks.get", network="guest"))["state"] == "on_air"


async def test_ids_are_readable_and_never_taken_twice(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        cases: tuple[tuple[dict[str, Any], str], ...] = (
            ({"role": "iot"}, "iot"),
            ({"role": "iot", "ssid": "More things"}, "iot-2"),
            ({"role": "home", "ssid": "Ömas Büro!"}, "omas-buro"),
            ({"role": "guest", "id": "party"}, "party"),
        )
        for arguments, expected in cases:
            made = await box.house.call("wifi.networks.create", **arguments)
            assert made["network"]["id"] == expected
            await box.applied(made["change"]["id"])
        with pytest.raises(GatewayError, match=r"wifi\.network_exists") as refused:
            await box.house.call("wifi.networks.create", role="guest", id="party")
        assert refused.value.field == "id"


async def test_a_network_is_deleted_and_leaves_no_password(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        await box.applied((await box.house.call("wifi.networks.create", role="guest"))["change"]["id"])
        words = await password(box, "guest")
        assert box.radio.join(DEVICE, f"{FIRST_SSID} Guest", words)
        deleted = (await box.house.call("wifi.networks.delete", network="guest"))["change"]
        assert await ids(box) == ["home"]
        with pytest.raises(GatewayError, match=r"wifi\.network_not_found"):
            await box.house.call("wifi.networks.update", network="guest", hidden=True)
        await box.applied(deleted["id"])
        assert not box.radio.join(DEVICE, f"{FIRST_SSID} Guest", words)
        for table in ("wifi_revisions", "wifi_networks", "wifi_met", "wifi_keys", "wifi_deadlines"):
            rows = await box.house.core.database.fetch_all(f"SELECT * FROM {table}")
            assert "guest" not in str([tuple(row) for row in rows]), table
        assert [one["network"] for one in (await box.house.call("wifi.changes.list"))["items"]] == [
            *("guest", "guest")
        ]


async def test_one_makes_it_again_while_it_is_still_being_deleted(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        await box.applied((await box.house.call("wifi.networks.create", role="guest"))["change"]["id"])
        await box.house.call("wifi.networks.delete", network="guest")
        made = await box.house.call("wifi.networks.create", role="guest", ssid="Again")
        await box.applied(made["change"]["id"])
        assert box.radio.join(DEVICE, "Again", await password(box, "guest"))


async def test_home_stays(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        with pytest.raises(GatewayError, match=r"wifi\.network_needed"):
            await box.house.call("wifi.networks.delete", network="home")
        assert await ids(box) == ["home"]


async def test_nobody_confirms_a_new_network_and_it_is_gone(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        made = await box.house.call(
            "wifi.networks.create", role="guest", confirm="client", deadline_seconds=30
        )
        ended = await box.wait(made["change"]["id"], "rolled_back", seconds=60)
        assert ended["reason"] == "Nobody confirmed it within 30 s."
        assert await ids(box) == ["home"]
        rows = await box.house.core.database.fetch_all("SELECT network FROM wifi_revisions")
        assert [row["network"] for row in rows] == ["home"]


async def test_reverting_the_making_is_the_end(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        made = await box.house.call("wifi.networks.create", role="guest")
        await box.applied(made["change"]["id"])
        back = await box.house.call("wifi.changes.revert", change=made["change"]["id"])
        await box.applied(back["change"]["id"])
        assert await ids(box) == ["home"]


async def test_of_two_who_edit_the_second_is_told(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        await box.applied((await box.house.call("wifi.networks.create", role="guest"))["change"]["id"])
        wishes: dict[str, dict[str, Any]] = {"update": {"hidden": True}, "delete": {}}
        for name, arguments in wishes.items():
            with pytest.raises(GatewayError, match=r"revision\.lost_race") as refused:
                await box.house.call(f"wifi.networks.{name}", network="guest", if_revision=1, **arguments)
            assert (refused.value.spec.status, refused.value.field) == (412, "if_revision")
        now = await box.house.call("wifi.networks.get", network="guest")
        await box.house.call(
            "wifi.networks.update", network="guest", if_revision=now["revision"], hidden=True
        )


async def test_what_is_dangerous_needs_a_word(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        told = await box.house.call("wifi.networks.preview", network="home", security="open")
        assert "without a password" in told["risks"][0]
        with pytest.raises(GatewayError, match=r"wifi\.risk_not_accepted.*without a password") as refused:
            await box.house.update(security="open")
        assert refused.value.field == "accept_risk"
        with pytest.raises(GatewayError, match=r"wifi\.risk_not_accepted.*isolation"):
            await box.house.call("wifi.networks.create", role="guest", isolated=False)
        await box.applied(await box.house.update(security="open", accept_risk=True))
        assert box.radio.join(DEVICE, FIRST_SSID, None)
        await box.applied(await box.house.update(hidden=True))  # it was accepted before


@pytest.mark.parametrize("words", ["12345678", "PassWord", "home-1234"])
async def test_a_password_that_everybody_tries_needs_a_word(tmp_path: Path, words: str) -> None:
    assert FIRST_SSID.casefold() == "home-1234"
    async with open_box(tmp_path) as box:
        told = await box.house.call("wifi.networks.preview", network="home", passphrase=words)
        assert "first that anybody tries" in told["risks"][0]
        wishes: dict[str, dict[str, Any]] = {
            "wifi.networks.update": {},
            "wifi.keys.create": {"label": "Printer"},
            "wifi.rotation.start": {},
        }
        for name, arguments in wishes.items():
            with pytest.raises(GatewayError, match=r"wifi\.risk_not_accepted") as refused:
                await box.house.call(name, network="home", passphrase=words, **arguments)
            assert words not in refused.value.detail
        await box.applied(await box.house.update(passphrase=words, accept_risk=True))
        assert box.radio.join(DEVICE, FIRST_SSID, words)


async def test_the_way_back_to_what_is_dangerous_needs_a_word_too(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        await box.applied(await box.house.update(security="open", accept_risk=True))
        closed = await box.house.update(security="wpa2", passphrase="battery staple")
        await box.applied(closed)
        with pytest.raises(GatewayError, match=r"wifi\.risk_not_accepted.*without a password"):
            await box.house.call("wifi.changes.revert", change=closed)
        back = await box.house.call("wifi.changes.revert", change=closed, accept_risk=True)
        await box.applied(back["change"]["id"])
        assert box.radio.join(DEVICE, FIRST_SSID, None)


@pytest.mark.parametrize(
    ("arguments", "code", "field"),
    [
        ({}, "request.missing_field", "role"),
        ({"role": "cellar"}, "request.invalid_field", "role"),
        ({"role": "guest", "id": "../x"}, "request.invalid_field", "id"),
        ({"role": "guest", "id": "x" * 25}, "request.invalid_field", "id"),
        ({"role": "guest", "ssid": "x" * 33}, "wifi.invalid_ssid", "ssid"),
        ({"role": "guest", "passphrase": "short"}, "wifi.invalid_passphrase", "passphrase"),
        ({"role": "guest", "security": "wep"}, "wifi.invalid_security", "security"),
        ({"role": "guest", "bands": ["6"]}, "wifi.invalid_bands", "bands"),
        ({"role": "guest", "for_seconds": 5}, "request.invalid_field", "for_seconds"),
        ({"role": "guest", "for_seconds": 1e12}, "request.invalid_field", "for_seconds"),
        ({"role": "guest", "for_seconds": -1}, "request.invalid_field", "for_seconds"),
        ({"role": "guest", "expires": "2020-01-01T00:00:00Z"}, "request.invalid_field", "expires"),
        ({"role": "guest", "expires": "2027-01-01T00:00:00"}, "request.invalid_field", "expires"),
        (
            {"role": "guest", "expires": "2027-01-01T00:00:00Z", "for_seconds": 3600},
            "request.invalid_field",
            "expires",
        ),
        (
            {"role": "guest", "schedule": [{"days": [7], "start": "08:00", "end": "09:00"}]},
            "request.invalid_field",
            "schedule[0].days",
        ),
        (
            {"role": "guest", "schedule": [{"days": [0], "start": "8", "end": "09:00"}]},
            "request.invalid_field",
            "schedule[0].start",
        ),
    ],
)
async def test_bad_input_makes_nothing(
    tmp_path: Path, arguments: dict[str, Any], code: str, field: str
) -> None:
    async with open_box(tmp_path) as box:
        with pytest.raises(GatewayError) as refused:
            await box.house.call("wifi.networks.create", **arguments)
        assert (refused.value.code, refused.value.field) == (code, field)
        assert await ids(box) == ["home"]
        rows = await box.house.core.database.fetch_all("SELECT id FROM wifi_networks")
        assert [row["id"] for row in rows] == ["home"]
        assert (await box.house.call("wifi.changes.list"))["items"] == []


async def test_a_radio_carries_so_many_networks(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        most = next(one["max_bss"] for one in (await box.house.call("wifi.radios.list"))["items"])
        assert most is not None
        for number in range(1, most):
            made = await box.house.call("wifi.networks.create", role="iot", ssid=f"Things {number}")
            await box.applied(made["change"]["id"])
        with pytest.raises(GatewayError, match=rf"at most {most} networks"):
            await box.house.call("wifi.networks.create", role="guest")
        off = await box.house.call("wifi.networks.create", role="guest", enabled=False)
        await box.applied(off["change"]["id"])
        with pytest.raises(GatewayError, match=r"wifi\.too_many_networks"):
            await box.house.call("wifi.networks.update", network="guest", enabled=True)


async def test_hostapd_is_given_a_network_and_it_is_taken_away_with_its_keys() -> None:
    async with fake_air() as air, open_house(air.folder, air.new_driver) as house:
        await house.settled()
        first = await house.passphrase()
        assert await air.join(FIRST_SSID, first)
        made = await house.call("wifi.networks.create", role="guest", passphrase="battery staple")
        assert (await house.wait(made["change"]["id"]))["state"] == "applied"
        deleted = await house.call("wifi.networks.delete", network="guest")
        assert (await house.wait(deleted["change"]["id"]))["state"] == "applied"
        assert await air.join(FIRST_SSID, first)
        kept = await asyncio.to_thread(lambda: list(air.folder.glob("hostapd/*.psk")))
        assert [file.name for file in kept] == ["radio0-home.psk"]
