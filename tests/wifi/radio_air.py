"""The hostapd driver on a real radio, a real station in its own namespace, and a radio that listens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from gatewayd.tasks import Tasks
from gatewayd.wifi.driver import Driver, Heard, Scanner
from gatewayd.wifi.hostapd import HostapdDriver
from gatewayd.wifi.model import Band
from gatewayd.wifi.render import Places, RadioSettings
from tests.lab.radio import DRIVER, Radio, Station, radios, unescape

HOSTAPD = "/usr/sbin/hostapd"
CHANNEL_6 = 2437
PATIENCE = 20.0
REFUSAL = 6.0


Credentials = dict[str, str]
"""An `ssid` and a `passphrase`."""
People = tuple[Radio, tuple[Station, ...], Scanner]
"""A household: a radio for us, two phones, and a listener."""


class StationScanner:
    """`Scanner` through a wpa_supplicant on another radio."""

    def __init__(self, station: Station) -> None:
        self._station = station

    async def scan(self) -> tuple[Heard, ...]:
        heard = await asyncio.to_thread(self._station.scan, 20.0)
        return tuple(Heard(bssid=one.bssid, ssid=one.ssid, security=security(one.flags)) for one in heard)


def security(flags: str) -> frozenset[str]:
    """wpa_supplicant's flags in the words of `Heard`."""
    told = {"PSK": "wpa2", "SAE": "wpa3", "OWE": "owe"}
    words = set(re.split(r"[^A-Z0-9]+", flags.partition("]")[0]))
    found = frozenset(name for word, name in told.items() if word in words)
    return found or frozenset({"open"})


def radio_settings(radio: Radio) -> RadioSettings:
    """The radio's settings on channel 6."""
    address = (Path("/sys/class/net") / radio.interface / "address").read_text().strip()
    return RadioSettings(
        radio="radio0",
        interface=radio.interface,
        address=address,
        band=Band.GHZ_2_4,
        channel=6,
        driver=DRIVER,
    )


