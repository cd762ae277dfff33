"""What every driver must do, whoever drives the radio: simulated, a fake hostapd, the real one.

`Air` is what a test has around a driver: devices that try to join.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from gatewayd.system.secret import Secret
from gatewayd.wifi.driver import Driver, NotOnAir, RadioEvent
from gatewayd.wifi.model import DeviceKey, Security, Step
from tests.wifi.settings import GUEST, home


class Air(Protocol):
    """A driver, started, and the devices around it."""

    driver: Driver
    patience: float
    """Seconds until a device that can join has joined."""

    async def join(self, ssid: str, passphrase: str | None, *, device: int = 0) -> bool:
        """A device (0 or 1) that forgot everything tries these credentials; whether it was admitted."""
        ...

    async def refused(self, ssid: str, passphrase: str | None, *, device: int = 0) -> bool:
        """Whether such a device has had a fair try and was not admitted."""
        ...

    async def joined(self, device: int = 0) -> bool:
        """Whether the device is connected by its own account, and has been all along since it joined."""
        ...


Case = Callable[[Air], Awaitable[None]]


async def until(true: Callable[[], Awaitable[bool]], seconds: float) -> bool:
    """Whether it becomes true in time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while loop.time() < deadline:
        if await true():
            return True
        await asyncio.sleep(0.05)
    return await true()


async def first_apply_is_on_air(air: Air) -> None:
    """From nothing to a network that a device joins, and that the driver counts."""
    assert (await air.driver.apply((home(),))).step is Step.RESTART
    await proven(air)
    assert await air.join("Maple Street", "correct horse")
    stations = await air.driver.stations()
    assert [station.network for station in stations] == ["home"]
    assert {radio.state for radio in await air.driver.radios()} == {"on_air"}


async def same_again_does_nothing(air: Air) -> None:
    """A second apply of the same disturbs nobody."""
    await air.driver.apply((home(),))
    assert await air.join("Maple Street", "correct horse")
    assert (await air.driver.apply((home(revision=2),))).step is Step.NONE
    assert await air.joined()
    assert len(await air.driver.stations()) == 1


async def passphrase_changes(air: Air) -> None:
    """A new password throws off who has the old one, who then stays out."""
    await air.driver.apply((home(),))
    assert await air.join("Maple Street", "correct horse")
    changed = home(passphrase="battery staple")
    assert (await air.driver.apply((changed,))).step is lightest(air, Step.KEYS)
    assert await air.driver.stations() == ()
    assert await air.refused("Maple Street", "correct horse")
    assert await air.join("Maple Street", "battery staple")


async def ssid_changes(air: Air) -> None:
    """A new name is on the air, and the same password works under it."""
    await air.driver.apply((home(),))
    assert await air.join("Maple Street", "correct horse")
    changed = home(ssid="Ahornstraße 🍁")
    assert (await air.driver.apply((changed,))).step is lightest(air, Step.BSS)
    await proven(air, "Ahornstraße 🍁")
    assert await air.driver.stations() == ()
    assert await air.join("Ahornstraße 🍁", "correct horse")


async def security_changes(air: Air) -> None:
    """WPA3 beside WPA2 and then WPA3 alone, each with a new password."""
    await air.driver.apply((home(),))
    for security, passphrase in ((Security.WPA2_WPA3, "battery staple"), (Security.WPA3, "another staple")):
        changed = home(security=security, passphrase=passphrase)
        assert (await air.driver.apply((changed,))).step is Step.RESTART
        await proven(air)
        assert await air.join("Maple Street", passphrase)


async def hidden_is_found_by_who_knows_it(air: Air) -> None:
    """A hidden network still admits who asks for it by name; who was there before does not notice."""
    await air.driver.apply((home(),))
    assert await air.join("Maple Street", "correct horse")
    step = lightest(air, Step.BSS)
    assert (await air.driver.apply((home(hidden=True),))).step is step
    assert step is Step.RESTART or await air.joined()
    assert await air.join("Maple Street", "correct horse")


