"""What a change waits for, who confirms it, how it is reverted: a simulated radio, an injected clock."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from gatewayd.errors import GatewayError
from gatewayd.tasks import Tasks
from gatewayd.wifi.driver import Driver
from gatewayd.wifi.simulated import SimulatedDriver
from tests.support.clock import FakeClock
from tests.wifi.airs import DEVICE
from tests.wifi.box import Box, open_box
from tests.wifi.house import FIRST_SSID, OWNER, open_house

OTHER = msgspec.structs.replace(OWNER, id="session:other")


async def test_a_simulated_radio_says_so_everywhere(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        change = await box.house.update(ssid="Demo")
        ended = await box.wait(change, "applied")
        assert ended["simulated"] is True
        assert "simulated" in ended["reason"]
        assert (await box.house.call("wifi.networks.get", network="home"))["simulated"] is True
        assert all(one["simulated"] for one in (await box.house.call("wifi.radios.list"))["items"])
        assert "simulated" in (await box.house.service.health())[1]


async def test_the_requester_comes_back_and_confirms(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        change = await box.waiting(ssid="New", confirm="client", deadline_seconds=120)
        now = await box.house.call("wifi.changes.get", change=change)
        assert (now["proof"], now["deadline"] is None) == ("on_air", False)
        answer = (await box.house.call("wifi.changes.confirm", change=change))["change"]
        assert (answer["state"], answer["proof"]) == ("applied", "client")
        await box.clock.advance(200)
        ended = await box.wait(change, "applied")
        assert (ended["proof"], ended["deadline"]) == ("client", None)
        again = (await box.house.call("wifi.changes.confirm", change=change))["change"]
        assert (again["state"], again["proof"]) == ("applied", "client")


async def test_somebody_else_may_keep_it_but_proves_nothing_by_that(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        change = await box.waiting(ssid="New", confirm="client")
        answer = (await box.house.call("wifi.changes.confirm", change=change, caller=OTHER))["change"]
        assert (answer["state"], answer["proof"]) == ("applied", "on_air")


async def test_nobody_confirms(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        change = await box.waiting(ssid="New", confirm="client", deadline_seconds=30)
        await box.clock.advance(25)
        assert (await box.house.call("wifi.changes.get", change=change))["state"] == "proving"
        ended = await box.wait(change, "rolled_back", seconds=20)
        assert ended["reason"] == "Nobody confirmed it within 30 s."
        assert 0 < ended["outage_ms"] < 30_000  # while it waited, the new settings were on the air
        assert (await box.house.call("wifi.networks.get", network="home"))["ssid"] == FIRST_SSID
        with pytest.raises(GatewayError, match=r"wifi\.change_ended"):
            await box.house.call("wifi.changes.confirm", change=change)


async def test_a_station_is_waited_for(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        words = await box.house.passphrase()
        change = await box.waiting(ssid="New", confirm="station", deadline_seconds=30)
        assert box.radio.join(DEVICE, "New", words)
        assert (await box.wait(change, "applied", seconds=5))["proof"] == "station"

        change = await box.waiting(ssid="Newer", confirm="station", deadline_seconds=30)
        ended = await box.wait(change, "rolled_back", seconds=40)
        assert ended["reason"] == "No device joined within 30 s."
        assert box.radio.join(DEVICE, "New", words)


async def test_a_station_betters_the_proof_of_a_change_that_waits_for_its_requester(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        words = await box.house.passphrase()
        change = await box.waiting(ssid="New", confirm="client", deadline_seconds=60)
        assert box.radio.join(DEVICE, "New", words)
        async with asyncio.timeout(5):
            while (await box.wait(change, "proving"))["proof"] != "station":
                await box.clock.advance(0.1)
        await box.wait(change, "rolled_back", seconds=70)


async def test_confirming_too_early_is_told_so(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        change = await box.house.update(security="wpa3", confirm="client")
        with pytest.raises(GatewayError, match=r"wifi\.change_not_on_air") as refused:
            await box.house.call("wifi.changes.confirm", change=change)
        assert refused.value.retry_after == 1.0


async def test_a_change_that_waits_keeps_others_out(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        change = await box.waiting(ssid="New", confirm="client")
        with pytest.raises(GatewayError, match=r"wifi\.change_open") as refused:
            await box.house.update(ssid="Other")
        assert change in refused.value.detail
        assert (await box.house.update(ssid="New", confirm="client")) == change
        await box.house.call("wifi.changes.revert", change=change)
        ended = await box.wait(change, "rolled_back")
        assert ended["reason"] == "It was reverted."
        await box.wait(await box.house.update(ssid="Other"), "applied")


async def test_reverting_an_applied_change_is_a_change(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        first = await box.house.update(ssid="First", passphrase="password one")
        await box.wait(first, "applied")
        second = await box.house.update(passphrase="password two")
        await box.wait(second, "applied")
        with pytest.raises(GatewayError, match="Only the last applied change"):
            await box.house.call("wifi.changes.revert", change=first)
        back = (await box.house.call("wifi.changes.revert", change=second))["change"]
        assert back["state"] == "pending"
        await box.wait(back["id"], "applied")
        assert await box.house.passphrase() == "password one"
        assert [one["id"] for one in (await box.house.call("wifi.changes.list"))["items"]] == [
            *(back["id"], second, first)
        ]


async def test_what_is_wanted_already_is_applied_at_once(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        change = await box.house.update(ssid=FIRST_SSID)
        now = await box.house.call("wifi.changes.get", change=change)
        assert (now["state"], now["outage_ms"], now["to_revision"]) == ("applied", 0, 1)
        assert now["reason"].startswith("Nothing differs")


async def test_a_radio_takes_six_changes_a_minute(tmp_path: Path) -> None:
    async with open_box(tmp_path, most=6) as box:
        for number in range(6):
            await box.wait(await box.house.update(ssid=f"Number {number}"), "applied")
        with pytest.raises(GatewayError, match=r"wifi\.busy") as refused:
            await box.house.update(ssid="Number 6")
        assert refused.value.retry_after is not None
        assert 0 < refused.value.retry_after <= 60
        assert (await box.house.call("wifi.networks.get", network="home"))["ssid"] == "Number 5"
        await box.clock.advance(refused.value.retry_after + 1)
        await box.wait(await box.house.update(ssid="Number 6"), "applied")


async def test_the_same_key_is_one_change(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        one = await box.house.update(ssid="Once", once="k1")
        assert await box.house.update(ssid="Once", once="k1") == one
        assert len((await box.house.call("wifi.changes.list"))["items"]) == 1


async def test_changes_are_paged(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        made = [await box.house.update(ssid=f"Number {number}") for number in range(3)]
        await box.wait(made[-1], "applied")
        page = await box.house.call("wifi.changes.list", limit=2)
        rest = await box.house.call("wifi.changes.list", limit=2, cursor=page["next"])
        assert [one["id"] for one in (*page["items"], *rest["items"])] == made[::-1]
        assert rest["next"] is None


async def test_what_does_not_exist(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        for name in ("get", "confirm", "revert"):
            with pytest.raises(GatewayError, match=r"wifi\.change_not_found"):
                await box.house.call(f"wifi.changes.{name}", change="nothing")
        for name in ("get", "reveal", "preview"):
            with pytest.raises(GatewayError, match=r"wifi\.network_not_found"):
                await box.house.call(f"wifi.networks.{name}", network="nothing")


async def test_a_restart_rolls_back_what_was_open_first(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_box(tmp_path, clock) as box:
        words = await box.house.passphrase()
        waiting = await box.waiting(ssid="New", confirm="client")
    async with open_box(tmp_path, clock) as box:
        ended = await box.wait(waiting, "rolled_back")
        assert ended["reason"] == "The daemon was restarted in mid-change."
        assert box.radio.join(DEVICE, FIRST_SSID, words)
        assert (await box.house.call("wifi.networks.get", network="home"))["state"] == "on_air"


async def test_who_may_what(tmp_path: Path) -> None:
    nobody = msgspec.structs.replace(OWNER, scopes=frozenset())
    async with open_box(tmp_path) as box:
        for operation in box.house.core.registry:
            with pytest.raises(GatewayError, match=r"access\.forbidden"):
                await box.house.call(operation.name, caller=nobody)


async def test_the_simulated_household_comes_and_goes_and_learns_a_new_password(tmp_path: Path) -> None:
    clock, tasks = FakeClock(), Tasks()
    radio = SimulatedDriver(clock, tasks)

    def build(_tasks: Tasks) -> Driver:
        return radio

    try:
        async with open_house(tmp_path, build, clock=clock) as house:
            box = Box(house, clock, radio)
            await _stations(box, least=4)
            await box.wait(await house.update(passphrase="battery staple"), "applied")
            assert len(await radio.stations()) <= 1
            await _stations(box, least=4)
    finally:
        await tasks.close()


async def _stations(box: Box, *, least: int) -> None:
    for _ in range(300):
        if len(await box.radio.stations()) >= least:
            return
        await box.clock.advance(1)
        await asyncio.sleep(0.002)
    raise AssertionError("the household does not come back")
