"""Which lab tests this machine can run, and what would make the others run.

A lab test is an ordinary test with one of `MARKS`. Standard library only; `plugin` ties it to pytest.
"""

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

MARKS = ("radio", "netem", "netns", "boot", "powercut", "page", "long")
GUEST_MARKS = ("radio", "netem", "netns")
"""What ``python -m tests.lab.vm`` can run; boot and powercut tests start their own guest from the host."""
ASKED_FOR = ("radio", "netem", "boot", "powercut", "page", "long")
"""Left out until ``-m`` names each of them that a test has, as the Makefile's targets do."""

PREPARE = "`make lab` as root"
_PROJECT = Path(__file__).resolve().parents[2]
_NETWORK_PROGRAMS = ("ip", "tc", "nft", "dnsmasq", "busybox", "ping")
_RADIO_PROGRAMS = ("hostapd", "wpa_supplicant", "iw")
_SEARCH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def lab_folder() -> Path:
    """Where the lab's kernel and results are: ``GATEWAYD_LAB_DIR`` or ``.lab`` in the project."""
    return Path(os.environ.get("GATEWAYD_LAB_DIR") or _PROJECT / ".lab").resolve()


def kernel_folder() -> Path:
    """Where `prepare` unpacked the guest's kernel: ``vmlinuz`` and ``modules/<version>``."""
    return lab_folder() / "kernel"


def npm_folder() -> Path:
    """Where `prepare` installed the independent controller: ``node_modules/usp-js``."""
    return lab_folder() / "npm"


def skip_is_failure() -> bool:
    """Whether a lab test that cannot run here fails (``GATEWAYD_LAB=require``, as in CI) or skips."""
    return os.environ.get("GATEWAYD_LAB") == "require"


def left_out(expression: str, marks: Iterable[str]) -> bool:
    """Whether a test with these marks waits for ``-m`` to name it. `expression` is what ``-m`` says."""
    waiting = set(marks).intersection(ASKED_FOR)
    return not waiting.issubset(re.findall(r"\w+", expression))


@functools.cache
def requirement(mark: str) -> str | None:
    """Why this machine cannot run tests with a mark, and the command that would make it run them.

    None when it can. Looks once in a process: it really makes a namespace and shapes it.
    """
    if mark == "long":
        return None
    if mark == "page":
        found = shutil.which("chromium", path=_SEARCH)
        return None if found else f"chromium is not installed: run {PREPARE}"
    if mark in {"boot", "powercut"}:
        return missing_for_guest()
    reason = _radios() if mark == "radio" else _namespaces()
    if reason is None and mark == "netem":
        reason = _probe("tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms")
        if reason:
            return f"this kernel has no sch_netem ({reason}): run `make test-netem` (a guest that has it)"
    return reason


def missing_for_guest() -> str | None:
    """What the guest needs and this machine has not, with the command that brings it; None if nothing."""
    for program in ("qemu-system-x86_64", "busybox"):
        if shutil.which(program, path=_SEARCH) is None:
            return f"{program} is not installed: run {PREPARE}"
    if not (kernel_folder() / "vmlinuz").exists():
        return f"the guest's kernel is not in {kernel_folder()}: run {PREPARE}"
    return None


def _radios() -> str | None:
    if os.geteuid() != 0:
        return "radios need root: run `make test-radio` (root in a guest)"
    missing = [program for program in _RADIO_PROGRAMS if shutil.which(program, path=_SEARCH) is None]
    if missing:
        return f"{', '.join(missing)} not installed: run {PREPARE}"
    loaded = Path("/sys/module/mac80211_hwsim").exists()
    if not loaded and _status("modprobe", "-n", "-q", "mac80211_hwsim"):
        return "this kernel has no mac80211_hwsim: run `make test-radio` (a guest that has it)"
    return None


def _namespaces() -> str | None:
    if os.geteuid() != 0:
        return "network namespaces need root: run `sudo make test-netns`"
    missing = [program for program in _NETWORK_PROGRAMS if shutil.which(program, path=_SEARCH) is None]
    if missing:
        return f"{', '.join(missing)} not installed: run {PREPARE}"
    reason = _probe("ip", "link", "set", "lo", "up")
    return reason and f"no network namespaces here ({reason}): run in a container with --privileged"


def _probe(*command: str) -> str | None:
    """Run a command in a scratch namespace; its complaint, or None when it succeeded."""
    name = f"gwt-{os.getpid():x}-probe"
    try:
        made = _run("ip", "netns", "add", name)
        if made.returncode:
            return made.stderr.strip()
        done = _run("ip", "netns", "exec", name, *command)
        return done.stderr.strip() if done.returncode else None
    finally:
        _run("ip", "netns", "delete", name)


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


def _status(*command: str) -> int:
    try:
        return _run(*command).returncode
    except FileNotFoundError:
        return 127
