"""Ways to spoil a valid transport stream; each takes whole packets and a random generator."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.media.packets import PACKET

WRAP = (1 << 33) - 1


def _packets(data: bytes) -> list[bytes]:
    return [data[at : at + PACKET] for at in range(0, len(data), PACKET)]


def flips(data: bytes, rng: random.Random) -> bytes:
    """Single bits, one in about 20 kB."""
    spoilt = bytearray(data)
    for _ in range(max(1, len(data) // 20_000)):
        spoilt[rng.randrange(len(spoilt))] ^= 1 << rng.randrange(8)
    return bytes(spoilt)


def drops(data: bytes, rng: random.Random) -> bytes:
    """Packets are lost."""
    return b"".join(one for one in _packets(data) if rng.random() > 0.02)


def holes(data: bytes, rng: random.Random) -> bytes:
    """Some bytes are lost in the middle of packets."""
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.randrange(1, 3 * PACKET) :]


def reorders(data: bytes, rng: random.Random) -> bytes:
    """Neighbours change places."""
    packets = _packets(data)
    for _ in range(max(1, len(packets) // 100)):
        at = rng.randrange(len(packets) - 1) if len(packets) > 1 else 0
        packets[at : at + 2] = reversed(packets[at : at + 2])
    return b"".join(packets)


def repeats(data: bytes, rng: random.Random) -> bytes:
    """Packets come twice or three times."""
    return b"".join(one * rng.choice((1, 1, 1, 1, 2, 3)) for one in _packets(data))


def programme_changes(data: bytes, rng: random.Random) -> bytes:
    """From the middle on all elementary streams and the PMT have other PIDs; PAT and PMT do not say so."""
    packets = _packets(data)
    half = len(packets) // 2
    moved = []
    for one in packets[half:]:
        pid = (one[1] & 0x1F) << 8 | one[2] if len(one) > 2 else 0
        if 0 < pid < 0x1F00:
            pid += 0x40
            one = one[:1] + bytes([one[1] & 0xE0 | pid >> 8, pid & 0xFF]) + one[3:]
        moved.append(one)
    return b"".join(packets[:half] + moved)


def _clocks(data: bytes, change: Callable[[int], int]) -> bytes:
    spoilt = bytearray(data)
    for at in range(0, len(spoilt) - PACKET + 1, PACKET):
        if spoilt[at + 3] & 0x20 and spoilt[at + 4] >= 7 and spoilt[at + 5] & 0x10:
            field = int.from_bytes(spoilt[at + 6 : at + 12], "big")
            base = change(field >> 15) & WRAP
            spoilt[at + 6 : at + 12] = (base << 15 | field & 0x7FFF).to_bytes(6, "big")
    return bytes(spoilt)


def jumps_back(data: bytes, rng: random.Random) -> bytes:
    """The clock goes back an hour in the middle."""
    half = len(data) // 2 // PACKET * PACKET
    return data[:half] + _clocks(data[half:], lambda base: base - 3600 * 90_000)


def jumps_on(data: bytes, rng: random.Random) -> bytes:
    """The clock goes on by a day in the middle."""
    half = len(data) // 2 // PACKET * PACKET
    return data[:half] + _clocks(data[half:], lambda base: base + 24 * 3600 * 90_000)


def wraps(data: bytes, rng: random.Random) -> bytes:
    """The clock turns over."""
    return _clocks(data, lambda base: base + WRAP - 3 * 90_000)


def encrypted(data: bytes, rng: random.Random) -> bytes:
    """All payloads are scrambled."""
    spoilt = bytearray(data)
    for at in range(0, len(spoilt) - PACKET + 1, PACKET):
        spoilt[at + 3] |= 0x80
        spoilt[at + 10 : at + PACKET] = rng.randbytes(PACKET - 10)
    return bytes(spoilt)


def garbage(data: bytes, rng: random.Random) -> bytes:
    """Some kilobytes of it in the middle."""
    half = len(data) // 2
    return data[:half] + rng.randbytes(rng.randrange(1, 20_000)) + data[half:]


SPOILS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    way.__name__: way
    for way in (
        *(flips, drops, holes, reorders, repeats, programme_changes),
        *(jumps_back, jumps_on, wraps, encrypted, garbage),
    )
}


def spoil(data: bytes, rng: random.Random) -> bytes:
    """In one of the ways."""
    if len(data) < 2 * PACKET:
        return data
    return rng.choice(list(SPOILS.values()))(data, rng)
