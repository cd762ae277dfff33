"""The hostapd driver on a real radio, a real station in its own namespace, and a radio that listens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gatewayd.tasks import Tasks
from gatewayd.wifi.driver import Driver, Heard, Scanner
from gatewayd.wifi.hostapd import HostapdDriver
from gatewayd.wifi.model import Band
from gatewayd.wifi.render import Places, RadioSettings
from tests.lab.radio import Radio, Station, radios

HOSTAPD = "/usr/sbin/hostapd"
CHANNEL_6 = 2437
PATIENCE = 20.0


class StationScanner:
    """`Scanner` through a wpa_supplicant on another radio."""

    def __init__(self, station: Station) -> None:
        self._station = station

    async def scan(self) -> tuple[Heard, ...]:
        heard = await asyncio.to_thread(self._station.scan, 20.0)
        return tuple(Heard(bssid=one.bssid, ssid=one.ssid) for one in heard)


def radio_settings(radio: Radio) -> RadioSettings:
    """The radio's settings on channel 6."""
    address = (Path("/sys/class/net") / radio.interface / "address").read_text().strip()
    return RadioSettings(
        radio="radio0", interface=radio.interface, address=address, band=Band.GHZ_2_4, channel=6
    )


class RadioAir:
    """A driver on the first radio and a phone on the second."""

    patience = PATIENCE

    def __init__(self, folder: Path, radio: Radio, phone: Station, scanner: Scanner | None) -> None:
        self.folder = folder
        self.phone = phone
        self.scanner = scanner
        self.radio = radio_settings(radio)
        self.places = Places(configuration=folder / "hostapd", control=folder / "ctl")
        self.tasks = Tasks()
        self.driver: Driver = self.new_driver(self.tasks)

    def new_driver(self, tasks: Tasks) -> HostapdDriver:
        """A driver on this radio, for this box or a restarted one."""
        return HostapdDriver(
            (self.radio,),
            binary=HOSTAPD,
            places=self.places,
            run=self.folder / "run",
            tasks=tasks,
            scanner=self.scanner,
        )

    def runner_places(self) -> dict[str, str]:
        """What `runner` is told."""
        return {
            "state": str(self.folder),
            "control": str(self.places.control),
            "run": str(self.folder / "run"),
            "binary": HOSTAPD,
            "interface": self.radio.interface,
            "address": self.radio.address,
        }

    def hostapd(self) -> int:
        """The pid of the hostapd that runs our configuration."""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if path.read_bytes() == f"{HOSTAPD}\0{self.places.config_file('radio0')}\0".encode():
                    return int(path.parent.name)
        raise AssertionError("hostapd does not run")

    def admits(self, ssid: str, passphrase: str | None, patience: float = PATIENCE) -> bool:
        """Whether the phone, having forgotten everything, gets in with these credentials. Blocks."""
        self.phone.set_network(ssid, psk=passphrase, sae=passphrase)
        try:
            self.phone.wait_connected(patience)
        except TimeoutError as error:
            print(error)
            return False
        return True

    async def join(self, ssid: str, passphrase: str | None) -> bool:
        # A radio on the air admits within a second or two; whoever is refused need not be waited for.
        return await asyncio.to_thread(self.admits, ssid, passphrase, self.patience)

    async def joined(self) -> bool:
        return await asyncio.to_thread(self.phone.connected)

    def end(self) -> None:
        """Ends hostapd if it runs."""
        with contextlib.suppress(AssertionError):
            pid = self.hostapd()
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + 5
            while Path(f"/proc/{pid}/stat").exists() and time.monotonic() < deadline:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
                time.sleep(0.02)


@asynccontextmanager
async def radio_air(*, scan: bool = False) -> AsyncIterator[RadioAir]:
    """A driver on a real radio, started; with `scan` a third radio listens."""
    found = await asyncio.to_thread(radios)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gwt-")))
        phone = Station("phone", found[1], frequencies=(CHANNEL_6,))
        await asyncio.to_thread(stack.enter_context, phone)
        scanner: Scanner | None = None
        if scan:
            listener = Station("listener", found[2], frequencies=(CHANNEL_6,))
            await asyncio.to_thread(stack.enter_context, listener)
            scanner = StationScanner(listener)
        air = RadioAir(folder, found[0], phone, scanner)
        await air.driver.start()
        try:
            yield air
        finally:
            await air.tasks.close()
            await air.driver.close()
            await asyncio.to_thread(air.end)
