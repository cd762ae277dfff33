"""One radio driven by hostapd: what it runs, and the way from there to what is wanted.

hostapd is adopted when it runs, started when it does not, and left running when we go. A marker file
beside its configuration says which content the process runs; it is emptied before anything is touched
and filled when the radio has taken it all. So after a kill in mid-change the next gatewayd knows
that it does not know, and has hostapd read its whole file again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog

from gatewayd.system.files import ensure_folder, write_atomically
from gatewayd.tasks import Tasks
from gatewayd.wifi.control import CommandRefused, Control, ControlError, fields
from gatewayd.wifi.driver import DriverError, Networks, RadioEvent
from gatewayd.wifi.dry_run import dry_run, end_orphans
from gatewayd.wifi.hostapd_process import Process, spawn
from gatewayd.wifi.model import Step
from gatewayd.wifi.planner import Plan, heavier, plan
from gatewayd.wifi.render import Bss, Places, RadioSettings, Rendered, carried, dry_run_configs, render

log = structlog.get_logger(__name__)
START_SECONDS = 10.0
RELOAD_SECONDS = 15.0
_POLL = 0.05


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """What the process with this pid and start time runs; `digest` is None while it is being changed."""

    pid: int
    started: str
    radio: RadioSettings
    digest: str | None


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
    ) -> None:
        """`run` is the folder for our own client sockets; `emit` gets what the radio tells."""
        self.settings = settings
        self.bsses: tuple[Bss, ...] = ()
        self.process: Process | None = None
        self._binary = binary
        self._places = places
        self._run = run
        self._tasks = tasks
        self._emit = emit
        self._running: Networks | None = None
        self._digest: str | None = None
        self._busy = False
        # Whether a reload is enough when it is not known which settings the process runs: it is when
        # it was started for this radio, since every lighter step leaves to reload what it may have changed.
        self._same_radio = False
        self._listeners: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Adopts the hostapd that answers on the radio's socket, or is known to run; unless we have it."""
        if self.process is not None and self.process.alive:
            return
        await asyncio.to_thread(ensure_folder, self._places.configuration)
        await asyncio.to_thread(ensure_folder, self._run)
        await asyncio.to_thread(end_orphans, self._candidates)
        marker = await asyncio.to_thread(self._read_marker)
        pid = None if marker is None else marker.pid
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
                self._digest = marker.digest
                self._same_radio = marker.radio == self.settings
            log.info(
                "wifi.hostapd_adopted", radio=self.settings.radio, pid=pid, known=self._digest is not None
            )

    async def close(self) -> None:
        """Lets go of hostapd, which runs on."""
        await self._stop_listening()
        if self.process is not None:
            self.process.release()
            self.process = None

    async def control(self, interface: str) -> Control:
        """A new command socket to one BSS. Raises ControlError."""
        return await Control.open(self._places.control / interface, self._run)

    def carried(self, networks: Networks) -> Networks:
        """The networks that this radio sends."""
        return carried(self.settings, networks)

    def plan(self, networks: Networks) -> Plan:
        """The step that `apply(networks)` would take."""
        return plan(self.settings, self._running, self.carried(networks))

    async def check(self, networks: Networks) -> None:
        """A dry run in a folder of its own. Raises Refused."""
        candidate = msgspec.structs.replace(self._places, configuration=self._candidates)
        rendered = await asyncio.to_thread(self._render, networks, candidate)
        if not rendered.bsses:
            return
        files = await asyncio.to_thread(_write_candidate, candidate, self.settings.radio, rendered)
        try:
            for file in files:
                await dry_run(self._binary, file)
        finally:
            await asyncio.to_thread(_remove_files, candidate.configuration)

    async def apply(self, networks: Networks, least: Step) -> Step:
        """Makes the radio send these networks. Raises DriverError; then what it runs is not known."""
        wanted = self.carried(networks)
        rendered = await asyncio.to_thread(self._render, networks, self._places)
        alive = self.process is not None and self.process.alive
        if alive == bool(wanted) and self._digest == rendered.digest and least is Step.NONE:
            self._settle(wanted, rendered)
            return Step.NONE
        step = self._choose(wanted, least)
        todo = plan(self.settings, self._running, wanted)
        self._running, self._digest, self._busy = None, None, True
        try:
            await asyncio.to_thread(self._write, rendered)
            await self._carry_out(step, todo, wanted, rendered)
        except ControlError as error:
            raise DriverError(f"{error}.") from error
        except ProcessLookupError as error:
            raise DriverError("hostapd has ended in mid-change.") from error
        except OSError as error:
            raise DriverError(f"hostapd could not be given its settings: {error.strerror}.") from error
        finally:
            self._busy = False
        self._digest = rendered.digest
        await asyncio.to_thread(self._mark, rendered.digest)
        self._settle(wanted, rendered)
        return step

    def _choose(self, wanted: Networks, least: Step) -> Step:
        if self.process is None or not self.process.alive or not wanted:
            return Step.RESTART
        if self._running is None:
            return heavier(least, Step.RELOAD if self._same_radio else Step.RESTART)
        return heavier(least, plan(self.settings, self._running, wanted).step)

    async def _carry_out(self, step: Step, todo: Plan, wanted: Networks, rendered: Rendered) -> None:
        if step is Step.RESTART or self.process is None:
            await self._restart(rendered)
        elif step is Step.RELOAD:
            await self.process.while_alive(self._reload(self.process))
        else:
            await self.process.while_alive(self._touch(step, todo, wanted, rendered))

    async def _reload(self, process: Process) -> None:
        async with await self.control(self.settings.interface) as control:
            # A former SAE station would come back with any password from hostapd's cache of keys.
            await control.order("PMKSA_FLUSH")
            process.reload()
            await control.ask("PING", seconds=RELOAD_SECONDS)
            await control.order("PMKSA_FLUSH")

    async def _touch(self, step: Step, todo: Plan, wanted: Networks, rendered: Rendered) -> None:
        interfaces = {bss.network: bss.interface for bss in rendered.bsses}
        for network in wanted:
            if network.network not in todo.networks:
                continue
            async with await self.control(interfaces[network.network]) as control:
                if step is Step.BSS:
                    await control.order(f"SET ssid2 {network.ssid_bytes.hex()}")
                await control.order("RELOAD_WPA_PSK")
                if step is Step.BSS:
                    await control.order("UPDATE_BEACON")

    async def _restart(self, rendered: Rendered) -> None:
        await self._stop_listening()
        if self.process is not None:
            await self.process.stop()
            self.process = None
        self._same_radio = False
        if not rendered.bsses:
            return
        logfile = self._run / f"{self.settings.radio}.log"
        await asyncio.to_thread(ensure_folder, self._places.control)
        config = self._places.config_file(self.settings.radio)
        process = Process(await asyncio.to_thread(spawn, self._binary, config, logfile))
        self._take(process)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_SECONDS
        while not await self._answers():
            if not process.alive:
                raise DriverError(f"hostapd ended at once{await asyncio.to_thread(_complaint, logfile)}.")
            if loop.time() > deadline:
                raise DriverError(f"hostapd did not answer within {START_SECONDS:.0f} s of its start.")
            await asyncio.sleep(_POLL)
        self._same_radio = True

    async def _answers(self) -> bool:
        try:
            async with await self.control(self.settings.interface) as control:
                return fields(await control.ask("STATUS", seconds=1.0)).get("state") is not None
        except ControlError:
            return False

    def _take(self, process: Process) -> None:
        self.process = process
        process.watch(self._has_ended)

    def _has_ended(self) -> None:
        self._running, self._digest = None, None
        if not self._busy:
            self._emit(RadioEvent(kind="lost", reason="hostapd has ended"))

    def _settle(self, wanted: Networks, rendered: Rendered) -> None:
        self._running = wanted
        interfaces = [bss.interface for bss in self.bsses]
        if interfaces == [bss.interface for bss in rendered.bsses] and self._listeners:
            self.bsses = rendered.bsses
            return
        self.bsses = rendered.bsses
        for listener in self._listeners:
            listener.cancel()
        self._listeners = [
            self._tasks.spawn(f"wifi.events.{bss.interface}", self._listen(bss)) for bss in self.bsses
        ]

    async def _stop_listening(self) -> None:
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener.cancel()
        await asyncio.gather(*listeners, return_exceptions=True)

    async def _listen(self, bss: Bss) -> None:
        while True:
            try:
                async with await self.control(bss.interface) as control:
                    async for event in control.events():
                        self._heard(bss, event)
            except ControlError as error:
                log.debug("wifi.events_lost", interface=bss.interface, error=str(error))
            await asyncio.sleep(0.5)

    def _heard(self, bss: Bss, event: str) -> None:
        word, _, rest = event.partition(" ")
        mac = rest.partition(" ")[0].lower()
        if word == "AP-STA-CONNECTED":
            self._emit(RadioEvent(kind="joined", network=bss.network, mac=mac))
        elif word == "AP-STA-DISCONNECTED":
            self._emit(RadioEvent(kind="left", network=bss.network, mac=mac))
        elif word in ("AP-DISABLED", "INTERFACE-DISABLED") and not self._busy:
            self._emit(RadioEvent(kind="lost", reason=f"{bss.interface} was switched off"))

    def _render(self, networks: Networks, places: Places) -> Rendered:
        return render(self.settings, self.carried(networks), places)

    def _write(self, rendered: Rendered) -> None:
        self._mark(None)
        for network, keys in rendered.keys.items():
            write_atomically(self._places.key_file(self.settings.radio, network), keys.encode())
        write_atomically(self._places.config_file(self.settings.radio), rendered.config.encode())
        kept = {self._places.key_file(self.settings.radio, network) for network in rendered.keys}
        for file in self._places.configuration.glob(f"{self.settings.radio}-*.psk"):
            if file not in kept:
                file.unlink()

    @property
    def _candidates(self) -> Path:
        return self._places.configuration / f"{self.settings.radio}-candidate"

    @property
    def _marker_file(self) -> Path:
        return self._places.configuration / f"{self.settings.radio}.running"

    def _mark(self, digest: str | None) -> None:
        if self.process is None:
            self._marker_file.unlink(missing_ok=True)
            return
        pid = self.process.pid
        marker = Marker(pid=pid, started=_start_time(pid), radio=self.settings, digest=digest)
        write_atomically(self._marker_file, msgspec.json.encode(marker))

    def _read_marker(self) -> Marker | None:
        """What was noted of a process that still runs."""
        try:
            marker = msgspec.json.decode(self._marker_file.read_bytes(), type=Marker)
        except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
            return None
        return marker if marker.started and marker.started == _start_time(marker.pid) else None


