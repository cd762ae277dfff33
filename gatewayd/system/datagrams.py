"""Many datagrams with one system call: recvmmsg(2), which Python's socket module does not offer."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct


class _Vector(ctypes.Structure):  # struct iovec
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):  # struct msghdr
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.POINTER(_Vector)),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):  # struct mmsghdr
    _fields_ = (("header", _Header), ("length", ctypes.c_uint32))


_SO_RCVBUFFORCE = 33  # <asm-generic/socket.h>; needs CAP_NET_ADMIN
_SO_MEMINFO = 55
_SK_MEMINFO_DROPS = 8  # <linux/sock_diag.h>


class Batch:
    """Room for `count` datagrams of up to `size` bytes; one batch may serve many sockets in turn.

    Datagram i of the last `receive` lies at `buffer[i * size:]` and is `lengths[i]` bytes long. One that
    was longer than `size` is cut, but its length is the real one.
    """

    def __init__(self, count: int, size: int) -> None:
        self.count = count
        self.size = size
        self.buffer = bytearray(count * size)
        self._vectors = (_Vector * count)()
        self._messages = (_Message * count)()
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.buffer))
        for position, (vector, message) in enumerate(zip(self._vectors, self._messages, strict=True)):
            vector.base, vector.length = start + position * size, size
            message.header.vectors = ctypes.pointer(vector)
            message.header.vector_count = 1
        self._libc = ctypes.CDLL(None, use_errno=True)

    @property
    def lengths(self) -> list[int]:
        """How long each datagram of the last `receive` was."""
        return [message.length for message in self._messages]

    @property
    def raw_lengths(self) -> tuple[memoryview, int, int]:
        """The kernel's own records, for who reads lengths in bulk: memory, first offset, stride (uint32)."""
        return memoryview(self._messages).cast("B"), _Message.length.offset, ctypes.sizeof(_Message)

    def receive(self, sock: socket.socket) -> int:
        """Takes what waits in the socket, at most `count` datagrams; 0 when there is none. Raises OSError."""
        flags = socket.MSG_DONTWAIT | socket.MSG_TRUNC
        got: int = self._libc.recvmmsg(sock.fileno(), self._messages, self.count, flags, None)
        if got >= 0:
            return got
        code = ctypes.get_errno()
        if code in (errno.EAGAIN, errno.EINTR):
            return 0
        raise OSError(code, os.strerror(code))


def widen(sock: socket.socket, size: int) -> int:
    """Asks for a receive buffer of `size` bytes, beyond the system's limit where we may; what it is now."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, size)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2  # the kernel doubles it, socket(7)


def dropped(sock: socket.socket) -> int:
    """How many datagrams the kernel had no room for since the socket was made."""
    told = sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 4 * (_SK_MEMINFO_DROPS + 1))
    return int(struct.unpack_from("=I", told, 4 * _SK_MEMINFO_DROPS)[0])
