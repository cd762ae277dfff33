"""A fake hostapd: a whole daemon on real Unix datagram sockets, with air in which stations try to join.

`program(folder)` makes an executable to give as `hostapd_binary`. It reads the configuration that it is
given and refuses lines that it does not know; with ``driver=none`` it is the dry run. What is on the air
changes only when the real one's would: ``SET ssid2`` needs ``UPDATE_BEACON``, keys need ``RELOAD_WPA_PSK``.

Beside the real commands: ``TEST JOIN <mac> <ssid hex> <passphrase>``; ``TEST AIR`` (the SSID on the air, in
hexadecimal: what a scan would hear); ``TEST FAULT <how> <command>``, how being ``fail``, ``mute`` (no reply),
``die``, or ``deaf`` (says OK, does nothing). Standard library only.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import selectors
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path

KNOWN = (
    *(
        "interface",
        "driver",
        "hw_mode",
        "channel",
        "ieee80211n",
        "ieee80211ac",
        "country_code",
        "ieee80211d",
        "bss",
        "bssid",
    ),
    *(
        "ctrl_interface",
        "ctrl_interface_group",
        "ssid2",
        "utf8_ssid",
        "ignore_broadcast_ssid",
        "ap_isolate",
        "wmm_enabled",
    ),
    *(
        "auth_algs",
        "wpa",
        "wpa_key_mgmt",
        "rsn_pairwise",
        "ieee80211w",
        "wpa_psk_file",
        "sae_password",
        "sae_require_mfp",
        "sae_pwe",
    ),
)


def program(folder: Path) -> str:
    """An executable that is this fake, in `folder`."""
    path = folder / "fake-hostapd"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -S -E {Path(__file__).resolve()} "$@"\n')
    path.chmod(0o755)
    return str(path)


def command(path: Path, text: str) -> str:
    """Sends one command from outside and returns the reply, stripped. Blocks at most 5 s."""
    own = path.with_name(f".test-{os.getpid()}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.bind(str(own))
        try:
            client.settimeout(5)
            client.connect(str(path))
            client.send(text.encode())
            return client.recv(16384).decode().strip()
        finally:
            own.unlink()


class BadLine(Exception):
    """The configuration has a line that hostapd would refuse."""


@dataclass
class Bss:
    """One network: what is configured, what is on the air, who is there."""

    interface: str = ""
    options: dict[str, str] = field(default_factory=dict)
    on_air: bytes = b""
    keys: set[str] = field(default_factory=set)
    sae: str | None = None
    stations: dict[str, str] = field(default_factory=dict)
    socket: socket.socket | None = None
    monitors: list[str] = field(default_factory=list)

    @property
    def ssid(self) -> bytes:
        return bytes.fromhex(self.options.get("ssid2", ""))

    def read_keys(self) -> None:
        """As RELOAD_WPA_PSK: whoever's key no longer matches is thrown off."""
        file = self.options.get("wpa_psk_file")
        self.keys = set()
        if file is not None:
            for line in Path(file).read_text().splitlines():
                _, _, key = line.rpartition(" ")
                if len(key) != 64:
                    raise BadLine(f"Invalid PSK in {file}")
                self.keys.add(key)
        for mac, key in tuple(self.stations.items()):
            if key not in self.keys and key != "open":
                self.drop(mac)

    def settle(self) -> None:
        """Everything configured goes on the air, and every station is thrown off."""
        for mac in tuple(self.stations):
            self.drop(mac)
        self.on_air = self.ssid
        self.sae = self.options.get("sae_password")
        self.read_keys()

    def drop(self, mac: str) -> None:
        del self.stations[mac]
        self.tell(f"<3>AP-STA-DISCONNECTED {mac}")

    def join(self, mac: str, ssid: bytes, passphrase: str) -> bool:
        if ssid != self.on_air:
            return False
        if "wpa" not in self.options:
            self.stations[mac] = "open"
        else:
            key = hashlib.pbkdf2_hmac("sha1", passphrase.encode(), ssid, 4096, 32).hex()
            if key not in self.keys and passphrase != self.sae:
                self.tell(f"<3>AP-STA-POSSIBLE-PSK-MISMATCH {mac}")
                return False
            self.stations[mac] = key if key in self.keys else "sae"
        self.tell(f"<3>AP-STA-CONNECTED {mac}")
        return True

    def tell(self, event: str) -> None:
        for monitor in tuple(self.monitors):
            try:
                assert self.socket is not None
                self.socket.sendto(event.encode(), monitor)
            except OSError:
                self.monitors.remove(monitor)


