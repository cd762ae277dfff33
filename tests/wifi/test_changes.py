"""Changes asked through the operations, on a fake hostapd that behaves and misbehaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog.testing

from gatewayd.errors import GatewayError
from gatewayd.tasks import Tasks
from gatewayd.wifi import reconciler
from gatewayd.wifi.driver import Driver, Heard, Scanner
from gatewayd.wifi.hostapd import HostapdDriver
from tests.wifi.airs import DEVICE, FakeAir, fake_air
from tests.wifi.house import FIRST_SSID, House, open_house


class FakeScanner:
    """Hears what the fake has on the air."""

    air: FakeAir

    async def scan(self) -> tuple[Heard, ...]:
        ssid = bytes.fromhex(await self.air.command("TEST AIR"))
        return (Heard(bssid="02:00:00:00:00:00", ssid=ssid),)


@asynccontextmanager
async def box(scanner: FakeScanner | None = None) -> AsyncIterator[tuple[FakeAir, House]]:
    """A box on a fake hostapd, on the air, with a device that has joined."""
    wanted: Scanner | None = scanner
    async with fake_air(wanted) as air:
        if scanner is not None:
            scanner.air = air
        async with open_house(air.folder, air.new_driver) as house:
            await house.settled()
            assert await air.join(FIRST_SSID, await house.passphrase())
            yield air, house


async def test_the_first_start_makes_a_network_with_a_password_of_its_own() -> None:
    async with box() as (_, house):
        assert (await house.call("wifi.networks.list"))["items"] == [
            {
                "id": "home",
                "role": "home",
                "ssid": FIRST_SSID,
                "security": "wpa2",
                "bands": ["2.4"],
                "hidden": False,
                "isolated": False,
                "enabled": True,
                "state": "on_air",
                "revision": 1,
                "schedule": [],
                "expires": None,
                "off": None,
                "simulated": False,
            }
        ]
        assert len(await house.passphrase()) == 19
        assert await house.service.health() == ("ok", "All networks are on the air.")


async def test_a_change_goes_its_way_and_gets_better_proof_when_a_device_joins() -> None:
    async with box(FakeScanner()) as (air, house):
        with house.core.bus.subscribe("wifi.*") as events:
            change = await house.update(ssid="Ahornstraße 🍁", passphrase="battery staple")
            ended = await house.wait(change)
            assert (ended["state"], ended["proof"], ended["reason"]) == ("applied", "on_air", None)
            assert ended["outage_ms"] >= 0
            assert not await air.join(FIRST_SSID, "battery staple")
            assert await air.join("Ahornstraße 🍁", "battery staple")
            heard: list[str] = []
            async with asyncio.timeout(10):
                async for event in events:
                    told = getattr(event.data, "change", None)
                    heard.append(event.type if told is None else f"{told.state}:{told.proof}")
                    if heard[-1] == "applied:station":
                        break
        assert [one for one in heard if ":" in one] == [
            *("pending:none", "applying:none", "proving:none", "applied:on_air", "applied:station")
        ]
        assert {one for one in heard if ":" not in one} - {"wifi.new_station"} == {
            *("wifi.station_left", "wifi.station_joined")
        }
        stations = (await house.call("wifi.stations.list"))["items"]
        assert [(one["mac"], one["network"]) for one in stations] == [(DEVICE, "home")]


async def test_without_a_second_radio_the_proof_says_so() -> None:
    async with box() as (_, house):
        ended = await house.wait(await house.update(passphrase="battery staple"))
        assert ended["impact"]["step"] == "keys"
        assert ended["reason"] == "No second radio listens here: this is hostapd's own word."


@pytest.mark.parametrize("how", ["fail", "die"])
@pytest.mark.parametrize("word", ["SET", "RELOAD_WPA_PSK", "UPDATE_BEACON"])
async def test_what_goes_wrong_ends_on_the_old_network(how: str, word: str) -> None:
    async with box() as (air, house):
        first = await house.passphrase()
        await air.fault(how, word)
        with structlog.testing.capture_logs() as logs:
            ended = await house.wait(await house.update(ssid="Nowhere", passphrase="battery staple"))
        assert (ended["state"], ended["proof"]) == ("rolled_back", "none")
        assert ended["reason"]
        assert ended["outage_ms"] > 0
        assert await air.join(FIRST_SSID, first)
        assert not await air.join("Nowhere", "battery staple")
        assert (await house.call("wifi.networks.get", network="home"))["ssid"] == FIRST_SSID
        assert await house.passphrase() == first
        assert "battery staple" not in f"{logs}{ended}"


async def test_a_hostapd_that_does_not_answer_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatewayd.wifi.control.COMMAND_SECONDS", 0.2)
    async with box() as (air, house):
        first, pid = await house.passphrase(), await air.pid()
        for word in ("RELOAD_WPA_PSK", "PMKSA_FLUSH"):
            await air.fault("mute", word)
        ended = await house.wait(await house.update(passphrase="battery staple"))
        assert ended["reason"] == "hostapd did not answer PMKSA_FLUSH within 0 s."
        assert await air.pid() != pid
        assert await air.join(FIRST_SSID, first)


async def test_what_is_not_heard_on_the_air_is_rolled_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciler, "ON_AIR_SECONDS", 0.5)
    async with box(FakeScanner()) as (air, house):
        first = await house.passphrase()
        await air.fault("deaf", "UPDATE_BEACON")
        ended = await house.wait(await house.update(ssid="Silence"))
        assert ended["state"] == "rolled_back"
        assert ended["reason"].startswith("Not on the air within 0 s: A scan does not hear")
        assert await air.join(FIRST_SSID, first)


async def test_what_the_dry_run_refuses_touches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatewayd.wifi.rules.SAE_OPTIONS", ())
    async with box() as (air, house):
        ended = await house.wait(await house.update(security="wpa3", passphrase="swordfish|mac=x"))
        assert (ended["state"], ended["outage_ms"]) == ("rolled_back", 0)
        assert ended["reason"] == "hostapd refuses these settings (at sae_password)."
        assert await air.joined()


async def test_a_hostapd_that_dies_or_is_switched_off_comes_back() -> None:
    async with box() as (air, house):
        first, pid = await house.passphrase(), await air.pid()
        await air.end()
        async with asyncio.timeout(20):
            while not await _joins(air, first):
                await asyncio.sleep(0.1)
        assert await air.pid() != pid
        await asyncio.sleep(0.6)  # until the new one's events are attended to
        assert await air.command("DISABLE") == "OK"
        async with asyncio.timeout(20):
            while not await _joins(air, first):
                await asyncio.sleep(0.1)


async def test_changes_queue_and_what_is_built_on_a_failure_fails_with_it() -> None:
    async with box() as (air, house):
        first = await house.passphrase()
        one = await house.update(passphrase="password one")
        two = await house.update(ssid="Second")
        assert (await house.wait(one))["state"] == "applied"
        assert (await house.wait(two))["state"] == "applied"
        assert await air.join("Second", "password one")

        await air.fault("fail", "RELOAD_WPA_PSK")
        three = await house.update(passphrase="password three")
        four = await house.update(hidden=True)
        assert (await house.wait(three))["state"] == "rolled_back"
        assert (await house.wait(four))["reason"] == "It was built on a change that was rolled back."
        network = await house.call("wifi.networks.get", network="home")
        assert (network["ssid"], network["hidden"]) == ("Second", False)
        assert first != await house.passphrase() == "password one"


@pytest.mark.parametrize(
    ("arguments", "code", "field"),
    [
        ({"ssid": ""}, "wifi.invalid_ssid", "ssid"),
        ({"ssid": "x" * 33}, "wifi.invalid_ssid", "ssid"),
        ({"ssid": "a\nb"}, "wifi.invalid_ssid", "ssid"),
        ({"ssid": 5}, "request.invalid_field", "ssid"),
        ({"passphrase": "seven77"}, "wifi.invalid_passphrase", "passphrase"),
        ({"passphrase": "x" * 100_000}, "wifi.invalid_passphrase", "passphrase"),
        ({"passphrase": None}, "request.invalid_field", "passphrase"),
        ({"security": "wep"}, "wifi.invalid_security", "security"),
        ({"security": "open", "passphrase": "not needed"}, "wifi.invalid_passphrase", "passphrase"),
        ({"bands": []}, "wifi.invalid_bands", "bands"),
        ({"bands": ["5"]}, "wifi.invalid_bands", "bands"),
        ({"bands": ["7"]}, "request.invalid_field", "bands[0]"),
        ({"hidden": "yes"}, "request.invalid_field", "hidden"),
        (
            {"confirm": "client", "deadline_seconds": 5, "ssid": "x"},
            "request.invalid_field",
            "deadline_seconds",
        ),
        ({"confirm": "maybe"}, "request.invalid_field", "confirm"),
        ({"pasphrase": "battery staple"}, "request.unknown_field", "pasphrase"),
        ({"network": "../../etc/passwd"}, "wifi.network_not_found", "network"),
    ],
)
async def test_bad_input_is_refused_and_changes_nothing(
    arguments: dict[str, Any], code: str, field: str
) -> None:
    async with box() as (air, house):
        with pytest.raises(GatewayError) as refused:
            await house.call("wifi.networks.update", **{"network": "home", **arguments})
        assert (refused.value.code, refused.value.field) == (code, field)
        assert (await house.call("wifi.changes.list"))["items"] == []
        assert (await house.call("wifi.networks.get", network="home"))["revision"] == 1
        assert await air.joined()


async def test_a_preview_tells_the_impact_and_changes_nothing() -> None:
    async with box() as (air, house):
        told = await house.call("wifi.networks.preview", network="home", security="wpa3")
        assert told["impact"]["step"] == "restart"
        assert (told["impact"]["stations_dropped"], told["impact"]["need_new_credentials"]) == (1, True)
        with pytest.raises(GatewayError, match=r"wifi\.invalid_ssid"):
            await house.call("wifi.networks.preview", network="home", ssid="")
        assert await air.joined()
        assert (await house.call("wifi.changes.list"))["items"] == []


async def test_no_password_stays_where_it_does_not_belong() -> None:
    async with box() as (_, house):
        first = await house.passphrase()
        with structlog.testing.capture_logs() as logs, house.core.bus.subscribe() as events:
            for words in ("password one", "password two", "password three"):
                await house.wait(await house.update(passphrase=words))
            await house.call("wifi.networks.reveal", network="home", once="once")
            events.close()
            told = [event async for event in events]
        tables = await house.core.database.fetch_all("SELECT name FROM sqlite_master WHERE type = 'table'")
        kept = {}
        for (table,) in tables:
            rows = await house.core.database.fetch_all(f"SELECT * FROM {table}")
            kept[table] = str([tuple(row) for row in rows])
        revisions = kept.pop("wifi_revisions")
        assert "password three" in revisions
        assert "password two" in revisions
        for words in (first, "password one"):
            assert words not in revisions
        for words in (first, "password one", "password two", "password three"):
            assert words not in f"{kept}{logs}{told}"
        assert "wifi.networks.reveal" in kept["audit"]


async def test_a_box_without_a_radio_says_so() -> None:
    async with fake_air() as air:

        def build(tasks: Tasks) -> Driver:
            return HostapdDriver(
                (), binary=air.binary, places=air.places, run=air.folder / "run", tasks=tasks
            )

        async with open_house(air.folder, build) as house:
            await house.until(lambda network: network["state"] == "down")
            async with asyncio.timeout(5):
                while await house.service.health() != ("down", "This box has no Wi-Fi radio."):
                    await asyncio.sleep(0.02)
            with pytest.raises(GatewayError, match=r"wifi\.radio_unavailable"):
                await house.update(ssid="New")
            assert (await house.call("wifi.stations.list"))["items"] == []


async def _joins(air: FakeAir, passphrase: str) -> bool:
    try:
        return await air.join(FIRST_SSID, passphrase)
    except OSError:
        return False
