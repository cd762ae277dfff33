"""A crash leaves no memory behind, in this process and in what it starts."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

CRASH = """
import os, signal, subprocess, sys
from gatewayd.system import core_dumps
assert not core_dumps.are_forbidden(os.getpid())
core_dumps.forbid()
assert core_dumps.are_forbidden(os.getpid())
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
assert core_dumps.are_forbidden(child.pid)
child.kill()
child.wait()
os.kill(os.getpid(), signal.SIGSEGV)
"""


def test_it_holds_for_the_process_and_its_children(tmp_path: Path) -> None:
    allowed = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_CORE, (2**30, 2**30)); exec(sys.argv[1])"
    )
    crashed = subprocess.run(
        [sys.executable, "-c", allowed, CRASH],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert crashed.returncode == -signal.SIGSEGV, crashed.stderr
    assert list(tmp_path.iterdir()) == []