async def ask_status(radio: HostapdRadio, bss: Bss) -> dict[str, str]:
    """hostapd's STATUS as asked at one BSS. Raises DriverError."""
    try:
        async with await radio.control(bss.interface) as control:
            return fields(await control.ask("STATUS"))
    except ControlError as error:
        raise DriverError(f"{error}.") from error


async def ask_stations(radio: HostapdRadio, bss: Bss) -> list[tuple[str, dict[str, str]]]:
    """Every station of one BSS: its MAC and hostapd's fields. Raises DriverError."""
    found: list[tuple[str, dict[str, str]]] = []
    try:
        async with await radio.control(bss.interface) as control:
            with contextlib.suppress(CommandRefused):  # `FAIL` ends the list
                reply = await control.ask("STA-FIRST")
                while reply:
                    mac = reply.splitlines()[0].strip().lower()
                    found.append((mac, fields(reply)))
                    reply = await control.ask(f"STA-NEXT {mac}")
    except ControlError as error:
        raise DriverError(f"{error}.") from error
    return found


def _start_time(pid: int) -> str:
    """When the process began, in ticks since boot (proc(5), field 22 of stat): tells reused pids apart."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except FileNotFoundError:
        return ""


def _write_candidate(places: Places, radio: str, rendered: Rendered) -> list[Path]:
    ensure_folder(places.configuration)
    for network, keys in rendered.keys.items():
        write_atomically(places.key_file(radio, network), keys.encode())
    files = []
    for number, config in enumerate(dry_run_configs(rendered.config)):
        file = places.configuration / f"{radio}-{number}.conf"
        write_atomically(file, config.encode())
        files.append(file)
    return files


def _remove_files(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()


def _complaint(logfile: Path) -> str:
    """What hostapd said of its end, if it is telling; never a line that quotes its configuration."""
    telling = ("Could not", "not allowed", "not found", "Failed to set", "Invalid")
    for line in logfile.read_text(errors="replace").splitlines():
        if any(word in line for word in telling) and not line.startswith("Line "):
            return f" ({line.strip()[:160].rstrip('.')})"
    return ""
