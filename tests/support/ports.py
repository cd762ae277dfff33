"""Ports for daemons that tests start."""

from __future__ import annotations

import random
import socket

LOW, HIGH = 10_000, 32_000
"""Below those that the kernel gives to connections (ip_local_port_range): none of them takes it meanwhile."""


def free_port() -> int:
    """A TCP port that nobody listens on just now, and that only somebody who asks for it can take."""
    while True:
        port = random.randrange(LOW, HIGH)
        with socket.socket(socket.AF_INET6) as sock:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            try:
                sock.bind(("::", port))
            except OSError:
                continue
            return port
