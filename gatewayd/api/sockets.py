"""Listening sockets, opened."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import socket
from pathlib import Path

_LONGEST = 107  # sizeof(sun_path) less its final zero


def open_tcp(port: int, address: str | None = None) -> socket.socket:
    """A TCP socket on one address, or on every address of both families. Port 0 takes any. Raises OSError."""
    family = socket.AF_INET6 if address is None or ":" in address else socket.AF_INET
    try:
        return _bound(family, address or "::", port)
    except OSError as error:
        if address is not None or error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            raise
        return _bound(socket.AF_INET, "0.0.0.0", port)  # noqa: S104 - a kernel without IPv6


def _bound(family: int, address: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind((address, port))
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def open_unix(path: Path, *, group: int | None = None) -> socket.socket:
    """A Unix socket that listens at `path`, mode 0660, of `group` where that may be set.

    It takes the place of a dead one in one step, so that nobody meets it before its mode is right.
    Raises OSError: EADDRINUSE when somebody alive answers there, ENAMETOOLONG beyond 107 bytes (unix(7)).
    """
    if len(os.fsencode(path)) > _LONGEST:
        raise OSError(errno.ENAMETOOLONG, "too long for the path of a socket", str(path))
    if _alive(path):
        raise OSError(errno.EADDRINUSE, "another daemon listens here", str(path))
    beside = path.with_name(f".{secrets.token_hex(3)}")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        sock.bind(str(beside))
        os.chmod(beside, 0o660)
        if group is not None:
            with contextlib.suppress(PermissionError):
                os.chown(beside, -1, group)
        sock.listen(128)
        sock.setblocking(False)
        os.rename(beside, path)
    except BaseException:
        sock.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)
        raise
    return sock


def _alive(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except BlockingIOError:  # its queue is full: alive, and busy
            return True
        return True
