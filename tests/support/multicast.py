"""A multicast sender: a transport stream in datagrams, plain or RTP, as a set-top box's network has it."""

from __future__ import annotations

import ipaddress
import random
import socket
import struct
import time
from collections.abc import Iterable, Iterator

PAYLOAD = 7 * 188


def datagrams(stream: bytes, *, rtp: bool, first: int = 65_500, source: int = 0xCAFE) -> list[bytes]:
    """The stream, seven packets in each; RTP sequence numbers from `first` on, wrapping."""
    pieces = [stream[at : at + PAYLOAD] for at in range(0, len(stream), PAYLOAD)]
    if not rtp:
        return pieces
    return [header(first + number, number * 3600, source) + piece for number, piece in enumerate(pieces)]


def header(sequence: int, timestamp: int = 0, source: int = 0xCAFE, *, first: int = 0x80) -> bytes:
    """An RTP header of payload type 33 (RFC 3551, MP2T)."""
    return struct.pack("!BBHII", first, 33, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, source)


def shuffled(packets: list[bytes], within: int, seed: int = 1) -> list[bytes]:
    """Each packet at most `within` places from where it belongs, the first in its place."""
    chance = random.Random(seed)
    order = sorted(range(1, len(packets)), key=lambda at: at + chance.uniform(0, within))
    return [packets[0], *(packets[at] for at in order)]


def stream(packets: int, seed: int = 1) -> bytes:
    """Transport stream packets of noise on one PID with right continuity counters."""
    chance = random.Random(seed)
    return b"".join(
        bytes([0x47, 0x01, 0x00, 0x10 | number & 0x0F]) + chance.randbytes(184) for number in range(packets)
    )


class Sender:
    """A socket that sends to a group on the interface that has `address` (or, for IPv6, by `index`)."""

    def __init__(self, group: str, port: int, *, address: str = "127.0.0.1", index: int = 0) -> None:
        self._to = (group, port)
        if ipaddress.ip_address(group).version == 6:
            self.sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 1)
            return
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
        self.sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)

    def send(self, packets: Iterable[bytes]) -> None:
        """All of them at once."""
        for packet in packets:
            self.sock.sendto(packet, self._to)

    def pace(self, packets: list[bytes], bitrate: float) -> Iterator[None]:
        """Sends at `bitrate` (bit/s), every 10 ms; yields between, so that a coroutine can wait."""
        began, sent, at = time.monotonic(), 0, 0
        while at < len(packets):
            while at < len(packets) and sent * 8 <= (time.monotonic() - began) * bitrate:
                self.sock.sendto(packets[at], self._to)
                sent += len(packets[at])
                at += 1
            yield

    def close(self) -> None:
        """Ends it."""
        self.sock.close()
