"""Listening sockets, ours and systemd's."""

from __future__ import annotations

import errno
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gatewayd.api.sockets import open_tcp, open_unix
from gatewayd.system.activation import inherited


def test_a_dead_socket_is_replaced_and_a_live_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    dead = open_unix(path)
    with pytest.raises(OSError, match="another daemon") as error:
        open_unix(path)
    assert error.value.errno == errno.EADDRINUSE
    dead.close()
    with open_unix(path):
        assert path.stat().st_mode & 0o777 == 0o660
    assert list(tmp_path.iterdir()) == [path]


def test_one_socket_serves_both_families() -> None:
    with open_tcp(0) as sock:
        sock.listen()
        port = sock.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), 5):
            pass
        if sock.family == socket.AF_INET6:
            with socket.create_connection(("::1", port), 5):
                pass


def test_a_taken_port_is_an_error() -> None:
    with open_tcp(0, "127.0.0.1") as sock:
        sock.listen()
        with pytest.raises(OSError, match="in use"):
            open_tcp(sock.getsockname()[1], "127.0.0.1")


def test_without_systemd_nothing_is_inherited() -> None:
    assert inherited({}) == {}
    assert inherited({"LISTEN_PID": "1", "LISTEN_FDS": "1"}) == {}


CHILD = """
import os, socket
from gatewayd.system.activation import inherited
os.dup2({fd}, 3)
os.environ |= {{"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "https"}}
found = inherited()
assert list(found) == ["https"], found
assert not os.get_inheritable(3)
assert "LISTEN_FDS" not in os.environ
print(found["https"][0].getsockname()[1])
"""


def test_sockets_of_systemd_come_by_name() -> None:
    with open_tcp(0, "127.0.0.1") as sock:
        sock.listen()
        done = subprocess.run(
            [sys.executable, "-c", CHILD.format(fd=sock.fileno())],
            pass_fds=[sock.fileno()],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert (done.returncode, done.stdout.strip()) == (0, str(sock.getsockname()[1])), done.stderr
