"""Software radios (mac80211_hwsim) for tests: the radios, a plain hostapd, and stations that join networks.

Each `Station` and `AccessPoint` has its radio in a namespace of its own, so nothing but the air joins them.
Only radios of mac80211_hwsim are ever touched, never a machine's real one. Everything is synchronous: from a
coroutine use ``asyncio.to_thread``. Needs root, ``iw``, ``hostapd`` and ``wpa_supplicant``.
"""

import contextlib
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.lab.control import ControlSocket, wait_for_socket
from tests.lab.netns import CommandFailed, Namespace, run

DRIVER = "mac80211_hwsim"
_CLASS = Path("/sys/class/ieee80211")
_ESCAPE = re.compile(r"\\(x[0-9a-f]{2}|[\\\"nrte])")


@dataclass(frozen=True)
class Radio:
    """A software radio: its phy (``phy0``) and the name of its interface (``wlan0``)."""

    phy: str
    interface: str


@dataclass(frozen=True)
class Heard:
    """One network that a scan heard. `frequency` in MHz, `signal` in dBm, `flags` as ``[WPA2-PSK-CCMP]``."""

    bssid: str
    frequency: int
    signal: int
    flags: str
    ssid: bytes


def software_phys() -> list[str]:
    """Names of the phys of mac80211_hwsim in this namespace, by number."""
    if not _CLASS.is_dir():
        return []
    phys = [phy.name for phy in _CLASS.iterdir() if (phy / "device/driver").resolve().name == DRIVER]
    return sorted(phys, key=lambda name: int(re.sub(r"\D", "", name) or 0))


def radios() -> list[Radio]:
    """The software radios of the initial namespace by number, each with exactly one fresh, unused interface.

    What an earlier test left on a radio (access points, monitor interfaces) is removed. Loads mac80211_hwsim
    with four radios where the machine has the module and has not loaded it.
    """
    if not software_phys():
        run("modprobe", DRIVER, "radios=4")
    phys = software_phys()
    for phy in phys:  # all first: one may have the name that another is to get
        _clear(phy)
    return [fresh(phy) for phy in phys]


def _clear(phy: str) -> None:
    with contextlib.suppress(FileNotFoundError):  # it has none
        for interface in (_CLASS / phy / "device/net").iterdir():
            run("iw", "dev", interface.name, "del")


def fresh(phy: str) -> Radio:
    """A radio without interfaces, given one."""
    interface_name = f"wlan{re.sub(r'[^0-9]', '', phy)}"
    run("iw", "phy", phy, "interface", "add", interface_name, "type", "managed")
    return Radio(phy, interface_name)


def move(radio: Radio, namespace: Namespace) -> None:
    """Move a radio of the initial namespace into another; it returns when that namespace is left."""
    run("iw", "phy", radio.phy, "set", "netns", "name", namespace.name)


class _OnAir:
    """What a station and an access point share: a namespace, a radio inside, a scratch folder, a daemon."""

    def __init__(self, name: str, radio: Radio) -> None:
        self.namespace = Namespace(name)
        self.radio = radio
        self.mac = ""
        self._scratch = tempfile.TemporaryDirectory(prefix="gwt-")
        self.folder = Path(self._scratch.name)
        self.log = self.folder / "log"
        self.control = self.folder / "control"
        self._commands: ControlSocket | None = None
        self._events: ControlSocket | None = None

    def __enter__(self) -> Self:
        self.namespace.__enter__()
        try:
            move(self.radio, self.namespace)
            listing = self.namespace.ip("-br", "link", "show", "dev", self.radio.interface)
            self.mac = listing.split()[2].lower()
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for control in (self._commands, self._events):
            if control is not None:
                control.close()
        self._commands = self._events = None
        self.namespace.__exit__()
        self._scratch.cleanup()

    def _start(self) -> None:
        raise NotImplementedError

    def _spawn(self, *argv: str) -> subprocess.Popen[bytes]:
        with self.log.open("wb") as log:
            process = self.namespace.popen(*argv, stdout=log, stderr=log)
        peer = self.control / self.radio.interface
        deadline = time.monotonic() + 20
        while not peer.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise CommandFailed(f"{argv[0]} does not run: {self.log.read_text(errors='replace')}")
            time.sleep(0.05)
        wait_for_socket(peer)
        self._commands = ControlSocket(peer)
        self._events = ControlSocket(peer, attach=True)
        return process

    def command(self, text: str) -> str:
        """Send a command to the daemon's control socket and return the reply, stripped."""
        if self._commands is None:
            raise RuntimeError("not started: use it as a context manager")
        return self._commands.request(text)

    def wait_event(self, word: str, timeout: float = 30.0) -> str:
        """Wait for the next event line that contains `word` and return it. Raises TimeoutError."""
        if self._events is None:
            raise RuntimeError("not started: use it as a context manager")
        try:
            return self._events.event(word, timeout)
        except TimeoutError:
            raise TimeoutError(f"no {word} in {timeout} s; log:\n{self._tail()}") from None

    def drain_events(self) -> None:
        """Forget the events so far: `wait_event` then sees only later ones."""
        if self._events is not None:
            self._events.drain()

    def _tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def _must(self, text: str) -> str:
        reply = self.command(text)
        if reply.startswith(("FAIL", "UNKNOWN")):
            raise CommandFailed(f"{text.split()[0]} refused: {reply}")
        return reply