class RadioAir:
    """A driver on the first radio, a phone on the second and another on the third."""

    patience = PATIENCE

    def __init__(
        self, folder: Path, radio: Radio, phones: tuple[Station, ...], scanner: Scanner | None
    ) -> None:
        self.folder = folder
        self.phones = phones
        self.scanner = scanner
        self.radio = radio_settings(radio)
        self.more: tuple[RadioSettings, ...] = ()
        """Further radios of drivers that are made from now on."""
        self.places = Places(configuration=folder / "hostapd", control=folder / "ctl")
        self.tasks = Tasks()
        self.driver: Driver = self.new_driver(self.tasks)

    def new_driver(self, tasks: Tasks) -> HostapdDriver:
        """A driver on this radio, for this box or a restarted one."""
        return HostapdDriver(
            (self.radio, *self.more),
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

    @property
    def phone(self) -> Station:
        """The first of the devices."""
        return self.phones[0]

    def hostapd(self, radio: str = "radio0") -> int:
        """The pid of the hostapd that runs a radio's configuration."""
        pid = hostapd_of(self.places.config_file(radio))
        assert pid is not None, "hostapd does not run"
        return pid

    def admits(self, ssid: str, passphrase: str | None, patience: float = PATIENCE) -> bool:
        """Whether the phone, having forgotten everything, gets in with these credentials. Blocks."""
        return admits(self.phone, ssid, passphrase, patience)

    async def join(self, ssid: str, passphrase: str | None, *, device: int = 0) -> bool:
        return await asyncio.to_thread(admits, self.phones[device], ssid, passphrase, self.patience)

    async def refused(self, ssid: str, passphrase: str | None, *, device: int = 0) -> bool:
        return await asyncio.to_thread(refused, self.phones[device], ssid, passphrase)

    async def joined(self, device: int = 0) -> bool:
        return await asyncio.to_thread(stayed, self.phones[device])

    def end(self) -> None:
        """Ends each hostapd that runs."""
        for radio in (self.radio, *self.more):
            end_hostapd(self.places.config_file(radio.radio))


def hostapd_of(config: Path) -> int | None:
    """The pid of the hostapd that runs this configuration; None when none does."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = path.read_bytes()
            if line.startswith(f"{HOSTAPD}\0-g\0".encode()) and line.endswith(f"\0{config}\0".encode()):
                return int(path.parent.name)
    return None


def end_hostapd(config: Path) -> None:
    """Ends the hostapd that runs this configuration, if one does. Blocks."""
    pid = hostapd_of(config)
    if pid is None:
        return
    os.kill(pid, signal.SIGCONT)
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}/stat").exists() and time.monotonic() < deadline:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        time.sleep(0.02)


def admits(phone: Station, ssid: str, passphrase: str | None, patience: float = PATIENCE) -> bool:
    """Whether a phone, having forgotten everything, gets in with these credentials. Blocks."""
    _forget_and_try(phone, ssid, passphrase)
    try:
        phone.wait_connected(patience)
    except TimeoutError as error:
        print(error)
        return False
    phone.drain_events()
    return True


def _forget_and_try(phone: Station, ssid: str, passphrase: str | None) -> None:
    phone.forget()
    phone.command("BSS_FLUSH 0")  # what it remembers of a network that was other a moment ago costs 10 s,
    phone.command("BSSID_IGNORE clear")  # and so does what it holds against one
    phone.set_network(ssid, psk=passphrase, sae=passphrase if passphrase and len(passphrase) < 64 else None)


def refused(phone: Station, ssid: str, passphrase: str | None) -> bool:
    """Whether a phone is not let in: it gave up, or did not get in in time. Blocks."""
    _forget_and_try(phone, ssid, passphrase)
    deadline = time.monotonic() + REFUSAL
    with contextlib.suppress(TimeoutError):
        heard, missed = "", 0
        while missed < 3 and not heard.startswith(("CONNECTED", "SSID-TEMP-DISABLED")):
            heard = phone.wait_event("CTRL-EVENT-", deadline - time.monotonic()).partition("CTRL-EVENT-")[2]
            missed += heard.startswith("NETWORK-NOT-FOUND")  # a scan did not hear it
    return not phone.connected()


def stayed(phone: Station) -> bool:
    """Whether the phone is connected and never was not since it joined. Blocks shortly."""
    try:
        phone.wait_event("CTRL-EVENT-DISCONNECTED", 0.2)
    except TimeoutError:
        return phone.connected()
    return False


def taken_from_the_air(phone: Station, ssid: str, passphrase: str, *, sae: bool = False) -> bytes | None:
    """A phone that forgot everything joins, by WPA2 or by SAE: the name as it heard it. None: it did not get
    in. Blocks."""
    phone.forget()
    phone.command("BSS_FLUSH 0")
    phone.set_network(ssid, psk=None if sae else passphrase, sae=passphrase if sae else None)
    try:
        return unescape(phone.wait_connected(PATIENCE)["ssid"])
    except TimeoutError as error:
        print(error)
        return None


def offer(phone: Station, *all_of_them: Credentials) -> None:
    """A phone forgets everything and gets these, of which it prefers the first. WPA2 only."""
    phone.forget()
    phone.command("BSS_FLUSH 0")
    phone.drain_events()
    for number, one in enumerate(all_of_them):
        assert phone.command("ADD_NETWORK") == str(number)
        for setting in (
            *(f"ssid {one['ssid'].encode().hex()}", "scan_ssid 1", f'psk "{one["passphrase"]}"'),
            *(f"priority {9 - number}", f"scan_freq {CHANNEL_6}", "key_mgmt WPA-PSK", "ieee80211w 1"),
        ):
            assert phone.command(f"SET_NETWORK {number} {setting}") == "OK"
    phone.command("ENABLE_NETWORK all")


def which(phone: Station, first: Credentials, second: Credentials) -> Credentials | None:
    """A phone that forgot everything gets both at once and tries the first first: the one that it is in by
    in the end. None: it is locked out. Blocks."""
    offer(phone, first, second)
    try:
        # The wrong one costs it some tries and a pause of its own before it tries the right one.
        chosen = phone.wait_connected(3 * PATIENCE)["id"]
    except TimeoutError as error:
        print(error)
        return None
    return (first, second)[int(chosen)]


@contextlib.contextmanager
def household() -> Iterator[People]:
    """A radio for us, two phones and a listener, for as many tests as one likes. Blocks."""
    found = radios()
    with contextlib.ExitStack() as stack:
        phones = [
            stack.enter_context(Station(name, radio, frequencies=(CHANNEL_6,)))
            for name, radio in zip(("phone", "tablet"), found[1:3], strict=True)
        ]
        listener = stack.enter_context(Station("listener", found[3], frequencies=(CHANNEL_6,)))
        yield found[0], tuple(phones), StationScanner(listener)


@asynccontextmanager
async def shared_air(people: People, *, scan: bool = False) -> AsyncIterator[RadioAir]:
    """A driver, started, on the radio of a household, whose phones have forgotten everything."""
    radio, phones, scanner = people
    for phone in phones:
        await asyncio.to_thread(phone.forget)
    with tempfile.TemporaryDirectory(prefix="gwt-") as folder:
        air = RadioAir(Path(folder), radio, phones, scanner if scan else None)
        await air.driver.start()
        try:
            yield air
        finally:
            await air.tasks.close()
            await air.driver.close()
            await asyncio.to_thread(air.end)
