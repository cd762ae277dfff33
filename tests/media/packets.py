"""Transport packets made by hand, for tests of what is measured."""

from __future__ import annotations

from gatewayd.dvr.media.tables import crc32

PACKET = 188


def packet(
    pid: int,
    counter: int,
    payload: bytes = b"",
    *,
    start: bool = False,
    scrambled: bool = False,
    broken: bool = False,
) -> bytes:
    """A packet with a payload, filled up with FF."""
    flags = (0x80 if broken else 0) | (0x40 if start else 0)
    head = bytes([0x47, flags | pid >> 8, pid & 0xFF, (0x80 if scrambled else 0) | 0x10 | counter & 15])
    return (head + payload).ljust(PACKET, b"\xff")


def pcr_packet(pid: int, counter: int, ticks: int, *, restart: bool = False, broken: bool = False) -> bytes:
    """A packet without payload whose adaptation field carries a PCR of so many 27 MHz ticks."""
    base, extension = divmod(ticks % ((1 << 33) * 300), 300)
    field = bytes([183, 0x10 | (0x80 if restart else 0)])
    field += ((base << 15) | 0x7E00 | extension).to_bytes(6, "big")
    head = bytes([0x47, (0x80 if broken else 0) | pid >> 8, pid & 0xFF, 0x20 | counter & 15])
    return (head + field).ljust(PACKET, b"\xff")


def section(table: int, body: bytes, version: int = 0, *, right: bool = True) -> bytes:
    """A section with its CRC, in a packet's payload behind its pointer."""
    head = bytes(
        [table, 0xB0 | (len(body) + 9) >> 8, (len(body) + 9) & 0xFF, 0, 1, 0xC1 | version << 1, 0, 0]
    )
    whole = head + body
    return b"\0" + whole + (crc32(whole) ^ (0 if right else 1)).to_bytes(4, "big")


def pat(counter: int, pmts: list[int], version: int = 0, *, right: bool = True) -> bytes:
    """A programme association table; programmes are numbered from 1."""
    body = b"".join(
        bytes([0, number, 0xE0 | pid >> 8, pid & 0xFF]) for number, pid in enumerate(pmts, start=1)
    )
    return packet(0, counter, section(0, body, version, right=right), start=True)


def pmt(pid: int, counter: int, streams: list[int], version: int = 0, *, right: bool = True) -> bytes:
    """A programme map: H.264 on the first PID, which carries the PCR, and AAC on the others."""
    body = bytes([0xE0 | streams[0] >> 8, streams[0] & 0xFF, 0xF0, 0])
    for number, stream in enumerate(streams):
        body += bytes([0x0F if number else 0x1B, 0xE0 | stream >> 8, stream & 0xFF, 0xF0, 0])
    return packet(pid, counter, section(2, body, version, right=right), start=True)
