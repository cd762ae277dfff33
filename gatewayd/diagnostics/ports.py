"""What sysfs says of the machine's network ports and its load: small files, no library."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import re
import socket
import struct
from collections import deque
from pathlib import Path
from typing import NamedTuple

from gatewayd.system.clock import Clock

_CLASS = Path("/sys/class/net")
_PRESSURE = Path("/proc/pressure/cpu")
_THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")  # Raspberry Pi's firmware
_SIOCETHTOOL, _GSET, _SIOCGIFADDR = 0x8946, 0x1, 0x8915
_GIGABIT = 0x30  # SUPPORTED_1000baseT_Half | _Full of ethtool.h
_MINUTE, _SAMPLE = 60.0, 5.0


class Port(NamedTuple):
    """A port's physical layer; None where the driver does not tell. `errors` counts bad checksums."""

    speed: int | None = None
    best_speed: int | None = None
    full_duplex: bool | None = None
    errors: int | None = None


def port(interface: str) -> Port:
    """Now. Never raises: what cannot be read is None."""
    folder = _CLASS / interface
    speed = _number(folder / "speed")
    duplex = _text(folder / "duplex")
    return Port(
        speed=speed if speed is not None and speed > 0 else None,
        best_speed=1000 if _is_gigabit(interface) else None,
        full_duplex={"full": True, "half": False}.get(duplex or ""),
        errors=_number(folder / "statistics/rx_crc_errors"),
    )


def counters(interface: str) -> tuple[int, int] | None:
    """Bytes received and sent since the interface exists."""
    folder = _CLASS / interface / "statistics"
    received, sent = _number(folder / "rx_bytes"), _number(folder / "tx_bytes")
    return None if received is None or sent is None else (received, sent)


def pressure(path: Path = _PRESSURE) -> float | None:
    """The share (0..100) of the last ten seconds in which something waited for the processor (proc(5))."""
    match = re.search(r"^some avg10=([\d.]+)", _text(path) or "")
    return float(match[1]) if match else None


def throttled() -> bool | None:
    """Whether the machine runs slower for heat or a weak supply; None where nobody tells."""
    text = _text(_THROTTLED)
    try:
        return bool(int(text, 16) & 0xF) if text else None
    except ValueError:
        return None


class CarrierLog:
    """Remembers for a minute how often each interface's carrier changed, and the address that the interface
    had since. Costs a few small files every 5 seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[str, deque[tuple[float, int]]] = {}
        self._addresses: dict[str, tuple[int, str]] = {}

    async def run(self) -> None:
        """Looks every few seconds, for ever."""
        while True:
            await asyncio.to_thread(self.look)
            await self._clock.sleep(_SAMPLE)

    def look(self) -> None:
        """Looks once. Blocks for a moment."""
        now = self._clock.monotonic()
        for name in _interfaces():
            count = _number(_CLASS / name / "carrier_changes")
            if count is None:
                continue
            seen = self._seen.setdefault(name, deque())
            seen.append((now, count))
            while now - seen[0][0] > _MINUTE:
                seen.popleft()
            if (address := _address(name)) is not None:
                self._addresses[name] = (count, address)

    def changes(self, interface: str) -> int:
        """How often the carrier changed in the last minute, as far as we were there to see it."""
        seen = self._seen.get(interface)
        return seen[-1][1] - seen[0][1] if seen else 0

    def address(self, interface: str) -> str | None:
        """The IPv4 address that the interface had since its carrier came, as far as we were there."""
        seen, had = self._seen.get(interface), self._addresses.get(interface)
        return had[1] if seen and had is not None and had[0] == seen[-1][1] else None


class NoCarriers:
    """Watches nothing: for the demo."""

    async def run(self) -> None:
        """Waits for ever."""
        await asyncio.Event().wait()


def _interfaces() -> list[str]:
    with contextlib.suppress(OSError):
        return [entry.name for entry in _CLASS.iterdir() if entry.name != "lo"]
    return []


def _address(interface: str) -> str | None:
    request = struct.pack("16s24x", interface.encode()[:15])
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            return socket.inet_ntoa(fcntl.ioctl(sock, _SIOCGIFADDR, request)[20:24])
    except OSError:
        return None


def _is_gigabit(interface: str) -> bool:
    # The old ethtool call tells the modes up to 10 Gbit/s in one word, which is all that is asked here.
    import ctypes

    block = ctypes.create_string_buffer(struct.pack("=I", _GSET), 44)  # ethtool_cmd
    request = struct.pack("16sP16x", interface.encode()[:15], ctypes.addressof(block))
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            fcntl.ioctl(sock, _SIOCETHTOOL, request)
    except OSError:
        return False
    (supported,) = struct.unpack_from("=I", block.raw, 4)
    return bool(supported & _GIGABIT)


def _number(path: Path) -> int | None:
    text = _text(path)
    try:
        return int(text) if text else None
    except ValueError:
        return None


def _text(path: Path) -> str | None:
    try:
        return path.read_text("ascii", errors="replace").strip()
    except OSError:
        return None
