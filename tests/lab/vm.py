"""Run lab tests in the guest: ``python -m tests.lab.vm radio netem [-- pytest arguments]``.

Boots a stock kernel in QEMU on this machine's own root file system (read-only), runs the tests with the given
marks there, shows pytest's lines as they come, and ends with pytest's status. Needs no root, only what
``make lab`` prepared.
"""

import argparse
import contextlib
import ctypes
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from tests.lab import initramfs
from tests.lab.guest import PATH, Job
from tests.lab.policy import (
    GUEST_MARKS,
    kernel_folder,
    lab_folder,
    missing_for_guest,
    requirement,
    skip_is_failure,
)

PROJECT = Path(__file__).resolve().parents[2]
QEMU = "qemu-system-x86_64"
TRANSLATOR = "tcg,thread=multi"
KEPT_RUNS = 5
NO_STATUS = 70
"""Exit status when the guest ended without pytest's status (sysexits.h's EX_SOFTWARE)."""
OUT_OF_TIME = 75
"""Exit status when the guest ran into its time limit (EX_TEMPFAIL)."""

_BARE = ("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-machine", "pc")
_KERNEL_ARGUMENTS = (
    *("console=ttyS0", "loglevel=4", "panic=-1", "random.trust_cpu=on"),
    # no other tenant shares this guest, and its clock is emulated
    *("mitigations=off", "nowatchdog", "no_timer_check", "audit=0", "selinux=0", "apparmor=0"),
    *("cryptomgr.notests", "rcupdate.rcu_expedited=1", "nokaslr", "systemd.unit=none"),
)

_START = """#!/bin/sh
# Process 1 of the guest after the initramfs; made anew for each run.
mkdir -p /dev/pts /dev/shm /lib/modules
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount --bind {modules} /lib/modules
export PATH={path}
cd {project} && {python} -m tests.lab.guest /run/lab
busybox poweroff -f
"""


@dataclass(frozen=True)
class Machine:
    """The guest's shape. `radios`: how many software radios; `memory` in MiB; `limit` in seconds."""

    radios: int = 4
    memory: int = 1536
    processors: int = 2
    limit: float = 900.0


def qemu_command(
    machine: Machine,
    *,
    accelerator: str,
    kernel: Path,
    image: Path,
    shares: dict[str, tuple[Path, bool]],
    console: Path,
) -> list[str]:
    """QEMU's command line. `shares`: mount tag to (folder, writable)."""
    command = [QEMU, *_BARE, "-accel", accelerator, "-cpu", "max"]
    command += ["-smp", str(machine.processors), "-m", str(machine.memory)]
    command += ["-serial", f"file:{console}", "-kernel", str(kernel), "-initrd", str(image)]
    command += ["-append", " ".join((*_KERNEL_ARGUMENTS, f"lab.radios={machine.radios}"))]
    for tag, (folder, writable) in shares.items():
        rights = "" if writable else ",readonly=on"
        share = f"local,path={folder},mount_tag={tag},security_model=none,multidevs=remap{rights}"
        command += ["-virtfs", share]
    return command


def accelerator(lab: Path, kernel: Path, image: Path) -> str:
    """``kvm`` where a boot with it succeeds, else QEMU's own translator with one thread per processor.

    A device node alone proves nothing: in nested machines it is often there and does not work. What the
    probe found is kept in the lab's folder until the machine restarts.
    """
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return TRANSLATOR
    note = lab / "accelerator"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    if note.exists() and note.read_text().startswith(boot):
        return note.read_text().split()[1]
    command = [QEMU, *_BARE, "-accel", "kvm", "-cpu", "max", "-m", "256", "-kernel", str(kernel)]
    command += ["-initrd", str(image), "-append", "panic=-1 lab.probe"]
    try:
        probe = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=15, check=False
        )
        found = "kvm" if probe.returncode == 0 else TRANSLATOR
    except subprocess.TimeoutExpired:
        found = TRANSLATOR
    note.write_text(f"{boot} {found}\n")
    return found


def start_script(modules: Path, project: Path, python: Path) -> str:
    """The shell script that the guest's process 1 becomes."""
    return _START.format(
        modules=shlex.quote(str(modules)),
        path=PATH,
        project=shlex.quote(str(project)),
        python=shlex.quote(str(python)),
    )


def _die_with_parent() -> None:
    # PR_SET_PDEATHSIG (linux/prctl.h): no QEMU outlives a killed runner
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


@contextlib.contextmanager
def booted(command: Sequence[str], errors: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A QEMU process that ends with the block, however that ends. Its own messages go to `errors`."""
    with errors.open("wb") as sink:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, preexec_fn=_die_with_parent
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def follow(process: subprocess.Popen[bytes], output: Path, limit: float) -> float | None:
    """Copy what the guest writes to our standard output until it ends.

    Returns the seconds to its first line, None if there was none. Raises TimeoutError after `limit` seconds.
    """
    started = time.monotonic()
    first: float | None = None
    with output.open("rb") as source:
        while True:
            ended = process.poll() is not None
            while piece := source.read(65536):
                if first is None:
                    first = time.monotonic() - started
                sys.stdout.buffer.write(piece)
                sys.stdout.flush()
            if ended:
                return first
            if time.monotonic() - started > limit:
                raise TimeoutError
            time.sleep(0.05)


def run_folder(lab: Path) -> Path:
    """A new folder for one run's files; the oldest ones beyond `KEPT_RUNS` go."""
    runs = lab / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    ended = sorted((run for run in runs.iterdir() if _is_over(run)), key=lambda run: run.stat().st_mtime)
    for old in ended[: -KEPT_RUNS + 1]:
        shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=time.strftime("%m%d-%H%M%S-"), dir=runs))


