"""How wrong is the clock? One question to a time server (SNTP, RFC 4330)."""

from __future__ import annotations

import asyncio
import struct
import time

_EPOCH = 2_208_988_800  # seconds from 1900 to 1970
_ERA = 1 << 32  # seconds until the 32 bits begin again (RFC 4330, 3)
_PACKET = struct.Struct("!BBBb11I")
_CLIENT, _SERVER = 0x23, 4  # version 4, mode client; mode server


class _Question(asyncio.DatagramProtocol):
    def __init__(self, answer: asyncio.Future[tuple[bytes, float]]) -> None:
        self._answer = answer

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self._answer.done():
            self._answer.set_result((data, time.time()))

    def error_received(self, exc: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(exc)


async def offset(address: str, port: int, seconds: float) -> float | None:
    """By how many seconds our clock is slow; None without a proper answer. Never raises for what a server
    does."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[tuple[bytes, float]] = loop.create_future()
    try:
        async with asyncio.timeout(seconds):
            transport, _ = await loop.create_datagram_endpoint(
                lambda: _Question(answer), remote_addr=(address, port)
            )
            try:
                asked = time.time()
                transport.sendto(_PACKET.pack(_CLIENT, 0, 0, 0, *([0] * 9), *_stamp(asked)))
                data, came = await answer
            finally:
                transport.close()
    except (TimeoutError, OSError):
        return None
    return read_offset(data, asked, came)


def read_offset(data: bytes, asked: float, came: float) -> float | None:
    """The offset that a server's packet tells, for a question of `asked` whose answer `came` then.

    None for a packet that answers another question, or from a server that does not know the time. Pure.
    """
    if len(data) < _PACKET.size:
        return None
    first, stratum, _, _, *words = _PACKET.unpack_from(data)
    if first & 7 != _SERVER or not 1 <= stratum <= 15 or first >> 6 == 3:
        return None
    if tuple(words[5:7]) != _stamp(asked):
        return None
    received, sent = (_seconds(words[at], words[at + 1], near=asked) for at in (7, 9))
    return round(((received - asked) + (sent - came)) / 2, 6)


def _stamp(moment: float) -> tuple[int, int]:
    whole = int(moment)
    return (whole + _EPOCH) % _ERA, int((moment - whole) * _ERA) % _ERA


def _seconds(whole: int, fraction: int, *, near: float) -> float:
    """The moment that these 32 bits mean: of all eras the nearest to our own clock."""
    moment = whole - _EPOCH + fraction / _ERA
    return moment + round((near - moment) / _ERA) * _ERA