async def sae_password_changes(air: Air) -> None:
    """Under WPA3 who has the old password stays out, though hostapd remembers his keys."""
    await air.driver.apply((home(security=Security.WPA3),))
    assert await air.join("Maple Street", "correct horse")
    changed = home(security=Security.WPA3, passphrase="battery staple")
    assert (await air.driver.apply((changed,))).step is lightest(air, Step.BSS)
    assert await air.driver.stations() == ()
    assert await air.refused("Maple Street", "correct horse")
    assert await air.join("Maple Street", "battery staple")


async def a_second_network_comes_and_goes(air: Air) -> None:
    """Put on the radio, changed in its security, taken away: the first network's device does not notice."""
    await air.driver.apply((home(),))
    assert await air.join("Maple Street", "correct horse")
    assert (await air.driver.apply((home(), GUEST))).step is Step.BSS
    assert await air.join("Guests", "guest password", device=1)
    assert {station.network for station in await air.driver.stations()} == {"home", "guest"}
    safer = msgspec.structs.replace(GUEST, security=Security.WPA2_WPA3, isolated=True)
    assert (await air.driver.apply((home(), safer))).step is Step.BSS
    assert await air.join("Guests", "guest password", device=1)
    assert (await air.driver.apply((home(), msgspec.structs.replace(safer, enabled=False)))).step is Step.BSS
    assert [station.network for station in await air.driver.stations()] == ["home"]
    assert await air.refused("Guests", "guest password", device=1)
    assert await air.joined()


async def others_do_not_notice(air: Air) -> None:
    """Password and name of a network with WPA3 change; the other's device stays."""
    first = msgspec.structs.replace(GUEST, security=Security.WPA2_WPA3)
    await air.driver.apply((home(), first))
    assert await air.join("Maple Street", "correct horse")
    for ssid, words in (("Guests", "another guest"), ("Visitors", "another guest")):
        changed = msgspec.structs.replace(first, ssid=ssid, passphrase=Secret(words))
        assert (await air.driver.apply((home(), changed))).step is Step.BSS
        assert await air.join(ssid, words, device=1)
    assert await air.refused("Visitors", "guest password", device=1)
    assert await air.joined()


async def a_device_key_is_revoked(air: Air) -> None:
    """Each device with its own password; who loses his is thrown off and stays out, the others stay."""
    ours = DeviceKey(id="tablet", label="Tablet", passphrase=Secret("tablet password"))
    theirs = DeviceKey(id="lamp", label="Lamp", passphrase=Secret("lamp password"))
    await air.driver.apply((home(),))
    assert (await air.driver.apply((home(keys=(ours, theirs)),))).step is Step.KEYS
    assert await air.join("Maple Street", "tablet password")
    assert await air.join("Maple Street", "correct horse", device=1)
    assert {station.key for station in await air.driver.stations()} == {"tablet", "main"}
    revoked = msgspec.structs.replace(ours, revoked=True)
    assert (await air.driver.apply((home(keys=(revoked, theirs)),))).step is Step.KEYS
    assert {station.key for station in await air.driver.stations()} == {"main"}
    assert await air.refused("Maple Street", "tablet password")
    assert await air.joined(1)


async def a_station_is_thrown_off(air: Air) -> None:
    """One is, and may come back; one that is not there is no error."""
    await air.driver.apply((home(),))
    assert await air.join("Maple Street", "correct horse")
    (station,) = await air.driver.stations()
    await air.driver.deauthenticate("home", "02:00:00:00:00:77")
    assert await air.joined()
    await air.driver.deauthenticate("home", station.mac)
    assert not await air.joined()
    assert await air.join("Maple Street", "correct horse")


