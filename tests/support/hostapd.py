"""A fake hostapd: a whole daemon on real Unix datagram sockets, with air in which stations try to join.

`program(folder)` makes an executable to give as `hostapd_binary`. It reads the configuration that it is
given and refuses lines that it does not know; with ``driver=none`` it is the dry run. What is on the air
changes only when the real one's would: ``SET ssid2`` needs ``UPDATE_BEACON``, keys need ``RELOAD_WPA_PSK``.

It is 2.10 unless a file ``version`` beside the program says otherwise: ``RELOAD_BSS`` is known from 2.11 on,
before it is a RELOAD as any word that begins so. `-g` gives it a socket as a whole: ``REMOVE`` and ``ADD``.
Whoever joined by SAE is remembered until ``PMKSA_FLUSH``, and comes back with any password.

Beside the real commands: ``TEST JOIN <mac> <ssid hex> <passphrase>``; ``TEST AIR`` (the SSID on the air, in
hexadecimal: what a scan would hear); ``TEST STATE <state>`` (of STATUS); ``TEST FAULT <how> <command>``, how
being ``fail``, ``mute`` (no reply), ``die``, or ``deaf`` (says OK, does nothing). Standard library only.
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

_KNOWN = """
    interface driver hw_mode channel ieee80211n ieee80211ac country_code ieee80211d ieee80211h
    ieee80211ax op_class ht_capab vht_oper_chwidth vht_oper_centr_freq_seg0_idx he_oper_chwidth
    he_oper_centr_freq_seg0_idx bridge bss bssid ctrl_interface ctrl_interface_group ssid2 utf8_ssid
    ignore_broadcast_ssid ap_isolate wmm_enabled auth_algs wpa wpa_key_mgmt rsn_pairwise ieee80211w
    wpa_psk_file sae_password sae_require_mfp sae_pwe
