"""The NetworkManager driver on a fake NetworkManager, on a real dbus-daemon."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from dbus_fast import Variant
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.system.secret import Secret
from gatewayd.tasks import Tasks
from gatewayd.wifi.driver import Driver, DriverError, Heard, NotOnAir, RadioEvent, Refused, Scanner
from gatewayd.wifi.model import Band, DeviceKey, Security, Step
from gatewayd.wifi.networkmanager import CHECKPOINT_SECONDS, OWN_WORD, NetworkManagerDriver
from gatewayd.wifi.networkmanager_bus import NetworkManagerBus, manages
from gatewayd.wifi.networkmanager_profile import check, identity, profile, same, written
from tests.support.networkmanager import FakeNetworkManager, fake_bus, fake_networkmanager, verify
from tests.wifi import conformance
from tests.wifi.airs import DEVICES
from tests.wifi.conformance import until
from tests.wifi.house import open_house
from tests.wifi.settings import GUEST, RADIO, home

CANNOT = {
    "a_second_network_comes_and_goes": "one network on a radio",
    "others_do_not_notice": "one network on a radio",
    "a_device_key_is_revoked": "one password for a network",
    "a_station_is_thrown_off": "no single station is thrown off",
    "a_wrong_password_is_told": "it does not tell",
}
"""What the suite asks and NetworkManager has no means for; the driver refuses it, see below."""


class NetworkManagerAir:
    """The driver on the fake, and devices around it."""

    patience = 0.0
    only_restarts = True

    def __init__(self, address: str, fake: FakeNetworkManager, scanner: Scanner | None = None) -> None:
        self.address = address
        self.fake = fake
        self.tasks = Tasks()
        self.scanner = scanner
        self.driver: Driver = self.new_driver(self.tasks)

    def new_driver(self, tasks: Tasks) -> NetworkManagerDriver:
        return NetworkManagerDriver(
            (RADIO,),
            tasks=tasks,
            address=self.address,
            scanner=self.scanner,
            ears=self.fake.stations,
            pace=0.02,
        )

    async def join(self, ssid: str, passphrase: str | None, *, device: int = 0) -> bool:
        return self.fake.join(DEVICES[device], ssid, passphrase)

    async def refused(self, ssid: str, passphrase: str | None, *, device: int = 0) -> bool:
        return not await self.join(ssid, passphrase, device=device)

    async def joined(self, device: int = 0) -> bool:
        return DEVICES[device] in self.fake.radio.stations


@asynccontextmanager
async def networkmanager_air(scanner: Scanner | None = None) -> AsyncIterator[NetworkManagerAir]:
    with tempfile.TemporaryDirectory(prefix="gwt-") as folder:
        async with fake_bus(Path(folder)) as address, fake_networkmanager(address) as fake:
            air = NetworkManagerAir(address, fake, scanner)
            await air.driver.start()
            try:
                yield air
            finally:
                await air.tasks.close()
                await air.driver.close()


@pytest.mark.parametrize(
    "case", [case for case in conformance.ALL if case.__name__ not in CANNOT], ids=lambda case: case.__name__
)
async def test_conformance(case: conformance.Case) -> None:
    async with networkmanager_air() as air:
        await case(air)


async def test_what_it_cannot_do_is_refused_before_anything_is_touched() -> None:
    assert CANNOT.keys() <= {case.__name__ for case in conformance.ALL}
    key = DeviceKey(id="k1", label="Printer", passphrase=Secret("printer printer"))
    async with networkmanager_air() as air:
        await air.driver.apply((home(),))
        for networks, word in (
            ((home(), GUEST), "one network"),
            ((home(keys=(key,)),), "one password"),
            ((home(security=Security.OWE, passphrase=None),), "owe"),
        ):
            with pytest.raises(Refused, match=word):
                await air.driver.check(networks)
            with pytest.raises(Refused, match=word):
                await air.driver.apply(networks)
        with pytest.raises(DriverError, match="single device"):
            await air.driver.deauthenticate("home", DEVICES[0])
        assert air.fake.activations == 1
        air.fake.radio.capabilities = 0x100 | 0x200
        with pytest.raises(Refused, match="access point"):
            await air.driver.check((home(),))
        air.fake.radio.capabilities = 0x40 | 0x100 | 0x400
        with pytest.raises(Refused, match=r"2\.4 GHz"):
            await air.driver.check((home(),))


async def test_the_preview_says_that_all_are_dropped() -> None:
    async with networkmanager_air() as air:
        await air.driver.apply((home(),))
        told = air.driver.impact(home(), (home(passphrase="battery staple"),), {"home": 3})
        assert (told.step, told.stations_dropped) == (Step.RESTART, 3)
        assert air.driver.impact(home(), (home(revision=7),), {"home": 3}).step is Step.NONE


async def test_the_proof_is_networkmanagers_word_and_says_so() -> None:
    async with networkmanager_air() as air:
        with pytest.raises(NotOnAir):
            await air.driver.prove(home())
        await air.driver.apply((home(),))
        assert (await air.driver.prove(home())).note == OWN_WORD
        assert (await air.driver.prove(home(enabled=False))).note == "The network is switched off."


class Ear:
    """A second radio that hears this."""

    def __init__(self, ssid: str, *security: str) -> None:
        self.heard = Heard(bssid=RADIO.address, ssid=ssid.encode(), security=frozenset(security))

    async def scan(self) -> tuple[Heard, ...]:
        return (self.heard,)


@pytest.mark.parametrize(
    ("ear", "proven"),
    [
        (Ear("Maple Street", "wpa2"), True),
        (Ear("Maple Street", "open"), False),
        (Ear("Elsewhere", "wpa2"), False),
    ],
)
async def test_a_second_radio_hears_name_and_security(ear: Ear, proven: bool) -> None:
    async with networkmanager_air(ear) as air:
        await air.driver.apply((home(),))
        if proven:
            assert (await air.driver.prove(home())).note is None
        else:
            with pytest.raises(NotOnAir, match="does not hear"):
                await air.driver.prove(home())


async def test_an_edit_alone_is_not_taken_for_the_air() -> None:
    """Killed between writing and activating: the connection is right, the air is not."""
    async with networkmanager_air() as air:
        await air.driver.apply((home(),))
        path, before = next(iter(air.fake.connections.items()))
        changed = home(passphrase="battery staple")
        air.fake.connections[path] = profile(RADIO, changed, writing="other", before=before)
        assert (await air.driver.apply((changed,))).step is Step.RESTART
        assert await air.join("Maple Street", "battery staple")


async def test_a_restarted_daemon_finds_its_network_and_disturbs_nobody() -> None:
    async with networkmanager_air() as air:
        await air.driver.apply((home(),))
        assert await air.join("Maple Street", "correct horse")
        tasks = Tasks()
        driver = air.new_driver(tasks)
        try:
            await driver.start()
            assert (await driver.apply((home(),))).step is Step.NONE
            assert [one.mac for one in await driver.stations()] == [DEVICES[0]]
            assert await air.joined()
        finally:
            await tasks.close()
            await driver.close()


async def test_a_failed_change_leaves_the_old_network_on_the_air() -> None:
    async with networkmanager_air() as air:
        await air.driver.apply((home(),))
        air.fake.fail_activation = 9
        with pytest.raises(DriverError, match="wpa_supplicant refused the settings"):
            await air.driver.apply((home(ssid="Elsewhere"),))
        assert air.fake.rollbacks == 1
        assert air.fake.checkpoints == {}
        assert await air.join("Maple Street", "correct horse")
        assert (await air.driver.apply((home(),))).step is Step.NONE


async def test_a_checkpoint_that_a_killed_daemon_left_is_gone_back_to() -> None:
    async with networkmanager_air() as air:
        await air.driver.apply((home(),))
        bus = NetworkManagerBus(air.address, lambda path, name, body: None)
        try:
            await bus.checkpoint(air.fake.radio.path, CHECKPOINT_SECONDS)
            path, before = next(iter(air.fake.connections.items()))
            half = profile(RADIO, home(ssid="Half"), writing="half", before=before)
            await bus.write(half, path)
            await air.driver.start()
            assert air.fake.checkpoints == {}
            assert (await air.driver.apply((home(),))).step is Step.NONE
            await bus.checkpoint(air.fake.radio.path, 600)  # somebody else's
            await air.driver.start()
            assert len(air.fake.checkpoints) == 1
            assert (await air.driver.apply((home(ssid="New"),))).step is Step.RESTART
        finally:
            await bus.close()


@pytest.mark.parametrize("member", ["AddConnection", "ActivateConnection", "GetDevices"])
async def test_a_refusal_tells_the_call_and_no_secret(member: str) -> None:
    async with networkmanager_air() as air:
        air.fake.faults[member] = "refuse"
        with pytest.raises(DriverError, match=member) as refused:
            await air.driver.apply((home(),))
        assert "horse" not in str(refused.value)
        air.fake.faults.clear()
        await air.driver.apply((home(),))


async def test_without_checkpoints_it_works_all_the_same() -> None:
    async with networkmanager_air() as air:
        air.fake.faults["CheckpointCreate"] = "refuse"
        assert (await air.driver.apply((home(),))).step is Step.RESTART


async def test_a_network_that_is_switched_off_is_taken_away() -> None:
    async with networkmanager_air() as air:
        await air.driver.apply((home(),))
        assert (await air.driver.apply((home(enabled=False),))).step is Step.RESTART
        assert air.fake.connections == {}
        assert air.fake.radio.state == 30
        assert (await air.driver.apply((home(enabled=False),))).step is Step.NONE


async def test_other_peoples_connections_and_sections_stay() -> None:
    async with networkmanager_air() as air:
        foreign = profile(RADIO, home(network="theirs"), writing="x", before=None)
        del foreign["user"]
        air.fake.connections["/org/freedesktop/NetworkManager/Settings/900"] = foreign
        await air.driver.apply((home(),))
        ours = next(path for path in air.fake.connections if not path.endswith("/900"))
        air.fake.connections[ours]["ipv4"] = {"method": Variant("s", "manual")}
        await air.driver.apply((home(ssid="New"),))
        assert air.fake.connections[ours]["ipv4"]["method"].value == "manual"
        await air.driver.apply((home(enabled=False),))
        assert list(air.fake.connections.values()) == [foreign]


async def test_a_radio_that_falls_silent_is_told_once() -> None:
    async with networkmanager_air() as air:
        heard: list[RadioEvent] = []

        async def listen() -> None:
            async for event in air.driver.events():
                heard.append(event)

        async def told() -> bool:
            return any(event.kind == "lost" for event in heard)

        listening = asyncio.create_task(listen())
        try:
            await air.driver.apply((home(),))
            air.fake.break_off(reason=11)
            assert await until(told, 5)
            assert [event.reason for event in heard] == ["wpa_supplicant did not answer in time"]
            with pytest.raises(NotOnAir):
                await air.driver.prove(home())
            assert {radio.state for radio in await air.driver.radios()} == {"down"}
            assert (await air.driver.apply((home(),))).step is Step.RESTART
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


async def test_networkmanager_that_ends_is_told_and_found_again() -> None:
    with tempfile.TemporaryDirectory(prefix="gwt-") as folder:
        async with fake_bus(Path(folder)) as address:
            async with fake_networkmanager(address) as fake:
                air = NetworkManagerAir(address, fake)
                await air.driver.start()
                await air.driver.apply((home(),))
            try:
                event = await asyncio.wait_for(anext(air.driver.events()), 5)
                assert (event.kind, event.reason) == ("lost", "NetworkManager has ended")
                with pytest.raises(DriverError, match="does not run"):
                    await air.driver.start()
                async with fake_networkmanager(address):
                    await air.driver.start()
                    assert (await air.driver.apply((home(),))).step is Step.RESTART
            finally:
                await air.tasks.close()
                await air.driver.close()


async def test_whether_networkmanager_has_the_radio() -> None:
    with tempfile.TemporaryDirectory(prefix="gwt-") as folder:
        assert not await manages(("wlan0",), f"unix:path={folder}/nobody")
        async with fake_bus(Path(folder)) as address:
            assert not await manages(("wlan0",), address)
            async with fake_networkmanager(address) as fake:
                assert await manages(("wlan0",), address)
                assert not await manages(("wlan7",), address)
                fake.radio.managed = False
                assert not await manages(("wlan0",), address)


async def test_a_change_through_the_whole_house(tmp_path: Path) -> None:
    async with networkmanager_air() as air, open_house(tmp_path, air.new_driver) as house:
        await house.settled()
        first = await house.passphrase()
        assert await air.join("Home-1234", first)
        ended = await house.wait(await house.update(ssid="Ahornstraße 🍁", passphrase="battery staple"))
        assert ended["state"] == "applied"
        assert ended["impact"]["step"] == "restart"
        assert not await air.join("Home-1234", first)
        assert await air.join("Ahornstraße 🍁", "battery staple")
        air.fake.fail_activation = 10
        ended = await house.wait(await house.update(ssid="Nowhere"))
        assert ended["state"] == "rolled_back"
        assert await air.join("Ahornstraße 🍁", "battery staple")


# --- the connection ------------------------------------------------------------------------------------


@given(
    ssid=st.text(min_size=1, max_size=32).filter(lambda text: 1 <= len(text.encode()) <= 32),
    words=st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=8, max_size=63),
    security=st.sampled_from([one for one in Security if one.has_passphrase]),
    hidden=st.booleans(),
    isolated=st.booleans(),
)
def test_names_and_passwords_go_in_as_they_are(
    ssid: str, words: str, security: Security, hidden: bool, isolated: bool
) -> None:
    wanted = home(ssid=ssid, passphrase=words, security=security, hidden=hidden, isolated=isolated)
    made = profile(RADIO, wanted, writing="w1", before=None)
    verify(made)
    assert made["802-11-wireless"]["ssid"].value == ssid.encode()
    assert made["802-11-wireless-security"]["psk"].value == words
    assert written(made) == "w1"
    assert made["connection"]["uuid"].value == identity(RADIO, "home")
    assert same(made, profile(RADIO, wanted, writing="w2", before=made))
    other = home(ssid=ssid, passphrase=words + "x" if len(words) < 63 else words[1:], security=security)
    assert not same(made, profile(RADIO, other, writing="w2", before=made))


def test_the_ways_in() -> None:
    def section(security: Security) -> dict[str, object]:
        words = "correct horse" if security.has_passphrase else None
        made = profile(RADIO, home(security=security, passphrase=words), writing="w", before=None)
        told = made.get("802-11-wireless-security", {})
        return {name: told[name].value for name in ("key-mgmt", "pmf") if name in told}

    assert section(Security.WPA2) == {"key-mgmt": "wpa-psk", "pmf": 1}
    assert section(Security.WPA2_WPA3) == {"key-mgmt": "wpa-psk", "pmf": 2}
    assert section(Security.WPA3) == {"key-mgmt": "sae", "pmf": 3}
    assert section(Security.OPEN) == {}


def test_a_bridge_takes_the_stations_and_no_addresses_are_made() -> None:
    made = profile(RADIO, home(bridge="br-lan"), writing="w", before=None)
    assert made["connection"]["master"].value == "br-lan"
    assert "ipv4" not in made
    assert profile(RADIO, home(), writing="w", before=None)["ipv4"]["method"].value == "shared"


def test_a_band_that_it_does_not_know_is_refused() -> None:
    from msgspec.structs import replace

    six = replace(RADIO, band=Band.GHZ_6)
    with pytest.raises(Refused, match="6 GHz"):
        check(six, (home(security=Security.WPA3, bands=(Band.GHZ_6,)),))
