"""Records frames through a packet socket (packet(7)), bounded in time, number and bytes. Needs CAP_NET_RAW.

The helper does it, not tcpdump: gatewayd holds no capability, and what reads raw frames of strangers here is
a hundred lines that parse none of them. Filter and cutting are the kernel's (SO_ATTACH_FILTER of socket(7)).
"""

from __future__ import annotations

import asyncio
import ctypes
import socket
import struct
import time

from gatewayd.netd import packets, verbs
from gatewayd.netd.probes import packet_socket, refusal

MOST_BYTES = 2 * 1024 * 1024 - 4096
_ALL = 0x0003  # ETH_P_ALL of if_ether.h
_SO_ATTACH_FILTER, _SO_TIMESTAMPNS = 26, 35
_SOL_PACKET, _PACKET_STATISTICS, _PACKET_AUXDATA = 263, 6, 8
_AT_ONCE = 64
_ROOM = 4 * 1024 * 1024


async def capture(wanted: verbs.Capture, address: str | None) -> verbs.CaptureAnswer:
    """Until time, packets or bytes are over; see `verbs.Capture`. Values are checked already."""
    with packet_socket(wanted.interface, 0) as sock:
        try:
            return await _capture(sock, wanted, address)
        except OSError as error:
            raise refusal(wanted.interface, error) from error


async def _capture(sock: socket.socket, wanted: verbs.Capture, address: str | None) -> verbs.CaptureAnswer:
    sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    sock.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
    _attach(sock, packets.address_filter(address, wanted.snap))
    sock.bind((wanted.interface, _ALL))  # only now, filter in place, does anything come in
    loop = asyncio.get_running_loop()
    full = asyncio.Event()
    found: list[bytes] = [packets.pcap_header(wanted.snap)]
    size = len(found[0])

    def readable() -> None:
        nonlocal size
        for _ in range(_AT_ONCE):
            if len(found) > wanted.packets or size >= MOST_BYTES:
                full.set()
                return
            try:
                frame, control, _, _ = sock.recvmsg(wanted.snap, 256)
            except OSError:
                return  # nothing more for now; an interface that went away brings nothing any more
            record = packets.pcap_record(*_about(frame, control))
            found.append(record)
            size += len(record)

    loop.add_reader(sock, readable)
    try:
        async with asyncio.timeout(wanted.timeout_ms / 1000):
            await full.wait()
    except TimeoutError:
        pass
    finally:
        loop.remove_reader(sock)
    _, dropped = struct.unpack("=II", sock.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
    return verbs.CaptureAnswer(pcap=b"".join(found), packets=len(found) - 1, dropped=dropped)


def _attach(sock: socket.socket, program: bytes) -> None:
    """struct sock_fprog: how many instructions, and where they are."""
    room = ctypes.create_string_buffer(program, len(program))
    sock.setsockopt(
        socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(program) // 8, ctypes.addressof(room))
    )


def _about(frame: bytes, control: list[tuple[int, int, bytes]]) -> tuple[int, bytes, int]:
    """When it was seen (ns), the frame, and how long it was before it was cut (tpacket_auxdata)."""
    when, length = time.time_ns(), len(frame)
    for level, kind, value in control:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS) and len(value) >= 16:
            seconds, nanoseconds = struct.unpack_from("=qq", value)
            when = int(seconds) * 1_000_000_000 + int(nanoseconds)
        elif (level, kind) == (_SOL_PACKET, _PACKET_AUXDATA) and len(value) >= 8:
            length = max(length, struct.unpack_from("=II", value)[1])
    return when, frame, length
