"""The light steps: telling a running hostapd of one network what changes, while the others go on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from gatewayd.system.files import write_atomically
from gatewayd.wifi.channels import frequency
from gatewayd.wifi.commands import channel_switch, commands, gone_keys, throws_all_off
from gatewayd.wifi.control import CommandRefused, Control, ControlError, fields
from gatewayd.wifi.driver import DriverError, Networks
from gatewayd.wifi.model import NetworkSettings
from gatewayd.wifi.planner import How, Plan
from gatewayd.wifi.render import Bss, Places, RadioSettings, Rendered

ADD_SECONDS = 10.0
_SWITCH_SECONDS = 3.0
_POLL = 0.05

Open = Callable[[str], Awaitable[Control]]


class Steps:
    """Carries out plans of the steps `keys`, `bss` and `csa`. All raise ControlError and OSError."""

    def __init__(self, control: Open, places: Places, radio: str) -> None:
        """`control` opens a socket to an interface, or to the radio's hostapd as a whole."""
        self._control = control
        self._places = places
        self._radio = radio

    async def carry_out(
        self, todo: Plan, before: Networks, wanted: Networks, rendered: Rendered, running: tuple[Bss, ...]
    ) -> None:
        """Does each act of the plan. The radio's files are written; `running` is what it sends now."""
        old = {network.network: network for network in before}
        new = {network.network: network for network in wanted}
        now = {bss.network: bss for bss in running}
        then = {bss.network: bss for bss in rendered.bsses}
        for name, how in todo.acts:
            if how in (How.REMOVE, How.SWAP):
                await self._remove(now[name])
            if how in (How.ADD, How.SWAP):
                await self._add(then[name], rendered.alone[name])
            if how in (How.KEYS, How.EDIT, How.RENEW):
                await self._tell(how, old[name], new[name], then[name], rendered.alone[name])

    async def switch_channel(self, radio: RadioSettings) -> None:
        """Announces the new channel in some beacons, so that stations come along, and goes there."""
        megahertz = frequency(radio.band, radio.channel)
        async with await self._control(radio.interface) as control:
            await control.order(channel_switch(radio))
            deadline = asyncio.get_running_loop().time() + _SWITCH_SECONDS
            while fields(await control.ask("STATUS")).get("freq") != str(megahertz):
                if asyncio.get_running_loop().time() > deadline:
                    raise ControlError(f"hostapd did not change to channel {radio.channel}")
                await asyncio.sleep(_POLL)

    async def _tell(
        self, how: How, old: NetworkSettings, new: NetworkSettings, bss: Bss, section: str
    ) -> None:
        gone = gone_keys(old, new)
        async with await self._control(bss.interface) as control:
            # Who used a key that goes is asked for while hostapd still knows.
            those = (
                [mac for mac, told in await stations_of(control) if told.get("keyid") in gone] if gone else []
            )
            for command in commands(how, old, new, section):
                await control.order(command)
            if throws_all_off(how, old, new):
                those = [mac for mac, _ in await stations_of(control)]
            for mac in those:
                await control.order(f"DEAUTHENTICATE {mac}")

    async def _remove(self, bss: Bss) -> None:
        async with await self._whole() as control:
            await control.order(f"REMOVE {bss.interface}")

    async def _add(self, bss: Bss, section: str) -> None:
        file = self._places.bss_file(self._radio, bss.network)
        first = self._places.control / bss.interface.partition("_")[0]
        async with await self._control(first.name) as control:
            phy = fields(await control.ask("STATUS")).get("phy", "")
        await asyncio.to_thread(write_atomically, file, section.encode())
        try:
            async with await self._whole() as control:
                await control.order(f"ADD bss_config={phy}:{file}", seconds=ADD_SECONDS)
        finally:
            await asyncio.to_thread(file.unlink)

    async def _whole(self) -> Control:
        return await self._control(self._places.global_socket(self._radio).name)


async def stations_of(control: Control) -> list[tuple[str, dict[str, str]]]:
    """Every station of one BSS: its MAC and hostapd's fields. Raises ControlError."""
    found: list[tuple[str, dict[str, str]]] = []
    with contextlib.suppress(CommandRefused):  # `FAIL` ends the list
        reply = await control.ask("STA-FIRST")
        while reply:
            mac = reply.splitlines()[0].strip().lower()
            found.append((mac, fields(reply)))
            reply = await control.ask(f"STA-NEXT {mac}")
    return found


async def ask_status(control: Open, bss: Bss) -> dict[str, str]:
    """hostapd's STATUS as asked at one BSS. Raises DriverError."""
    try:
        async with await control(bss.interface) as opened:
            return fields(await opened.ask("STATUS"))
    except ControlError as error:
        raise DriverError(f"{error}.") from error


async def ask_stations(control: Open, bss: Bss) -> list[tuple[str, dict[str, str]]]:
    """Every station of one BSS. Raises DriverError."""
    try:
        async with await control(bss.interface) as opened:
            return await stations_of(opened)
    except ControlError as error:
        raise DriverError(f"{error}.") from error
