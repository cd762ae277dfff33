"""No core dumps: a crash must not write the household's passwords to a disk."""

from __future__ import annotations

import contextlib
import resource
from pathlib import Path

_FILTER = Path("/proc/self/coredump_filter")


def forbid() -> None:
    """For this process and all that it starts from now on.

    The limit alone does not hold where the kernel gives dumps to a program (core(5)): there no memory is
    part of them. Both settings pass on through fork and exec.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):  # a kernel that makes no dumps does not have it
        _FILTER.write_text("0")


def are_forbidden(pid: int) -> bool:
    """Whether a process leaves nothing behind. Raises OSError when it is not there or not ours to look at."""
    proc = Path(f"/proc/{pid}")
    limits = (proc / "limits").read_text().splitlines()
    none = any(line.split()[:6] == ["Max", "core", "file", "size", "0", "0"] for line in limits)
    return none and int((proc / "coredump_filter").read_text(), 16) == 0