"""
KNOWN = tuple(_KNOWN.split())


def program(folder: Path) -> str:
    """An executable that is this fake, in `folder`."""
    path = folder / "fake-hostapd"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -S -E {Path(__file__).resolve()} {folder} "$@"\n')
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
    keys: dict[str, str] = field(default_factory=dict)
    remembered: set[str] = field(default_factory=set)
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
        self.keys = {}
        if file is not None:
            for line in Path(file).read_text().splitlines():
                names, _, key = line.rpartition(" ")
                if len(key) != 64:
                    raise BadLine(f"Invalid PSK in {file}")
                self.keys[key] = names.partition("keyid=")[2].partition(" ")[0]
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
        if mac in self.remembered:
            self.stations[mac] = "sae"
        elif "wpa" not in self.options:
            self.stations[mac] = "open"
        else:
            key = hashlib.pbkdf2_hmac("sha1", passphrase.encode(), ssid, 4096, 32).hex()
            if key not in self.keys and passphrase != self.sae:
                self.tell(f"<3>AP-STA-POSSIBLE-PSK-MISMATCH {mac}")
                return False
            self.stations[mac] = key if key in self.keys else "sae"
            if self.stations[mac] == "sae":
                self.remembered.add(mac)
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

    def __init__(self, config: Path, doors: Path | None = None, version: tuple[int, int] = (2, 10)) -> None:
        self.config = config
        self.doors = doors
        self.version = version
        self.channel = "6"
        self.state = "ENABLED"
        self.faults: dict[str, str] = {}
        self.enabled = True
        self.selector = selectors.DefaultSelector()
        self.bsses = parse(config)

    def run(self) -> None:
        """Opens the sockets and serves until it is ended."""
        for bss in self.bsses:
            self.bind(bss)
            bss.settle()
        if self.doors is not None:
            self.whole = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.doors.unlink(missing_ok=True)
            self.whole.bind(str(self.doors))
            self.selector.register(self.whole, selectors.EVENT_READ, None)
        signal.signal(signal.SIGHUP, self.read_again)
        print(f"{self.bsses[0].interface}: AP-ENABLED", flush=True)
        while True:
            for key, _ in self.selector.select():
                if key.data is None:
                    self.serve_whole()
                else:
                    self.serve(key.data)

    def serve_whole(self) -> None:
        """The socket of all networks: `REMOVE interface`, `ADD bss_config=phy:file`."""
        text, client = self.whole.recvfrom(16384)
        word, _, rest = text.decode().partition(" ")
        reply = "FAIL\n"
        with contextlib.suppress(BadLine, ValueError, OSError, StopIteration):
            if self.faults.get(word) == "die":
                os._exit(1)
            if word == "REMOVE" and rest != self.bsses[0].interface:
                self.remove(next(bss for bss in self.bsses if bss.interface == rest))
                reply = "OK\n"
            elif word == "ADD" and rest.startswith("bss_config=phy0:") and word not in self.faults:
                (bss,) = parse(Path(rest.partition(":")[2]))
                self.bind(bss)
                bss.settle()
                self.bsses.append(bss)
                reply = "OK\n"
        with contextlib.suppress(OSError):
            self.whole.sendto(reply.encode(), client)

    def remove(self, bss: Bss) -> None:
        """A network goes, and its socket."""
        for mac in tuple(bss.stations):
            bss.drop(mac)
        bss.tell("<3>AP-DISABLED ")
        if bss.socket is not None:
            Path(bss.socket.getsockname()).unlink(missing_ok=True)
            self.selector.unregister(bss.socket)
            bss.socket.close()
        self.bsses.remove(bss)

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
        lines = [f"state={self.state if self.enabled else 'DISABLED'}", "phy=phy0"]
        lines += [f"channel={self.channel}", f"freq={2407 + 5 * int(self.channel)}"]
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
        if name not in KNOWN:
            return "FAIL\n"
        bss.options[name] = value
        if name == "sae_password":  # the real one adds to those that it has, until it is given none
            bss.sae = value or None if bss.sae is None or not value else bss.sae
        return "OK\n"

    def do_reload_wpa_psk(self, bss: Bss, _rest: str, _client: str) -> str:
        bss.read_keys()
        return "OK\n"

    def do_update_beacon(self, bss: Bss, _rest: str, _client: str) -> str:
        bss.on_air = bss.ssid
        return "OK\n"

    def do_pmksa_flush(self, bss: Bss, _rest: str, _client: str) -> str:
        bss.remembered.clear()
        return "OK\n"

    def do_reload_bss(self, bss: Bss, rest: str, client: str) -> str:
        if self.version < (2, 11):
            return self.do_reload(bss, rest, client)
        bss.settle()
        return "OK\n"

    def do_deauthenticate(self, bss: Bss, rest: str, _client: str) -> str:
        if rest in bss.stations:
            bss.drop(rest)
        return "OK\n"

    def do_chan_switch(self, _bss: Bss, rest: str, _client: str) -> str:
        self.channel = str((int(rest.split()[1]) - 2407) // 5)
        return "OK\n"

    def do_reload(self, _bss: Bss, _rest: str, _client: str) -> str:
        # As the real one up to 2.10: what was SET, not what is in the file.
        for bss in self.bsses:
            bss.settle()
        return "OK\n"

    def read_again(self, *_: object) -> None:
        """SIGHUP."""
        read = parse(self.config)
        if [bss.interface for bss in self.bsses] != [bss.interface for bss in read]:
            for bss in tuple(self.bsses):  # everything goes and comes again
                self.remove(bss)
            self.bsses = read
            for bss in read:
                self.bind(bss)
        for bss, new in zip(self.bsses, read, strict=True):
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

    def do_sta(self, bss: Bss, rest: str, _client: str) -> str:
        return self.station(bss, [mac for mac in bss.stations if mac == rest])

    def do_sta_first(self, bss: Bss, _rest: str, _client: str) -> str:
        return self.station(bss, sorted(bss.stations)[:1])

    def do_sta_next(self, bss: Bss, rest: str, _client: str) -> str:
        return self.station(bss, [mac for mac in sorted(bss.stations) if mac > rest][:1])

    def station(self, bss: Bss, macs: list[str]) -> str:
        if not macs:
            return "FAIL\n"
        named = bss.keys.get(bss.stations[macs[0]])
        lines = [
            macs[0],
            "flags=[AUTH][ASSOC][AUTHORIZED]",
            "rx_bytes=10",
            "tx_bytes=20",
            "inactive_msec=1500",
            "signal=-40",
        ]
        lines += ["connected_time=3", *([f"keyid={named}"] if named else [])]
        return "\n".join(lines) + "\n"

    def do_test(self, bss: Bss, rest: str, _client: str) -> str:
        verb, _, rest = rest.partition(" ")
        if verb == "JOIN":
            mac, ssid, passphrase = (*rest.split(" ", 2), "")[:3]
            return "OK\n" if self.enabled and bss.join(mac, bytes.fromhex(ssid), passphrase) else "FAIL\n"
        if verb == "STATE":
            self.state = rest
            return "OK\n"
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
    folder, arguments = Path(sys.argv[1]), sys.argv[2:]
    told = folder / "version"
    version = told.read_text() if told.exists() else "2.10"
    if arguments == ["-v"]:
        print(f"hostapd v{version}", file=sys.stderr)
        sys.exit(1)
    config = Path(arguments[-1])
    doors = Path(arguments[arguments.index("-g") + 1]) if "-g" in arguments else None
    major, _, minor = version.partition(".")
    try:
        Hostapd(config, doors, (int(major), int(minor))).run()
    except (BadLine, ValueError, OSError) as error:
        print(error, f"1 errors found in configuration file '{config}'", sep="\n", flush=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