class AccessPoint(_OnAir):
    """A hostapd with a hand-written configuration on one radio, in its own namespace. A context manager.

    The anchor to compare gatewayd's own Wi-Fi with, and a neighbour to scan. It is on the air when entered.
    Attributes: `namespace`, `radio`, `mac`, `control` (the folder of the control sockets), `config` (path),
    `log` (path), `process`.
    """

    def __init__(self, name: str, radio: Radio, lines: str) -> None:
        """`lines` follow ``interface=``, ``driver=`` and ``ctrl_interface=``, which are added here."""
        super().__init__(name, radio)
        self.config = self.folder / "hostapd.conf"
        self._lines = lines
        self.process: subprocess.Popen[bytes]

    def _start(self) -> None:
        head = f"interface={self.radio.interface}\ndriver=nl80211\nctrl_interface={self.control}\n"
        self.config.write_text(head + self._lines)
        self.config.chmod(0o600)
        self.process = self._spawn("hostapd", str(self.config))
        deadline = time.monotonic() + 20
        while "state=ENABLED" not in self.command("STATUS"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"hostapd is not on the air; log:\n{self._tail()}")
            time.sleep(0.05)

    def stations(self) -> list[str]:
        """MAC addresses of the stations that finished their handshake (``AUTHORIZED``)."""
        found = []
        reply = self.command("STA-FIRST")
        while reply and not reply.startswith("FAIL"):
            mac = reply.split()[0].lower()
            if "[AUTHORIZED]" in reply:
                found.append(mac)
            reply = self.command(f"STA-NEXT {mac}")
        return found


