"""Several networks on one radio, versions of hostapd, another channel: the driver on a fake hostapd."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from gatewayd.system.nl80211 import PhyChannel, PhyFacts
from gatewayd.tasks import Tasks
from gatewayd.wifi.driver import DriverError, Heard, ListensForRadar, NotOnAir, OnAir, Refused
from gatewayd.wifi.hostapd import HostapdDriver, ways_in
from gatewayd.wifi.hostapd_ears import read_event
from gatewayd.wifi.model import NetworkSettings, Security, Step
from gatewayd.wifi.render import AUTO, Bss, RadioSettings
from tests.wifi.airs import FakeAir, fake_air
from tests.wifi.settings import GUEST, RADIO, home

MIXED_GUEST = msgspec.structs.replace(GUEST, security=Security.WPA2_WPA3)
BSS = Bss(network="home", interface="wlan0", bssid="02:00:00:00:00:00")


class Ears:
    """A scanner that hears what it is told to."""

    def __init__(self) -> None:
        self.heard: tuple[Heard, ...] = ()

    async def scan(self) -> tuple[Heard, ...]:
        return self.heard


async def _again(air: FakeAir, radio: RadioSettings = RADIO) -> tuple[HostapdDriver, Tasks]:
    """The driver of a daemon that starts while hostapd runs on; the one before has let go."""
    await air.tasks.close()
    await air.driver.close()
    tasks = Tasks()
    driver = HostapdDriver(
        (radio,), binary=air.binary, places=air.places, run=air.folder / "run", tasks=tasks
    )
    await driver.start()
    return driver, tasks


async def test_2_11_reloads_one_network_alone() -> None:
    async with fake_air() as air:
        (air.folder / "version").write_text("2.11")
        await air.driver.apply((home(), GUEST))
        assert await air.join("Maple Street", "correct horse")
        assert await air.join("Guests", "guest password", device=1)
        assert (await air.driver.apply((home(), MIXED_GUEST))).step is Step.BSS
        assert await air.joined()
        assert not await air.joined(1)
        assert await air.join("Guests", "guest password", device=1)
        changed = msgspec.structs.replace(GUEST, ssid="Visitors")
        assert (await air.driver.apply((home(), changed))).step is Step.BSS  # without WPA3 again
        assert await air.joined()
        assert (await air.driver.apply((home(),))).step is Step.RESTART  # adding and removing is not proven


async def test_the_version_is_that_of_the_process_not_of_the_file() -> None:
    async with fake_air() as air:
        await air.driver.apply((home(),))
        (air.folder / "version").write_text("2.11")  # upgraded; 2.10 runs on
        driver, tasks = await _again(air)
        try:
            assert (await driver.apply((home(),))).step is Step.NONE
            mixed = home(security=Security.WPA2_WPA3)
            impact = driver.impact(home(), (mixed,), {"home": 2})
            assert (impact.step, impact.stations_dropped) == (Step.RESTART, 2)
            assert (await driver.apply((mixed,))).step is Step.RESTART
            assert driver.impact(mixed, (home(),), {}).step is Step.BSS  # now 2.11 runs
        finally:
            await tasks.close()
            await driver.close()


async def test_half_a_swap_ends_in_a_restart() -> None:
    async with fake_air() as air:
        await air.driver.apply((home(), GUEST))
        await air.fault("fail", "ADD")
        with pytest.raises(DriverError, match="refused ADD"):
            await air.driver.apply((home(), MIXED_GUEST))
        assert (await air.driver.apply((home(), GUEST))).step is Step.RESTART
        assert await air.join("Guests", "guest password", device=1)


async def test_a_restarted_daemon_knows_who_is_where() -> None:
    iot = home(network="iot", role="iot", ssid="Things", passphrase="things password")
    async with fake_air() as air:
        await air.driver.apply((home(), iot))
        await air.driver.apply((home(), iot, GUEST))
        await air.driver.apply((home(), GUEST))
        assert await air.join("Guests", "guest password", device=1)
        driver, tasks = await _again(air)
        try:
            assert (await driver.apply((home(), GUEST))).step is Step.NONE
            assert (await driver.apply((home(), GUEST, iot))).step is Step.BSS
            assert air.interfaces() == ["wlan0", "wlan0_1", "wlan0_2"]
            assert await air.joined(1)
            # hostapd has them in another order than the file: everything goes and comes again, and is right
            assert (await driver.apply((home(), GUEST, iot), least=Step.RELOAD)).step is Step.RELOAD
            assert await air.join("Things", "things password", device=1)
        finally:
            await tasks.close()
            await driver.close()


async def test_another_channel_is_announced() -> None:
    async with fake_air() as air:
        await air.driver.apply((home(),))
        assert await air.join("Maple Street", "correct horse")
        driver, tasks = await _again(air, msgspec.structs.replace(RADIO, channel=11))
        try:
            assert (await driver.apply((home(),))).step is Step.CSA
            assert await air.joined()
            assert [radio.channel for radio in await driver.radios()] == [11]
            assert (await driver.apply((home(),))).step is Step.NONE
        finally:
            await tasks.close()
            await driver.close()


@pytest.mark.parametrize("security", Security)
async def test_the_proof_compares_security(security: Security) -> None:
    wanted = home(security=security, passphrase=home().passphrase if security.has_passphrase else None)
    ears = Ears()
    async with fake_air(ears) as air:
        await air.driver.apply((wanted,))
        for told in Security:
            ears.heard = (Heard(bssid=RADIO.address, ssid=b"Maple Street", security=ways_in(told)),)
            if told is security:
                assert await air.driver.prove(wanted) == OnAir()
            else:
                with pytest.raises(NotOnAir, match="does not hear"):
                    await air.driver.prove(wanted)
        ears.heard = (Heard(bssid=RADIO.address, ssid=b"Maple Street"),)  # a scanner that does not tell
        await air.driver.prove(wanted)


def _facts(*channels: PhyChannel, most: int = 8, sae: bool = True) -> PhyFacts:
    return PhyFacts(channels=channels, most_access_points=most, sae=sae, management_protection=True)


def _channel(number: int, *, radar: bool = False, disabled: bool = False) -> PhyChannel:
    return PhyChannel(band="2.4", number=number, frequency=2407 + 5 * number, radar=radar, disabled=disabled)


async def _driver(air: FakeAir, facts: PhyFacts, channel: int) -> HostapdDriver:
    async def ask(interface: str) -> PhyFacts:
        assert interface == "wlan0"
        return facts

    return HostapdDriver(
        (msgspec.structs.replace(RADIO, channel=channel),),
        binary=air.binary,
        places=air.places,
        run=air.folder / "run",
        tasks=air.tasks,
        facts=ask,
    )


async def test_a_channel_that_is_forbidden_is_refused_and_auto_takes_one_that_is_not() -> None:
    facts = _facts(_channel(1, disabled=True), _channel(6), _channel(11), most=1, sae=False)
    async with fake_air() as air:
        with pytest.raises(DriverError, match=r"Channel 1 on 2\.4 GHz is not allowed"):
            await (await _driver(air, facts, 1)).start()
        driver = await _driver(air, facts, AUTO)
        await driver.start()
        try:
            await driver.apply((home(),))
            assert "channel=6\n" in _config(air)
            (radio,) = await driver.radios()
            assert (radio.max_bss, radio.sae) == (1, False)
            assert [one.number for one in radio.channels if one.allowed] == [6, 11]
            for wanted, said in (
                ((home(), GUEST), "at most 1 network"),
                ((home(security=Security.WPA3),), "does not carry WPA3"),
            ):
                with pytest.raises(Refused, match=said):
                    await driver.check(wanted)
        finally:
            await driver.close()


def _config(air: FakeAir) -> str:
    return air.places.config_file("radio0").read_text()


async def test_radar_duty_is_told_before_and_waited_for() -> None:
    async with fake_air() as air:
        driver = await _driver(air, _facts(_channel(6, radar=True)), 6)
        await driver.start()
        try:
            await driver.apply((home(),))
            safer = home(security=Security.WPA3)
            assert driver.impact(home(), (safer,), {}).silent_seconds > 60
            assert driver.impact(home(), (home(ssid="New"),), {}).silent_seconds < 1
            await air.command("TEST STATE DFS")
            with pytest.raises(ListensForRadar):
                await driver.prove(home())
        finally:
            await driver.close()


async def test_a_bridge_is_named_to_hostapd_and_not_in_a_dry_run(tmp_path: Path) -> None:
    guest: NetworkSettings = msgspec.structs.replace(GUEST, bridge="br-guest")
    async with fake_air() as air:
        await air.driver.check((home(), guest))
        await air.driver.apply((home(), guest))
        assert "bss=wlan0_1\n" in _config(air)
        assert "bridge=br-guest\n" in _config(air)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("AP-STA-CONNECTED 02:AA:00:00:00:01 keyid=lamp", "joined"),
        ("AP-STA-DISCONNECTED 02:aa:00:00:00:01", "left"),
        ("AP-STA-POSSIBLE-PSK-MISMATCH 02:aa:00:00:00:01", "wrong_password"),
        ("AP-DISABLED ", "lost"),
        ("WPS-PIN-NEEDED x", None),
    ],
)
def test_what_hostapd_tells(line: str, kind: str | None) -> None:
    heard = read_event(BSS, line)
    assert (heard.kind if heard else None) == kind
    if heard is not None and kind != "lost":
        assert (heard.network, heard.mac) == ("home", "02:aa:00:00:00:01")
