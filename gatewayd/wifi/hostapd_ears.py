"""What hostapd tells by itself: one listener for each network on a radio."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from gatewayd.tasks import Tasks
from gatewayd.wifi.control import Control, ControlError
from gatewayd.wifi.driver import RadioEvent
from gatewayd.wifi.hostapd_steps import stations_of
from gatewayd.wifi.render import Bss

log = structlog.get_logger(__name__)
_PAUSE = 0.2
_KINDS = {
    "AP-STA-CONNECTED": "joined",
    "AP-STA-DISCONNECTED": "left",
    "AP-STA-POSSIBLE-PSK-MISMATCH": "wrong_password",
}


class Ears:
    """Listens at the control sockets of one radio; `tell` gets what is heard.

    What happened while nobody listened (between the making of a network and the first word from it, or while
    a socket was lost) is made up for: who is there then and was not known has joined, who is known and not
    there has left. Of a hostapd that ran before us nobody is told: they joined in another's time.
    """

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
        self._present: dict[Bss, set[str]] = {}
        self._made_up: set[tuple[Bss, str]] = set()
        self._adopted = True

    def listen(self, bsses: tuple[Bss, ...]) -> None:
        """Listens at these from now on, at no other; who is listened to already is not interrupted."""
        for bss in self._listeners.keys() - set(bsses):
            self._listeners.pop(bss).cancel()
            self._all_left(bss)
        for bss in bsses:
            if bss not in self._listeners:
                if not self._adopted:
                    self._present[bss] = set()
                self._listeners[bss] = self._tasks.spawn(f"wifi.events.{bss.interface}", self._follow(bss))
        self._adopted = False

    async def close(self, *, gone: bool = True) -> None:
        """Listens no more; with `gone` all networks have ended, and their stations with them."""
        listeners, self._listeners = self._listeners, {}
        for listener in listeners.values():
            listener.cancel()
        await asyncio.gather(*listeners.values(), return_exceptions=True)
        self._adopted = False
        if gone:
            for bss in listeners:
                self._all_left(bss)

    async def _follow(self, bss: Bss) -> None:
        while True:
            try:
                async with await self._control(bss.interface) as control:
                    async for event in control.events(lambda: self._make_up(bss)):
                        self._heard(bss, event)
            except ControlError as error:
                log.debug("wifi.events_lost", interface=bss.interface, error=str(error))
            await asyncio.sleep(_PAUSE)

    async def _make_up(self, bss: Bss) -> None:
        async with await self._control(bss.interface) as control:
            stations = await stations_of(control)
        now = {mac for mac, told in stations if "[AUTHORIZED]" in told.get("flags", "")}
        before = self._present.setdefault(bss, now)
        for mac in now - before:
            self._made_up.add((bss, mac))
            self._tell(RadioEvent(kind="joined", network=bss.network, mac=mac))
        for mac in before - now:
            self._tell(RadioEvent(kind="left", network=bss.network, mac=mac))
        self._present[bss] = now

    def _heard(self, bss: Bss, event: str) -> None:
        heard = read_event(bss, event)
        if heard is None:
            return
        if heard.mac is not None and heard.kind in ("joined", "left"):
            present = self._present.setdefault(bss, set())
            (present.add if heard.kind == "joined" else present.discard)(heard.mac)
            told_already = (bss, heard.mac) in self._made_up
            self._made_up.discard((bss, heard.mac))
            if told_already and heard.kind == "joined":
                return
        self._tell(heard)

    def _all_left(self, bss: Bss) -> None:
        for mac in self._present.pop(bss, ()):
            self._tell(RadioEvent(kind="left", network=bss.network, mac=mac))


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
