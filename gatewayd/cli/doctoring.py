"""What a fresh box needs, looked at from its own shell: no daemon has to run for it.

Every check reads below `root` (`/`; a test's own folder) and says in a sentence what is there and what to do.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from gatewayd.errors import GatewayError
from gatewayd.settings import Settings, load
from gatewayd.system.clock import BUILT, SystemClock

Mark = Literal["ok", "advice", "wrong", "skipped"]
GROUP = "gatewayd-admin"
USERS = ("gatewayd", "gatewayd-netd", "gatewayd-media")
OLDEST_HOSTAPD = (2, 10)
"""Debian 12 has this one; SAE and WPA3 transition work in it."""
RECEIVE_BUFFER = 8 * 1024 * 1024
LEAST_FREE = 0.05
_PROGRAMS = {"nft": "nftables", "dnsmasq": "dnsmasq"}
_PATH = ("usr/sbin", "usr/bin", "sbin", "bin", "usr/local/sbin", "usr/local/bin")


class Finding(NamedTuple):
    """One check's outcome."""

    name: str
    mark: Mark
    sentence: str


@dataclass(frozen=True, slots=True)
class Box:
    """Where to look. `run` gives what a program prints; OSError when it cannot be run."""

    root: Path = Path("/")
    run: Callable[[Path, str], str] = lambda program, option: _output(program, option)

    def text(self, path: str) -> str | None:
        """A file's text; None when it cannot be read."""
        try:
            return (self.root / path).read_text("utf-8", "replace")
        except OSError:
            return None

    def program(self, name: str) -> Path | None:
        """Where a program is."""
        found = (self.root / folder / name for folder in _PATH)
        return next((path for path in found if path.exists()), None)


def examine(box: Box, api: Path) -> Iterator[Finding]:
    """All checks in order; `api` is the daemon's socket."""
    settings = _read_settings(box)
    yield settings[1]
    yield from _people(box)
    yield _daemon(api)
    yield _folder(box, "state", "var/lib/gatewayd", 0o700)
    yield _folder(box, "recordings", settings[0].dvr.folder.lstrip("/"), 0o2750)
    yield from _radios(box, settings[0])
    yield from _programs(box, settings[0])
    yield from _kernel(box)
    yield _time()


def _read_settings(box: Box) -> tuple[Settings, Finding]:
    path = box.root / "etc/gatewayd/gatewayd.toml"
    if not path.exists():
        return Settings(), Finding("settings", "ok", "There are none: everything is as it comes.")
    try:
        return load(path), Finding("settings", "ok", f"{path} can be used.")
    except GatewayError as error:
        return Settings(), Finding("settings", "wrong", error.detail)


def _people(box: Box) -> Iterator[Finding]:
    users, groups = (box.text(f"etc/{name}") or "" for name in ("passwd", "group"))
    missing = [name for name in USERS if not re.search(rf"^{name}:", users, re.MULTILINE)]
    if missing:
        yield Finding(
            "users",
            "advice",
            f"{', '.join(missing)} are not there: the package makes them (systemd-sysusers).",
        )
    else:
        yield Finding("users", "ok", "Each process has a user of its own.")
    found = re.search(rf"^{GROUP}:[^:]*:\d+:(.*)$", groups, re.MULTILINE)
    if found is None:
        sentence = f"There is no group {GROUP}: only root can use gatewayctl."
        yield Finding("group", "advice", sentence)
    else:
        members = found[1] or "nobody but root"
        yield Finding("group", "ok", f"{members} may use gatewayctl (group {GROUP}).")


def _daemon(api: Path) -> Finding:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(2.0)
        try:
            sock.connect(str(api))
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM):
                sentence = f"You may not use {api}: join the group {GROUP} and sign in anew."
                return Finding("daemon", "wrong", sentence)
            sentence = f"Nobody listens on {api}. `systemctl status gatewayd` says why."
            return Finding("daemon", "wrong", sentence)
    return Finding("daemon", "ok", f"It listens on {api}.")


