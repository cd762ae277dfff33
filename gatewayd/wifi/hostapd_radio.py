"""One radio driven by hostapd: what it runs, and the way from there to what is wanted.

hostapd is adopted when it runs, started when it does not, and left running when we go. A marker file
beside its configuration says which content the process runs; it is emptied before anything is touched
and filled when the radio has taken it all. So after a kill in mid-change the next gatewayd knows
that it does not know, and has hostapd read its whole file again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import structlog

from gatewayd.system import nl80211
from gatewayd.system.files import ensure_folder, write_atomically
from gatewayd.system.nl80211 import PhyFacts
from gatewayd.tasks import Tasks
from gatewayd.wifi.abilities import Abilities, Version, abilities
from gatewayd.wifi.channels import knows_rules, leave_radar, settle_channel
from gatewayd.wifi.control import CommandRefused, Control, ControlError, fields
from gatewayd.wifi.driver import Applied, DriverError, Networks, RadioEvent, Refused
from gatewayd.wifi.dry_run import dry_run, end_orphans
from gatewayd.wifi.hostapd_ears import Ears
from gatewayd.wifi.hostapd_files import (
    Marker,
    complaint,
    read_marker,
    remove_files,
    start_time,
    write_all,
    write_candidate,
)
from gatewayd.wifi.hostapd_process import Process, spawn, version_of
from gatewayd.wifi.hostapd_steps import Steps
from gatewayd.wifi.model import RadioTuning, Step
from gatewayd.wifi.planner import RESTART, How, Plan, heavier, plan
from gatewayd.wifi.render import (
    Bss,
    Places,
    RadioSettings,
    Rendered,
    assign_slots,
    carried,
    render,
)
from gatewayd.wifi.tunings import tuned

log = structlog.get_logger(__name__)
START_SECONDS = 10.0
RELOAD_SECONDS = 15.0
_POLL = 0.05
Facts = Callable[[str], Awaitable[PhyFacts | None]]


class HostapdRadio:
    """One radio, its hostapd and its configuration files."""

    def __init__(
        self,
        settings: RadioSettings,
        *,
        binary: str,
        places: Places,
        run: Path,
        tasks: Tasks,
        emit: Callable[[RadioEvent], None],
        facts: Facts = nl80211.facts,
    ) -> None:
        """`run` is the folder for our own client sockets; `emit` gets what the radio tells; `facts` is asked
        what the radio can do."""
        # As installed; as wished for, where the channel may be `AUTO`; as it is.
        self.installed = self.wished = self.settings = settings
        self.facts: PhyFacts | None = None
        self.bsses: tuple[Bss, ...] = ()
        self.process: Process | None = None
        self._binary = binary
        self._ask_facts = facts
        self._places = places
        self._run = run
        self._running: Networks | None = None
        self._before: RadioSettings | None = None
        self._slots: dict[str, int] = {}
        self._version: Version | None = None
        self._doors = False  # whether hostapd can be asked to add and remove networks
        self._digest: str | None = None
        self._sends_now = True
        self._busy = False
        # Whether a reload is enough when it is not known which settings the process runs: it is when it was
        # started for this radio and what it was told since is read again by a reload.
        self._rereadable = False
        self._emit = emit
        self._ears = Ears(self.control, tasks, self._tell)
        self._steps = Steps(self.control, places, settings.radio)

    async def start(self) -> None:
        """Adopts the hostapd that answers on the radio's socket, or is known to run; unless we have it."""
        if self.process is not None and self.process.alive:
            return
        await asyncio.to_thread(ensure_folder, self._places.configuration)
        await asyncio.to_thread(ensure_folder, self._run)
        await asyncio.to_thread(end_orphans, self._candidates)
        marker = await asyncio.to_thread(read_marker, self._places.marker_file(self.settings.radio))
        self.facts = await self._ask_facts(self.settings.interface)
        running = None if marker is None else marker.radio.channel
        self.settings = settle_channel(self.wished, self.facts, running)
        pid = None if marker is None else marker.pid
        self._doors = await asyncio.to_thread(self._places.global_socket(self.settings.radio).is_socket)
        try:
            async with await self.control(self.settings.interface) as control:
                await control.ask("PING")
                pid = control.peer_pid
        except ControlError as error:
            # One that hangs is adopted too, to be ended: two of them cannot share a radio.
            if pid is None:
                return
            log.warning("wifi.hostapd_silent", radio=self.settings.radio, pid=pid, error=str(error))
        if not pid:  # the kernel does not show it to us: another namespace of processes
            raise DriverError("The process that answers as hostapd cannot be identified.")
        with contextlib.suppress(ProcessLookupError):
            self._take(Process(pid))
            if marker is not None and marker.pid == pid:
                self._digest, self._version, self._slots = marker.digest, marker.version, marker.slots
                self._before = marker.radio
                self._rereadable = marker.rereadable
            log.info(
                "wifi.hostapd_adopted", radio=self.settings.radio, pid=pid, known=self._digest is not None
            )

    async def close(self) -> None:
        """Lets go of hostapd, which runs on."""
        await self._ears.close(gone=False)
        if self.process is not None:
            self.process.release()
            self.process = None

    async def control(self, interface: str) -> Control:
        """A new command socket to one BSS. Raises ControlError."""
        return await Control.open(self._places.control / interface, self._run)

    async def deauthenticate(self, bss: Bss, mac: str) -> None:
        """Throws a station off. Raises DriverError."""
        try:
            async with await self.control(bss.interface) as control:
                with contextlib.suppress(CommandRefused):  # it has gone by itself
                    await control.order(f"DEAUTHENTICATE {mac}")
        except ControlError as error:
            raise DriverError(f"{error}.") from error

    @property
    def able(self) -> Abilities:
        """The steps that are sure here and now."""
        able = abilities(self.settings.driver, self._version)
        if not self._doors:
            able = msgspec.structs.replace(able, swap=False)
        return able

    @property
    def most_networks(self) -> int:
        """How many networks fit on the radio."""
        told = self.facts.most_access_points if self.facts is not None else 0
        return min(self.able.most_networks, told or self.able.most_networks)

    def has_radar_duty(self, settings: RadioSettings | None = None) -> bool:
        """Whether the channel (of other settings, if given) must be listened to before anything is sent."""
        settings = settings or self.settings
        here = (settings.band, settings.channel)
        channels = () if self.facts is None else self.facts.channels
        return any(one.radar for one in channels if (one.band, one.number) == here)

    def carried(self, networks: Networks) -> Networks:
        """The networks that this radio sends."""
        return carried(self.settings, networks)

    def plan(self, networks: Networks) -> Plan:
        """The step that `apply(networks)` would take."""
        return self._plan(self.settings, self.carried(networks), Step.NONE)

    def tune(self, tuning: RadioTuning | None) -> None:
        """Sets this on the radio, from the next `apply` on. Raises DriverError."""
        self.settings, self.wished = self.tuned(tuning), tuned(self.installed, tuning)

    def tuned(self, tuning: RadioTuning | None) -> RadioSettings:
        """The radio's settings with this set on it. Raises DriverError when the channel is forbidden."""
        wished = tuned(self.installed, tuning)
        before = self._before or self.settings
        running = before.channel if wished.band == before.band else None
        return settle_channel(wished, self.facts, running)

    def plan_tuned(self, settings: RadioSettings, networks: Networks) -> Plan:
        """The step that `apply(networks)` would take with these settings."""
        return self._plan(settings, carried(settings, networks), Step.NONE)

    async def check(self, networks: Networks) -> None:
        """A dry run in a folder of its own. Raises Refused."""
        most = self.most_networks
        wanted = self.carried(networks)
        if len(wanted) > most:
            raise Refused(f"This radio carries at most {most} network{'s' if most > 1 else ''}.")
        if self.facts is not None and not self.facts.sae and any(one.security.has_sae for one in wanted):
            raise Refused("This radio does not carry WPA3: choose wpa2.")
        candidate = msgspec.structs.replace(self._places, configuration=self._candidates)
        rendered = await asyncio.to_thread(render, self.settings, wanted, candidate)
        if not rendered.bsses:
            return
        files = await asyncio.to_thread(write_candidate, candidate, self.settings.radio, rendered)
        try:
            for file in files:
                await dry_run(self._binary, file)
        finally:
            await asyncio.to_thread(remove_files, candidate.configuration)

    async def apply(self, networks: Networks, least: Step) -> Applied:
        """Makes the radio send these networks. Raises DriverError; then what it runs is not known."""
        wanted = self.carried(networks)
        if least is Step.RESTART and self.has_radar_duty():
            self.facts = await self._ask_facts(self.settings.interface) or self.facts
            self.settings = leave_radar(self.settings, self.facts)
        slots = assign_slots(self._slots, wanted)
        rendered = await asyncio.to_thread(render, self.settings, wanted, self._places, slots)
        alive = self.process is not None and self.process.alive
        if alive == bool(wanted) and self._digest == rendered.digest and least is Step.NONE:
            self._settle(wanted, rendered, slots)
            return Applied(step=Step.NONE, silent_ms=0)
        await self._recognise(wanted, slots)
        todo, before = self._plan(self.settings, wanted, least), self._running
        self._running, self._digest, self._busy = None, None, True
        was_rereadable = self._rereadable
        told = todo.step is not Step.CSA and all(how in (How.KEYS, How.EDIT) for _, how in todo.acts)
        self._rereadable = self._rereadable and told
        try:
            await asyncio.to_thread(self._mark, None)
            await asyncio.to_thread(write_all, self._places, self.settings.radio, rendered)
            silent_ms = await self._carry_out(todo, before or (), wanted, rendered)
        except ControlError as error:
            if todo.step is Step.CSA and isinstance(error, CommandRefused):  # nothing was touched
                self._running, self._rereadable = before, was_rereadable
            raise DriverError(f"{error}.") from error
        except ProcessLookupError as error:
            raise DriverError("hostapd has ended in mid-change.") from error
        except OSError as error:
            raise DriverError(f"hostapd could not be given its settings: {error.strerror}.") from error
        finally:
            self._busy = False
        self._digest, self._rereadable, self._before = rendered.digest, True, self.settings
        self._sends_now = silent_ms is not None
        self._settle(wanted, rendered, slots)
        await asyncio.to_thread(self._mark, rendered.digest)
        if self.facts is not None and not knows_rules(self.facts, self.settings.country):
            # hostapd has told the kernel the country
            self.facts = await self._ask_facts(self.settings.interface) or self.facts
        return Applied(step=todo.step, silent_ms=silent_ms)

    async def _recognise(self, wanted: Networks, slots: dict[str, int]) -> None:
        """An adopted hostapd may run just what is wanted, but as the radio was set up before."""
        if self._running is None and self._before not in (None, self.settings) and self._digest is not None:
            assert self._before is not None
            old = await asyncio.to_thread(render, self._before, wanted, self._places, slots)
            if old.digest == self._digest:
                self._running = wanted

    def _plan(self, settings: RadioSettings, wanted: Networks, least: Step) -> Plan:
        if self.process is None or not self.process.alive or not wanted:
            return RESTART
        if self._running is None:
            rereadable = self._rereadable and self._before == settings
            return Plan(step=heavier(least, Step.RELOAD if rereadable else Step.RESTART))
        first = next((name for name, slot in self._slots.items() if slot == 0), None)
        able = self.able
        # Nobody can be taken along to where nothing may be sent for a minute, nor from there.
        if self.has_radar_duty(settings) or not self._sends_now:
            able = msgspec.structs.replace(able, csa=False)
        todo = plan(settings, able, self._running, wanted, first=first, before_radio=self._before)
        return todo if heavier(least, todo.step) is todo.step else Plan(step=least)

    async def _carry_out(
        self, todo: Plan, before: Networks, wanted: Networks, rendered: Rendered
    ) -> int | None:
        """Returns for how many milliseconds the radio was disturbed; None when it does not send yet."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        if todo.step is Step.RESTART or self.process is None:
            await self._restart(rendered)
        elif todo.step is Step.RELOAD:
            await self.process.while_alive(self._reload(self.process))
        elif todo.step is Step.CSA:
            await self.process.while_alive(self._steps.switch_channel(self.settings))
        else:
            await self.process.while_alive(self._steps.carry_out(todo, before, wanted, rendered, self.bsses))
        swapped = {name for name, how in todo.acts if how in (How.ADD, How.REMOVE, How.SWAP)}
        if todo.step in (Step.RELOAD, Step.RESTART):
            await self._ears.close()  # hostapd may have made its sockets anew
        elif swapped:
            self._ears.listen(tuple(bss for bss in self.bsses if bss.network not in swapped))
        else:
            return round((loop.time() - started) * 1000)
        if rendered.bsses and not await self._sends(started):
            return None
        return round((loop.time() - started) * 1000)

    async def _sends(self, started: float) -> bool:
        loop = asyncio.get_running_loop()
        while loop.time() < started + START_SECONDS:
            state = await self._state()
            if state in ("ENABLED", "DFS"):  # for radar it listens a minute
                return state == "ENABLED"
            await asyncio.sleep(_POLL)
        return False

    async def _reload(self, process: Process) -> None:
        async with await self.control(self.settings.interface) as control:
            # A former SAE station would come back with any password from hostapd's cache of keys.
            await control.order("PMKSA_FLUSH")
        process.reload()
        deadline = asyncio.get_running_loop().time() + RELOAD_SECONDS
        while await self._state() is None:  # it makes its sockets anew when networks have come or gone
            if asyncio.get_running_loop().time() > deadline:
                raise ControlError(f"hostapd did not answer within {RELOAD_SECONDS:.0f} s of its reload")
            await asyncio.sleep(_POLL)
        async with await self.control(self.settings.interface) as control:
            await control.order("PMKSA_FLUSH")

    async def _restart(self, rendered: Rendered) -> None:
        await self._ears.close()
        if self.process is not None:
            await self.process.stop()
            self.process = None
        self._rereadable = False
        if not rendered.bsses:
            return
        logfile = self._run / f"{self.settings.radio}.log"
        await asyncio.to_thread(ensure_folder, self._places.control)
        config = self._places.config_file(self.settings.radio)
        self._version = await asyncio.to_thread(version_of, self._binary)
        doors = self._places.global_socket(self.settings.radio)
        process = Process(
            await asyncio.to_thread(
                spawn, self._binary, config, logfile, doors=doors, group=self._places.group
            )
        )
        self._doors = True
        self._take(process)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_SECONDS
        while await self._state() is None:
            if not process.alive:
                raise DriverError(f"hostapd ended at once{await asyncio.to_thread(complaint, logfile)}.")
            if loop.time() > deadline:
                raise DriverError(f"hostapd did not answer within {START_SECONDS:.0f} s of its start.")
            await asyncio.sleep(_POLL)
        self._rereadable, self._before = True, self.settings

    async def _state(self) -> str | None:
        """What hostapd says of the radio (ENABLED, DFS ...); None when it does not say."""
        try:
            async with await self.control(self.settings.interface) as control:
                return fields(await control.ask("STATUS", seconds=1.0)).get("state")
        except ControlError:
            return None

    def _take(self, process: Process) -> None:
        self.process = process
        process.watch(self._has_ended)

    def _has_ended(self) -> None:
        self._running, self._digest = None, None
        if not self._busy:
            self._emit(RadioEvent(kind="lost", reason="hostapd has ended"))

    def _settle(self, wanted: Networks, rendered: Rendered, slots: dict[str, int]) -> None:
        self._running, self._slots, self.bsses = wanted, slots, rendered.bsses
        self._ears.listen(self.bsses)

    def _tell(self, event: RadioEvent) -> None:
        if event.kind != "lost" or not self._busy:
            self._emit(event)

    @property
    def _candidates(self) -> Path:
        return self._places.configuration / f"{self.settings.radio}-candidate"

    def _mark(self, digest: str | None) -> None:
        file = self._places.marker_file(self.settings.radio)
        if self.process is None:
            file.unlink(missing_ok=True)
            return
        marker = Marker(
            pid=self.process.pid,
            started=start_time(self.process.pid),
            radio=self.settings,
            digest=digest,
            version=self._version,
            slots=self._slots,
            rereadable=self._rereadable,
        )
        write_atomically(file, msgspec.json.encode(marker))