class Hostapd:
    """The daemon."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.faults: dict[str, str] = {}
        self.enabled = True
        self.selector = selectors.DefaultSelector()
        self.bsses = parse(config)

    def run(self) -> None:
        """Opens the sockets and serves until it is ended."""
        for bss in self.bsses:
            self.bind(bss)
            bss.settle()
        signal.signal(signal.SIGHUP, self.read_again)
        print(f"{self.bsses[0].interface}: AP-ENABLED", flush=True)
        while True:
            for key, _ in self.selector.select():
                self.serve(key.data)

    def serve(self, bss: Bss) -> None:
        assert bss.socket is not None
        text, client = bss.socket.recvfrom(16384)
        reply = self.answer(bss, text.decode(), client)
        if reply is not None:
            with contextlib.suppress(OSError):  # who asked may be gone
                bss.socket.sendto(reply.encode(), client)

    def bind(self, bss: Bss) -> None:
        folder = bss.options.get("ctrl_interface")
        if folder is None:
            return
        path = Path(folder) / bss.interface
        path.unlink(missing_ok=True)
        bss.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        bss.socket.bind(str(path))
        self.selector.register(bss.socket, selectors.EVENT_READ, bss)

    def answer(self, bss: Bss, text: str, client: str) -> str | None:
        word, _, rest = text.partition(" ")
        fault = self.faults.get(word)
        if fault == "die":
            os._exit(1)
        if fault == "mute":
            return None
        if fault in ("fail", "deaf"):
            return "FAIL\n" if fault == "fail" else "OK\n"
        handler = getattr(self, f"do_{word.lower().replace('-', '_')}", None)
        if handler is None:
            return "UNKNOWN COMMAND\n"
        try:
            reply: str = handler(bss, rest, client)
        except (BadLine, ValueError, OSError):
            return "FAIL\n"
        return reply

    def do_ping(self, _bss: Bss, _rest: str, _client: str) -> str:
        return "PONG\n"

    def do_attach(self, bss: Bss, _rest: str, client: str) -> str:
        bss.monitors.append(client)
        return "OK\n"

    def do_status(self, _bss: Bss, _rest: str, _client: str) -> str:
        lines = [f"state={'ENABLED' if self.enabled else 'DISABLED'}", "channel=6"]
        for number, bss in enumerate(self.bsses):
            ssid = "".join(chr(c) if 32 <= c < 127 and c not in b'\\"' else f"\\x{c:02x}" for c in bss.ssid)
            lines += [f"bss[{number}]={bss.interface}", f"ssid[{number}]={ssid}"]
            lines += [
                f"bssid[{number}]={bss.options.get('bssid', '')}",
                f"num_sta[{number}]={len(bss.stations)}",
            ]
        return "\n".join(lines) + "\n"

    def do_set(self, bss: Bss, rest: str, _client: str) -> str:
        name, _, value = rest.partition(" ")
        if name not in ("ssid2", "sae_password"):
            return "FAIL\n"
        bss.options[name] = value
        return "OK\n"

    def do_reload_wpa_psk(self, bss: Bss, _rest: str, _client: str) -> str:
        bss.read_keys()
        return "OK\n"

    def do_update_beacon(self, bss: Bss, _rest: str, _client: str) -> str:
        bss.on_air = bss.ssid
        return "OK\n"

    def do_pmksa_flush(self, _bss: Bss, _rest: str, _client: str) -> str:
        return "OK\n"

    def do_reload(self, _bss: Bss, _rest: str, _client: str) -> str:
        # As the real one up to 2.10: what was SET, not what is in the file.
        for bss in self.bsses:
            bss.settle()
        return "OK\n"

    def read_again(self, *_: object) -> None:
        """SIGHUP."""
        for bss, new in zip(self.bsses, parse(self.config), strict=True):
            bss.options = new.options
            bss.settle()

    def do_disable(self, bss: Bss, _rest: str, _client: str) -> str:
        self.enabled = False
        bss.tell("<3>AP-DISABLED ")
        return "OK\n"

    def do_enable(self, bss: Bss, _rest: str, _client: str) -> str:
        self.enabled = True
        bss.tell("<3>AP-ENABLED ")
        return "OK\n"

    def do_sta_first(self, bss: Bss, _rest: str, _client: str) -> str:
        return self.station(sorted(bss.stations)[:1])

    def do_sta_next(self, bss: Bss, rest: str, _client: str) -> str:
        return self.station([mac for mac in sorted(bss.stations) if mac > rest][:1])

    def station(self, macs: list[str]) -> str:
        return "".join(
            f"{mac}\nflags=[AUTH][ASSOC][AUTHORIZED]\nrx_bytes=10\ntx_bytes=20\nsignal=-40\nconnected_time=3\n"
            for mac in macs
        )

    def do_test(self, bss: Bss, rest: str, _client: str) -> str:
        verb, _, rest = rest.partition(" ")
        if verb == "JOIN":
            mac, ssid, passphrase = (*rest.split(" ", 2), "")[:3]
            return "OK\n" if self.enabled and bss.join(mac, bytes.fromhex(ssid), passphrase) else "FAIL\n"
        if verb == "AIR":
            return bss.on_air.hex() + "\n"
        how, _, word = rest.partition(" ")
        self.faults[word] = how
        return "OK\n"


def parse(config: Path) -> list[Bss]:
    """The networks of a configuration file; `BadLine` for a line that is not known."""
    bsses = [Bss()]
    for number, line in enumerate(config.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        name, _, value = line.partition("=")
        if name not in KNOWN:
            raise BadLine(f"Line {number}: unknown configuration item '{name}'")
        if name == "bss":
            bsses.append(Bss(options=dict(bsses[0].options, wpa="")))
        if name in ("interface", "bss"):
            bsses[-1].interface = value
        if name == "sae_password" and "|mac=" in value:
            raise BadLine(f"Line {number}: invalid sae_password")
        bsses[-1].options[name] = value
    return bsses


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    config = Path(sys.argv[-1])
    try:
        Hostapd(config).run()
    except (BadLine, ValueError, OSError) as error:
        print(error, f"1 errors found in configuration file '{config}'", sep="\n", flush=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
