"""Listening sockets that systemd opened for this process (sd_listen_fds(3))."""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping

_FIRST_FD = 3  # SD_LISTEN_FDS_START


def inherited(environment: MutableMapping[str, str] = os.environ) -> dict[str, list[socket.socket]]:
    """The sockets systemd opened for this process, by their name (FileDescriptorName=); empty without it.

    Takes the variables away, so that no child believes them to be its own.
    """
    pid = environment.pop("LISTEN_PID", "")
    count = environment.pop("LISTEN_FDS", "")
    names = environment.pop("LISTEN_FDNAMES", "").split(":")
    if pid != str(os.getpid()) or not count.isdigit():
        return {}
    found: dict[str, list[socket.socket]] = {}
    for position in range(int(count)):
        os.set_inheritable(_FIRST_FD + position, False)
        sock = socket.socket(fileno=_FIRST_FD + position)
        sock.setblocking(False)
        found.setdefault(names[position] if position < len(names) else "unknown", []).append(sock)
    return found