class Station(_OnAir):
    """A household's device: a wpa_supplicant on one radio, in its own namespace. A context manager.

    Attributes: `namespace`, `radio`, `mac` (lower case, once entered), `log` (path).
    """

    def __init__(self, name: str, radio: Radio, *, frequencies: tuple[int, ...] = ()) -> None:
        """`frequencies` (MHz) narrow its scans: far quicker than all channels."""
        super().__init__(name, radio)
        self._frequencies = " ".join(str(frequency) for frequency in frequencies)

    def listen_on(self, *frequencies: int) -> None:
        """Other frequencies (MHz) than at first, from the next network on."""
        self._frequencies = " ".join(str(frequency) for frequency in frequencies)

    def _start(self) -> None:
        config = self.folder / "supplicant.conf"
        # scan often: a device of the lab looks for its network every second
        config.write_text(f"ctrl_interface={self.control}\nautoscan=periodic:1\n")
        interface = self.radio.interface
        self._spawn("wpa_supplicant", "-Dnl80211", f"-i{interface}", f"-c{config}")

    def set_network(
        self, ssid: str | bytes, *, psk: str | None = None, sae: str | None = None, owe: bool = False
    ) -> None:
        """Forget every network, take this one and start to look for it.

        `psk`: WPA2 passphrase (or 64 hex digits); `sae`: WPA3 password; both: whichever the network offers;
        neither: an open network, or with `owe` one that encrypts without a password. Raises `CommandFailed`
        when wpa_supplicant refuses a value.
        """
        self.forget()
        self.drain_events()
        network = self._must("ADD_NETWORK")
        raw = ssid.encode() if isinstance(ssid, str) else ssid
        settings = {"ssid": raw.hex(), "scan_ssid": "1"}
        settings |= {"key_mgmt": "OWE", "ieee80211w": "2"} if owe else _credentials(psk, sae)
        if self._frequencies:
            settings["scan_freq"] = settings["freq_list"] = self._frequencies
        for name, value in settings.items():
            self._must(f"SET_NETWORK {network} {name} {value}")
        self._must(f"ENABLE_NETWORK {network}")

    def wait_connected(self, timeout: float = 30.0) -> dict[str, str]:
        """Wait for a finished handshake and return `status`. Raises TimeoutError with the end of the log."""
        self._wait(True, timeout)
        return self.status()

    def wait_disconnected(self, timeout: float = 30.0) -> None:
        """Wait until its handshake no longer stands. Raises TimeoutError."""
        self._wait(False, timeout)

    def _wait(self, wanted: bool, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while self.connected() is not wanted:
            if time.monotonic() > deadline:
                word = "connected" if wanted else "disconnected"
                raise TimeoutError(f"not {word} in {timeout} s: {self.status()}; log:\n{self._tail()}")
            time.sleep(0.05)

    def status(self) -> dict[str, str]:
        """wpa_supplicant's STATUS: ``wpa_state``, ``ssid``, ``bssid``, ``freq``, ``key_mgmt``, ``pmf`` ..."""
        return _pairs(self.command("STATUS"))

    def connected(self) -> bool:
        """Whether the handshake is finished (``wpa_state=COMPLETED``)."""
        return self.status().get("wpa_state") == "COMPLETED"

    def disconnect(self) -> None:
        """Leave the network and stay away until `reconnect`."""
        self._must("DISCONNECT")

    def reconnect(self) -> None:
        """Join the network again after `disconnect`; its events count anew."""
        self.drain_events()
        self._must("RECONNECT")

    def forget(self) -> None:
        """Remove every network and every cached key (PMKSA): the next join is a first one."""
        self._must("REMOVE_NETWORK all")
        self._must("PMKSA_FLUSH")

    def scan(self, timeout: float = 30.0) -> list[Heard]:
        """Scan now and return what was heard. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        self._must("BSS_FLUSH 0")
        self.drain_events()
        wanted = "SCAN" + (f" freq={self._frequencies.replace(' ', ',')}" if self._frequencies else "")
        while not self.command(wanted).startswith("OK"):  # FAIL-BUSY: its own scan still runs
            if time.monotonic() > deadline:
                raise TimeoutError("wpa_supplicant is too busy to scan")
            time.sleep(0.1)
        self.wait_event("CTRL-EVENT-SCAN-RESULTS", max(0.1, deadline - time.monotonic()))
        return parse_scan(self.command("SCAN_RESULTS"))


def _credentials(psk: str | None, sae: str | None) -> dict[str, str]:
    if psk is None and sae is None:
        return {"key_mgmt": "NONE"}
    settings = {"key_mgmt": "WPA-PSK", "ieee80211w": "1"}
    if sae is not None:
        settings |= {"sae_password": f'"{sae}"', "key_mgmt": "SAE", "ieee80211w": "2"}
    if psk is not None:
        settings["psk"] = psk if re.fullmatch(r"[0-9a-fA-F]{64}", psk) else f'"{psk}"'
    if psk is not None and sae is not None:
        settings |= {"key_mgmt": "SAE WPA-PSK", "ieee80211w": "1"}
    return settings


def _pairs(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def parse_scan(text: str) -> list[Heard]:
    """wpa_supplicant's SCAN_RESULTS: a headline, then bssid, frequency, signal, flags, ssid by tabs."""
    found = []
    for line in text.splitlines()[1:]:
        bssid, frequency, signal, flags, ssid = [*line.split("\t"), ""][:5]
        found.append(Heard(bssid, int(frequency), int(signal), flags, unescape(ssid)))
    return found


def unescape(text: str) -> bytes:
    r"""An SSID's bytes from hostapd's and wpa_supplicant's printable form (``\xe2``, ``\"``, ``\\``)."""
    plain = {"n": b"\n", "r": b"\r", "t": b"\t", "e": b"\x1b", "\\": b"\\", '"': b'"'}
    parts = _ESCAPE.split(text)
    out = bytearray(parts[0].encode())
    for escape, rest in zip(parts[1::2], parts[2::2], strict=True):
        out += bytes.fromhex(escape[1:]) if escape[0] == "x" else plain[escape]
        out += rest.encode()
    return bytes(out)


def scan(namespace: Namespace, interface: str, *frequencies: int) -> list[Heard]:
    """Scan with ``iw`` on an idle interface in a namespace (no wpa_supplicant there); sets it up first.

    `flags` is then ``RSN`` or empty. Raises `CommandFailed`.
    """
    namespace.up(interface)
    wanted = ("freq", *map(str, frequencies)) if frequencies else ()
    return parse_iw(namespace.run("iw", "dev", interface, "scan", *wanted, timeout=60))


def parse_iw(text: str) -> list[Heard]:
    """The output of ``iw dev X scan``."""
    found = []
    for block in re.split(r"^BSS ", text, flags=re.MULTILINE)[1:]:
        frequency = re.search(r"^\s+freq: (\d+)", block, re.MULTILINE)
        level = re.search(r"^\s+signal: (-?\d+)", block, re.MULTILINE)
        ssid = re.search(r"^\s+SSID: (.*)$", block, re.MULTILINE)
        found.append(
            Heard(
                bssid=block[:17].lower(),
                frequency=int(frequency[1]) if frequency else 0,
                signal=int(level[1]) if level else 0,
                flags="RSN" if re.search(r"^\s+RSN:", block, re.MULTILINE) else "",
                ssid=unescape(ssid[1]) if ssid else b"",
            )
        )
    return found
