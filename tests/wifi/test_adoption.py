"""hostapd survives the daemon: it is adopted untouched, or put right when the daemon died in mid-change."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import stat
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from gatewayd.tasks import Tasks
from gatewayd.wifi.driver import DriverError
from gatewayd.wifi.hostapd import HostapdDriver
from gatewayd.wifi.model import Step
from tests.wifi.airs import FakeAir, fake_air
from tests.wifi.house import FIRST_SSID
from tests.wifi.runner import Runner
from tests.wifi.settings import home

KILLS = 4


@asynccontextmanager
async def restarted(air: FakeAir) -> AsyncIterator[HostapdDriver]:
    """The driver of a daemon that starts while hostapd runs on."""
    await air.tasks.close()
    await air.driver.close()
    tasks = Tasks()
    driver = air.new_driver(tasks)
    await driver.start()
    try:
        yield driver
    finally:
        await tasks.close()
        await driver.close()


async def test_a_new_daemon_disturbs_nobody() -> None:
    async with fake_air() as air:
        await air.driver.apply((home(),))
        assert await air.join("Maple Street", "correct horse")
        pid = await air.pid()
        async with restarted(air) as driver:
            assert (await driver.apply((home(),))).step is Step.NONE
            assert await air.pid() == pid
            assert await air.joined()
            await driver.prove(home())
            assert (await driver.apply((home(passphrase="battery staple"),))).step is Step.KEYS


async def test_hostapd_has_a_session_of_its_own_and_no_secret_in_sight() -> None:
    async with fake_air() as air:
        await air.driver.apply((home(),))
        pid = await air.pid()
        assert os.getsid(pid) == pid
        with open(f"/proc/{pid}/cmdline", "rb") as line:
            arguments = line.read()
        assert b"-d" not in arguments.split(b"\0")
        assert b"correct horse" not in arguments
        files = [path for path in air.places.configuration.iterdir() if path.is_file()]
        assert {path.name for path in files} == {"radio0.conf", "radio0-home.psk", "radio0.running"}
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        assert all(b"correct horse" not in path.read_bytes() for path in files)


async def test_after_half_a_change_everything_is_read_again() -> None:
    async with fake_air() as air:
        await air.driver.apply((home(),))
        pid = await air.pid()
        await air.fault("fail", "UPDATE_BEACON")
        with pytest.raises(DriverError, match="hostapd refused UPDATE_BEACON"):
            await air.driver.apply((home(ssid="New", passphrase="battery staple"),))
        async with restarted(air) as driver:
            assert (await driver.apply((home(),))).step is Step.RELOAD
            assert await air.pid() == pid
            assert await air.join("Maple Street", "correct horse")
            assert not await air.join("New", "battery staple")


async def test_what_another_process_was_given_is_not_believed() -> None:
    async with fake_air() as air:
        await air.driver.apply((home(),))
        marker = air.places.configuration / "radio0.running"
        told = msgspec.json.decode(marker.read_bytes())
        marker.write_bytes(msgspec.json.encode({**told, "started": "1"}))
        async with restarted(air) as driver:
            assert (await driver.apply((home(),))).step is Step.RESTART
            assert await air.join("Maple Street", "correct horse")


async def test_a_marker_that_cannot_be_read_is_no_marker() -> None:
    async with fake_air() as air:
        await air.driver.apply((home(),))
        (air.places.configuration / "radio0.running").write_bytes(b"\0garbage")
        async with restarted(air) as driver:
            assert (await driver.apply((home(),))).step is Step.RESTART


async def test_one_that_hangs_is_replaced_not_joined_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatewayd.wifi.control.COMMAND_SECONDS", 0.3)
    async with fake_air() as air:
        await air.driver.apply((home(),))
        pid = await air.pid()
        os.kill(pid, signal.SIGSTOP)
        async with restarted(air) as driver:
            await driver.apply((home(),), least=Step.RESTART)
            assert not Path(f"/proc/{pid}").exists()
            assert await air.join("Maple Street", "correct horse")


async def test_no_network_no_hostapd() -> None:
    async with fake_air() as air:
        await air.driver.apply((home(),))
        assert (await air.driver.apply((home(enabled=False),))).step is Step.RESTART
        with pytest.raises(AssertionError):
            await air.pid()
        assert await air.driver.stations() == ()
        assert (await air.driver.prove(home(enabled=False))).note is not None
        assert [radio.state for radio in await air.driver.radios()] == ["down"]
        assert (await air.driver.apply((home(enabled=False),))).step is Step.NONE
        await air.driver.apply((home(),))
        assert await air.join("Maple Street", "correct horse")


async def test_a_binary_that_is_not_there_is_a_sentence() -> None:
    async with fake_air() as air:
        os.unlink(air.binary)
        with pytest.raises(DriverError, match="No such file"):
            await air.driver.check((home(),))
        with pytest.raises(DriverError, match="No such file"):
            await air.driver.apply((home(),))


async def test_sigkill_of_the_daemon_in_mid_change_ends_on_the_old_network() -> None:
    async with fake_air() as air:
        await asyncio.to_thread(_killed_in_mid_change, air)
        # hostapd did what it had been told before the kill, and then what the new daemon told it
        assert not await air.join("Nowhere", "battery staple")


def _places(air: FakeAir) -> dict[str, str]:
    return {
        "state": str(air.folder),
        "control": str(air.places.control),
        "run": str(air.folder / "run"),
        "binary": air.binary,
        "interface": "wlan0",
        "address": "02:00:00:00:00:00",
    }


def _joins(air: FakeAir, ssid: str, passphrase: str) -> bool:
    return asyncio.run(air.join(ssid, passphrase))


def _killed_in_mid_change(air: FakeAir) -> None:
    with Runner(_places(air)) as daemon:
        daemon.settle()
        first = daemon.call("wifi.networks.reveal", network="home")["passphrase"]
        asyncio.run(air.fault("mute", "UPDATE_BEACON"))
        change = daemon.update(ssid="Nowhere", passphrase="battery staple")
        daemon.wait(change, "applying")
        time.sleep(0.3)
    with Runner(_places(air)) as daemon:
        ended = daemon.wait(change, "applied", "rolled_back")
        assert (ended["state"], ended["reason"]) == ("rolled_back", "The daemon was restarted in mid-change.")
        assert _joins(air, FIRST_SSID, first)


@pytest.mark.timeout(120)
async def test_killed_at_any_moment_every_change_ends_on_a_network_that_works() -> None:
    async with fake_air() as air:
        await asyncio.to_thread(_killed_at_random, air)


def _killed_at_random(air: FakeAir) -> None:
    dice = random.Random(11)
    change = ""
    for number in range(KILLS + 1):
        with Runner(_places(air)) as daemon:
            daemon.settle()
            if change:
                ended = daemon.wait(change, "applied", "rolled_back")
                now = daemon.call("wifi.networks.reveal", network="home")
                assert (now["ssid"] == f"Round {number - 1}") == (ended["state"] == "applied")
                assert _joins(air, now["ssid"], now["passphrase"])
            change = daemon.update(ssid=f"Round {number}", passphrase=f"password {number}")
            time.sleep(dice.uniform(0, 0.15))
