"""Drivers with devices around them, without a radio: the simulated one, and hostapd's with a fake hostapd."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gatewayd.system.clock import SystemClock
from gatewayd.tasks import Tasks
from gatewayd.wifi.driver import Driver, Scanner
from gatewayd.wifi.hostapd import HostapdDriver
from gatewayd.wifi.render import Places
from gatewayd.wifi.simulated import SimulatedDriver
from tests.support import hostapd
from tests.wifi.settings import RADIO

DEVICES = ("02:aa:00:00:00:01", "02:aa:00:00:00:02")
DEVICE = DEVICES[0]


class HastyClock(SystemClock):
    """A hundred times faster, where somebody sleeps."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 100)


class SimulatedAir:
    """The demo's radio, with one device that a test sends."""

    patience = 0.0

    def __init__(self, driver: SimulatedDriver) -> None:
        self.driver: Driver = driver
        self._radio = driver

    async def join(self, ssid: str, passphrase: str | None, *, device: int = 0) -> bool:
        return self._radio.join(DEVICES[device], ssid, passphrase)

    async def refused(self, ssid: str, passphrase: str | None, *, device: int = 0) -> bool:
        return not await self.join(ssid, passphrase, device=device)

    async def joined(self, device: int = 0) -> bool:
        return any(station.mac == DEVICES[device] for station in await self._radio.stations())


class FakeAir:
    """The hostapd driver on a fake hostapd; `folder` is short, as Unix socket paths must be."""

    patience = 0.0

    def __init__(self, folder: Path, tasks: Tasks, scanner: Scanner | None = None) -> None:
        self.folder = folder
        self.places = Places(configuration=folder / "hostapd", control=folder / "ctl")
        self.tasks = tasks
        self.scanner = scanner
        self.binary = hostapd.program(folder)
        self.driver: Driver = self.new_driver()

    def new_driver(self, tasks: Tasks | None = None) -> HostapdDriver:
        """Another driver on the same folders: what a restarted daemon has."""
        return HostapdDriver(
            (RADIO,),
            binary=self.binary,
            places=self.places,
            run=self.folder / "run",
            tasks=tasks or self.tasks,
            scanner=self.scanner,
        )

    async def command(self, text: str, interface: str = "wlan0") -> str:
        """A command from outside to the fake."""
        return await asyncio.to_thread(hostapd.command, self.places.control / interface, text)

    def interfaces(self) -> list[str]:
        """What the fake has a socket for."""
        return sorted(path.name for path in self.places.control.glob("wlan*"))

    async def pid(self) -> int:
        """The fake's process."""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if str(self.places.config_file("radio0")).encode() in path.read_bytes():
                    return int(path.parent.name)
        raise AssertionError("no hostapd runs")

    async def fault(self, how: str, word: str) -> None:
        """From now on this command goes wrong."""
        assert await self.command(f"TEST FAULT {how} {word}") == "OK"

    async def join(self, ssid: str, passphrase: str | None, *, device: int = 0) -> bool:
        tries = f"TEST JOIN {DEVICES[device]} {ssid.encode().hex()} {passphrase or ''}"
        return any([await self.command(tries, interface) == "OK" for interface in self.interfaces()])

    async def refused(self, ssid: str, passphrase: str | None, *, device: int = 0) -> bool:
        return not await self.join(ssid, passphrase, device=device)

    async def joined(self, device: int = 0) -> bool:
        listed = [await self.command(f"STA {DEVICES[device]}", name) for name in self.interfaces()]
        return any("AUTHORIZED" in answer for answer in listed)

    async def end(self) -> None:
        """Ends the fake if it runs."""
        with contextlib.suppress(AssertionError, ProcessLookupError):
            os.kill(await self.pid(), signal.SIGKILL)


@asynccontextmanager
async def simulated_air() -> AsyncIterator[SimulatedAir]:
    """A simulated radio, started."""
    tasks = Tasks()
    driver = SimulatedDriver(HastyClock("always"), tasks, household=False)
    await driver.start()
    try:
        yield SimulatedAir(driver)
    finally:
        await tasks.close()


@asynccontextmanager
async def fake_air(scanner: Scanner | None = None) -> AsyncIterator[FakeAir]:
    """A driver on a fake hostapd, started."""
    tasks = Tasks()
    with tempfile.TemporaryDirectory(prefix="gwt-") as name:
        air = FakeAir(Path(name), tasks, scanner)
        await air.driver.start()
        try:
            yield air
        finally:
            await tasks.close()
            await air.driver.close()
            await air.end()