def _folder(box: Box, name: str, path: str, mode: int) -> Finding:
    place = box.root / path
    try:
        status, room = place.stat(), os.statvfs(place)
    except OSError as error:
        return Finding(name, "advice", f"{place}: {error.strerror}. The daemon makes it when it starts.")
    free = room.f_bavail / max(1, room.f_blocks)
    if status.st_mode & 0o7777 & ~mode & 0o777:
        sentence = f"{place} is open to others ({status.st_mode & 0o7777:o}): chmod {mode:o} {place}"
        return Finding(name, "wrong", sentence)
    if free < LEAST_FREE:
        return Finding(name, "wrong", f"{place} has {free:.0%} of its disk left: make room.")
    return Finding(name, "ok", f"{place} has {room.f_bavail * room.f_frsize / 1e9:.1f} GB left.")


def _radios(box: Box, settings: Settings) -> Iterator[Finding]:
    if settings.wifi.driver == "simulated":
        yield Finding("radio", "skipped", "The settings say that the radio is simulated.")
        return
    folder = box.root / "sys/class/ieee80211"
    found = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if found:
        yield Finding("radio", "ok", f"The kernel drives {', '.join(found)} (nl80211).")
    else:
        sentence = "The kernel drives no radio: is there one, and is its firmware installed? See dmesg."
        yield Finding("radio", "advice", sentence)
    yield _hostapd(box, settings)


def _hostapd(box: Box, settings: Settings) -> Finding:
    path = box.root / settings.wifi.hostapd_binary.lstrip("/")
    if not path.exists():
        mark: Mark = "wrong" if settings.wifi.driver == "hostapd" else "advice"
        return Finding("hostapd", mark, f"{path} is not there: apt install hostapd")
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        if found := re.search(r"hostapd v(\d+)\.(\d+)", box.run(path, "-v")):
            version = (int(found[1]), int(found[2]))
            if version < OLDEST_HOSTAPD:
                return Finding(
                    "hostapd", "wrong", f"It is {found[1]}.{found[2]}; 2.10 is the oldest that works."
                )
            return Finding("hostapd", "ok", f"It is {found[1]}.{found[2]}.")
    return Finding("hostapd", "advice", f"{path} does not tell its version.")


def _programs(box: Box, settings: Settings) -> Iterator[Finding]:
    needed = settings.network.mode != "host"
    for name, package in _PROGRAMS.items():
        path = box.program(name)
        if path is not None:
            yield Finding(name, "ok", f"{path}")
        elif needed:
            yield Finding(name, "wrong", f"It is not there: apt install {package}")
        else:
            yield Finding(name, "skipped", "Not needed: the box is not in the path (network.mode is host).")


def _kernel(box: Box) -> Iterator[Finding]:
    words = (box.text("proc/sys/net/ipv4/ping_group_range") or "1 0").split()
    if len(words) == 2 and int(words[0]) <= int(words[1]):
        yield Finding("ping", "ok", "Pings need no capability.")
    else:
        yield Finding(
            "ping", "wrong", 'Pings are not allowed: sysctl net.ipv4.ping_group_range="0 2147483647"'
        )
    size = (box.text("proc/sys/net/core/rmem_max") or "0").strip()
    if size.isdigit() and int(size) >= RECEIVE_BUFFER:
        yield Finding("multicast", "ok", "The receive buffer may be large enough.")
    else:
        yield Finding(
            "multicast",
            "advice",
            f"Television by multicast may lose packets: sysctl net.core.rmem_max={RECEIVE_BUFFER}",
        )


def _time() -> Finding:
    clock = SystemClock()
    if clock.now() < BUILT:
        return Finding(
            "time", "wrong", f"It cannot be {clock.now():%Y-%m-%d}: set the clock, or wait for NTP."
        )
    if not clock.trusted():
        return Finding("time", "advice", "The clock is not synchronised yet: timedatectl shows why.")
    return Finding("time", "ok", f"It is {clock.now():%Y-%m-%d %H:%M} UTC.")


def _output(program: Path, option: str) -> str:
    done = subprocess.run([str(program), option], capture_output=True, text=True, timeout=5, check=False)
    return done.stdout + done.stderr
