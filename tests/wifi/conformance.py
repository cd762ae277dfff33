"""What every driver must do, whoever drives the radio: simulated, a fake hostapd, the real one.

`Air` is what a test has around a driver: devices that try to join.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Protocol

from gatewayd.wifi.driver import Driver, NotOnAir, RadioEvent
from gatewayd.wifi.model import Security, Step
from tests.wifi.settings import home


class Air(Protocol):
    """A driver, started, and the devices around it."""

    driver: Driver
    patience: float
    """Seconds until a device that can join has joined."""

    async def join(self, ssid: str, passphrase: str | None) -> bool:
        """A device that forgot everything tries these credentials; whether it was admitted."""
        ...

    async def joined(self) -> bool:
        """Whether the device is connected by its own account."""
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
    assert (await air.driver.apply((changed,))).step is Step.KEYS
    assert await air.driver.stations() == ()
    assert not await air.join("Maple Street", "correct horse")
    assert await air.join("Maple Street", "battery staple")


async def ssid_changes(air: Air) -> None:
    """A new name is on the air, and the same password works under it."""
    await air.driver.apply((home(),))
    assert await air.join("Maple Street", "correct horse")
    changed = home(ssid="Ahornstraße 🍁")
    assert (await air.driver.apply((changed,))).step is Step.BSS
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
    """A hidden network still admits who asks for it by name; who was there before is thrown off first."""
    await air.driver.apply((home(),))
    assert await air.join("Maple Street", "correct horse")
    assert (await air.driver.apply((home(hidden=True),))).step is Step.RELOAD
    assert await air.join("Maple Street", "correct horse")


async def sae_password_changes(air: Air) -> None:
    """Under WPA3 who has the old password stays out, though hostapd remembers his keys."""
    await air.driver.apply((home(security=Security.WPA3),))
    assert await air.join("Maple Street", "correct horse")
    await air.driver.apply((home(security=Security.WPA3, passphrase="battery staple"),))
    assert await air.driver.stations() == ()
    assert not await air.join("Maple Street", "correct horse")
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


async def proven(air: Air, ssid: str = "Maple Street") -> None:
    """Waits for the proof."""

    async def holds() -> bool:
        try:
            await air.driver.prove(home(ssid=ssid))
        except NotOnAir:
            return False
        return True

    # a simulated radio looks at the whole network, so it is asked for its name only
    if air.driver.simulated:
        return
    assert await until(holds, 10), f"{ssid} is not on the air"


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
    wrong_proof_is_refused,
    joins_and_leaves_are_told,
)