def _is_over(run: Path) -> bool:
    """A killed runner leaves no status: then its age tells."""
    return (run / "status").exists() or time.time() - run.stat().st_mtime > 24 * 3600


def files_with(marks: Sequence[str], folder: Path) -> list[str]:
    """Test files that name one of the marks: to import all others in the guest would take half a minute."""
    words = tuple(f"mark.{mark}" for mark in marks)
    return sorted(
        str(path)
        for path in folder.rglob("test_*.py")
        if any(word in path.read_text(errors="replace") for word in words)
    )


def compile_sources() -> None:
    """Leave byte code beside the sources where we may: the guest would compile them far more slowly."""
    command = [sys.executable, "-m", "compileall", "-q", str(PROJECT / "gatewayd"), str(PROJECT / "tests")]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def without_guest(marks: Sequence[str], arguments: Sequence[str], reason: str) -> int:
    """No guest here: run the tests on this machine if it can, else skip (or fail) with the reason."""
    if not any(requirement(mark) for mark in marks):
        command = [sys.executable, "-m", "pytest", "-m", " or ".join(marks), *arguments]
        return subprocess.run(command, cwd=PROJECT, check=False).returncode
    word = "FAILED" if skip_is_failure() else "skipped"
    print(f"lab: {word}: {', '.join(marks)}: {reason}", file=sys.stderr)
    return NO_STATUS if skip_is_failure() else 0


def run(marks: Sequence[str], arguments: Sequence[str], machine: Machine) -> int:
    """Run the tests with any of `marks` in a guest and return the status for our own exit."""
    reason = missing_for_guest()
    if reason:
        return without_guest(marks, arguments, reason)
    folder = run_folder(lab_folder())
    chosen = any((PROJECT / word.partition("::")[0]).exists() for word in arguments)
    files = [] if chosen else files_with(marks, PROJECT / "tests")
    colour = ("--color=yes",) if sys.stdout.isatty() else ()
    (folder / "job.json").write_text(Job(tuple(marks), (*colour, *arguments, *files), str(PROJECT)).dump())
    compile_sources()
    status = NO_STATUS
    try:
        status = boot(folder, machine)
    finally:
        (folder / "status").write_text(f"{status}\n")
    return status


def boot(folder: Path, machine: Machine) -> int:
    """Boot the guest on the job in `folder`, show its output, and return the status of the run."""
    kernel = kernel_folder()
    image = initramfs.ensure(kernel)
    (folder / "start").write_text(start_script(kernel / "modules", PROJECT, Path(sys.executable)))
    output = folder / "output.log"
    output.touch()
    command = qemu_command(
        machine,
        accelerator=accelerator(lab_folder(), kernel / "vmlinuz", image),
        kernel=kernel / "vmlinuz",
        image=image,
        shares={"root": (Path("/"), False), "lab": (folder, True)},
        console=folder / "console.log",
    )
    started = time.monotonic()
    try:
        with booted(command, folder / "qemu.log") as process:
            first = follow(process, output, machine.limit)
    except TimeoutError:
        return _failed(folder, f"the guest was ended after {machine.limit:.0f} s", OUT_OF_TIME)
    if not (folder / "status").exists():
        return _failed(folder, "the guest ended without a result", NO_STATUS)
    whole = time.monotonic() - started
    print(f"lab: pytest's first line after {first or whole:.1f} s, guest ended after {whole:.1f} s; {folder}")
    return int((folder / "status").read_text())


def _failed(folder: Path, what: str, status: int) -> int:
    print(f"\nlab: {what}; all files in {folder}", file=sys.stderr)
    for name in ("qemu.log", "console.log"):
        file = folder / name
        lines = file.read_text(errors="replace").splitlines()[-30:] if file.exists() else []
        if lines:
            print(f"lab: the end of {name}:", *lines, sep="\n  ", file=sys.stderr)
    return status


def _terminate(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.vm", description="Run lab tests in the guest.")
    parser.add_argument("marks", nargs="+", choices=GUEST_MARKS, metavar="mark", help=", ".join(GUEST_MARKS))
    parser.add_argument("--radios", type=int, default=Machine.radios, help="software radios (default 4)")
    parser.add_argument("--memory", type=int, default=Machine.memory, help="MiB (default 1536)")
    parser.add_argument("--limit", type=float, default=Machine.limit, help="seconds (default 900)")
    own, arguments = _split(list(sys.argv[1:] if argv is None else argv))
    options = parser.parse_args(own)
    signal.signal(signal.SIGTERM, _terminate)
    machine = Machine(radios=options.radios, memory=options.memory, limit=options.limit)
    try:
        return run(options.marks, arguments, machine)
    except KeyboardInterrupt:
        return 130


def _split(argv: list[str]) -> tuple[list[str], list[str]]:
    """Our own arguments, and those after ``--`` for pytest."""
    if "--" in argv:
        at = argv.index("--")
        return argv[:at], argv[at + 1 :]
    return argv, []


if __name__ == "__main__":
    sys.exit(main())
