"""What the kernel has counted on one TCP connection: TCP_INFO of tcp(7), struct tcp_info of <linux/tcp.h>."""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

_SIZE = 232
_RTT = struct.Struct("=I")
_LONG = struct.Struct("=Q")


class TcpInfo(NamedTuple):
    """Times in microseconds; `rtt_us` is smoothed. Limited times are shares of `busy_us`.

    `bytes_received` is what arrived in order, whether or not it was read, `segments_in` every segment with
    data; `delivered` are those of ours that the other end has, in order or not. A segment carries at most
    `segment_size` bytes when we send it, and the other end's are thought to carry `their_segment_size`.
    """

    time_stamps: bool
    segment_size: int
    their_segment_size: int
    rtt_us: int
    retransmits: int
    bytes_acked: int
    bytes_received: int
    segments_in: int
    delivered: int
    busy_us: int
    window_limited_us: int
    buffer_limited_us: int


def tcp_info(sock: socket.socket) -> TcpInfo:
    """Raises OSError. Fields that an old kernel does not tell are 0."""
    data = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _SIZE).ljust(_SIZE, b"\0")

    def short(at: int) -> int:
        return int(_RTT.unpack_from(data, at)[0])

    def long(at: int) -> int:
        return int(_LONG.unpack_from(data, at)[0])

    return TcpInfo(
        time_stamps=bool(data[5] & 1),  # TCPI_OPT_TIMESTAMPS
        segment_size=short(16),
        their_segment_size=short(20),
        rtt_us=short(68),
        retransmits=short(100),
        bytes_acked=long(120),
        bytes_received=long(128),
        segments_in=short(152),
        delivered=short(192),
        busy_us=long(168),
        window_limited_us=long(176),
        buffer_limited_us=long(184),
    )
