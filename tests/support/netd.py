"""A real netd process, optionally inside a network namespace, and a client of it."""

from __future__ import annotations

import os
import socket as socketlib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.netns import Namespace

_ROOT = Path(__file__).parents[2]
_START = 90.0  # the first import of everything in a cold guest


@contextmanager
def netd_process(
    socket: Path, *arguments: str, inside: Namespace | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m gatewayd.netd`, listening at `socket` when this is entered; ended with it."""
    argv = [sys.executable, "-m", "gatewayd.netd", "--socket", str(socket), *arguments]
    if inside is None:
        child = subprocess.Popen(argv, cwd=_ROOT, env=_environment())
    else:
        child = inside.popen(*argv, cwd=_ROOT, env=_environment())
    try:
        deadline = time.monotonic() + _START
        while not listens(socket):  # its file is there a moment before
            assert child.poll() is None, f"netd ended with status {child.returncode}"
            assert time.monotonic() < deadline, "netd does not listen"
            time.sleep(0.02)
        yield child
    finally:
        if child.poll() is None:
            child.terminate()
        child.wait(10)


def listens(path: Path) -> bool:
    """Whether somebody takes connections at a Unix socket."""
    with socketlib.socket(socketlib.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "NOTIFY_SOCKET"}