async def a_channel_moves_with_its_devices(air: Air) -> None:
    """A radio that is set to another channel takes its devices along, if it is set here and not elsewhere."""
    await air.driver.apply((home(),))
    assert await air.join("Maple Street", "correct horse")
    radio = (await air.driver.radios())[0].id
    installed = air.driver.tuning(radio)
    if installed is None:
        assert getattr(air, "only_restarts", False)
        return
    air.driver.tune({radio: msgspec.structs.replace(installed, revision=1, channel=11)})
    assert (await air.driver.apply((home(),))).step is Step.CSA
    assert (await air.driver.radios())[0].channel == 11
    await proven(air)
    assert await air.joined()


async def a_wrong_password_is_told(air: Air) -> None:
    """Of a device that tries one."""
    heard: list[RadioEvent] = []

    async def listen() -> None:
        async for event in air.driver.events():
            heard.append(event)

    listening = asyncio.create_task(listen())
    try:
        await air.driver.apply((home(),))
        await asyncio.sleep(0.3)
        assert await air.refused("Maple Street", "wrong horse")
        assert await until(lambda: _has(heard, "wrong_password"), 5)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def a_reload_reads_everything(air: Air) -> None:
    """What is not known to run is read again as a whole: with it an old SAE password is forgotten."""
    await air.driver.apply((home(security=Security.WPA2_WPA3),))
    assert await air.join("Maple Street", "correct horse")
    changed = home(security=Security.WPA2_WPA3, passphrase="battery staple")
    assert (await air.driver.apply((changed,), least=Step.RELOAD)).step is lightest(air, Step.RELOAD)
    assert await air.refused("Maple Street", "correct horse")
    assert await air.join("Maple Street", "battery staple")


async def wrong_proof_is_refused(air: Air) -> None:
    """Nothing is called proven that is not on the air."""
    await air.driver.apply((home(),))
    await proven(air)
    with contextlib.suppress(NotOnAir):
        await air.driver.prove(home(ssid="Somewhere else"))
        raise AssertionError("a name that nobody sends was proven")


async def joins_and_leaves_are_told(air: Air) -> None:
    """A device's coming and its being thrown off are events."""
    heard: list[RadioEvent] = []

    async def listen() -> None:
        async for event in air.driver.events():
            heard.append(event)

    listening = asyncio.create_task(listen())
    try:
        await air.driver.apply((home(),))
        await asyncio.sleep(0.3)
        assert await air.join("Maple Street", "correct horse")
        assert await until(lambda: _has(heard, "joined"), 5)
        await air.driver.apply((home(passphrase="battery staple"),))
        assert await until(lambda: _has(heard, "left"), 5)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def proven(
    air: Air,
    ssid: str = "Maple Street",
    *,
    security: Security = Security.WPA2,
    holds: bool = True,
) -> None:
    """Waits for the proof; without `holds` it must not come."""

    async def proves() -> bool:
        try:
            await air.driver.prove(home(ssid=ssid, security=security))
        except NotOnAir:
            return False
        return True

    # a simulated radio looks at the whole network, so it is asked for its name only
    if air.driver.simulated:
        return
    assert await until(proves, 10 if holds else 2) is holds, f"{ssid}, {security}"


def lightest(air: Air, step: Step) -> Step:
    """What a driver takes for what needs `step`: one that can only restart a radio says so, and does."""
    return Step.RESTART if getattr(air, "only_restarts", False) else step


async def _has(heard: list[RadioEvent], kind: str) -> bool:
    return any(event.kind == kind and event.network == "home" for event in heard)


ALL: tuple[Case, ...] = (
    first_apply_is_on_air,
    same_again_does_nothing,
    passphrase_changes,
    ssid_changes,
    security_changes,
    hidden_is_found_by_who_knows_it,
    sae_password_changes,
    a_second_network_comes_and_goes,
    others_do_not_notice,
    a_device_key_is_revoked,
    a_station_is_thrown_off,
    a_channel_moves_with_its_devices,
    a_wrong_password_is_told,
    a_reload_reads_everything,
    wrong_proof_is_refused,
    joins_and_leaves_are_told,
)
