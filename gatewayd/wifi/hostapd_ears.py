"""What hostapd tells by itself: one listener for each network on a radio."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from gatewayd.tasks import Tasks
from gatewayd.wifi.control import Control, ControlError
from gatewayd.wifi.driver import RadioEvent
from gatewayd.wifi.render import Bss

log = structlog.get_logger(__name__)
_PAUSE = 0.2
_KINDS = {
    "AP-STA-CONNECTED": "joined",
    "AP-STA-DISCONNECTED": "left",
    "AP-STA-POSSIBLE-PSK-MISMATCH": "wrong_password",
}


class Ears:
    """Listens at the control sockets of one radio; `tell` gets what is heard."""

    def __init__(
        self,
        control: Callable[[str], Awaitable[Control]],
        tasks: Tasks,
        tell: Callable[[RadioEvent], None],
    ) -> None:
        """`control` opens a socket to an interface."""
        self._control = control
        self._tasks = tasks
        self._tell = tell
        self._listeners: dict[Bss, asyncio.Task[None]] = {}

    def listen(self, bsses: tuple[Bss, ...]) -> None:
        """Listens at these from now on, at no other; who is listened to already is not interrupted."""
        for bss in self._listeners.keys() - set(bsses):
            self._listeners.pop(bss).cancel()
        for bss in bsses:
            if bss not in self._listeners:
                self._listeners[bss] = self._tasks.spawn(f"wifi.events.{bss.interface}", self._follow(bss))

    async def close(self) -> None:
        """Listens no more."""
        listeners, self._listeners = tuple(self._listeners.values()), {}
        for listener in listeners:
            listener.cancel()
        await asyncio.gather(*listeners, return_exceptions=True)

    async def _follow(self, bss: Bss) -> None:
        while True:
            try:
                async with await self._control(bss.interface) as control:
                    async for event in control.events():
                        self._heard(bss, event)
            except ControlError as error:
                log.debug("wifi.events_lost", interface=bss.interface, error=str(error))
            await asyncio.sleep(_PAUSE)

    def _heard(self, bss: Bss, event: str) -> None:
        heard = read_event(bss, event)
        if heard is not None:
            self._tell(heard)


def read_event(bss: Bss, event: str) -> RadioEvent | None:
    """What a line of hostapd's means to us; None for most."""
    word, _, rest = event.partition(" ")
    mac = rest.partition(" ")[0].lower()
    match _KINDS.get(word):
        case "joined":
            return RadioEvent(kind="joined", network=bss.network, mac=mac)
        case "left":
            return RadioEvent(kind="left", network=bss.network, mac=mac)
        case "wrong_password":
            return RadioEvent(kind="wrong_password", network=bss.network, mac=mac)
    if word in ("AP-DISABLED", "INTERFACE-DISABLED"):
        return RadioEvent(kind="lost", reason=f"{bss.interface} was switched off")
    return None
