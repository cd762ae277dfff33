"""Network namespaces for tests, on the host and in the lab's virtual machine.

Every namespace made here is called ``gwt-<owner>-<name>``, where owner is the process id of the test run
in hexadecimal: two runs side by side do not meet, and `clean` finds what a crashed run left.
Everything is synchronous: from a coroutine use ``asyncio.to_thread``. Needs root, ``ip`` and, for
radios, ``iw``.
"""

import contextlib
import ctypes
import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar, cast

T = TypeVar("T")

PREFIX = "gwt-"
COMMAND_TIMEOUT = 30.0
_NETNS_FOLDER = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_PING_GROUPS = Path("/proc/sys/net/ipv4/ping_group_range")


class CommandFailed(AssertionError):
    """A command of the lab ended badly; the message holds its whole output."""


def run(*argv: str, text: str | None = None, timeout: float = COMMAND_TIMEOUT, check: bool = True) -> str:
    """Run a command in this process's namespace and return its standard output.

    `text` is its standard input. Raises `CommandFailed` on a status other than 0 unless `check` is False.
    """
    done = subprocess.run(
        argv, input=text or "", capture_output=True, text=True, timeout=timeout, check=False
    )
    if check and done.returncode:
        raise CommandFailed(f"{' '.join(argv)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def allow_ping() -> None:
    """Let every group of the calling thread's namespace open unprivileged ICMP sockets."""
    _PING_GROUPS.write_text("0 2147483647")


def enter(path: str | Path) -> None:
    """Move the calling thread (no other) into the network namespace at `path`. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(descriptor, _CLONE_NEWNET):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(path))
    finally:
        os.close(descriptor)


class Namespace:
    """One network namespace: loopback up, ping allowed. Use it as a context manager.

    Leaving it ends the processes inside, gives radios back to the initial namespace and deletes it
    (and with it its ends of every veth pair, its bridges and its nftables).
    """

    def __init__(self, name: str) -> None:
        """`name` is what tests call it (a-z, 0-9, -); the full name is the attribute `name`."""
        if not re.fullmatch(r"[a-z0-9-]{1,32}", name):
            raise ValueError(f"namespace name {name!r}: 1-32 of a-z 0-9 -")
        self.name = f"{PREFIX}{os.getpid():x}-{name}"
        self._children: list[subprocess.Popen[bytes]] = []
        self.path = _NETNS_FOLDER / self.name

    def __enter__(self) -> Self:
        _delete(self.name)
        run("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")
        self.call(allow_ping)
        return self

    def __exit__(self, *_: object) -> None:
        _delete(self.name)
        for child in self._children:
            child.wait(COMMAND_TIMEOUT)
        self._children.clear()

    def ip(self, *argv: str) -> str:
        """Run ``ip`` on this namespace; returns its output."""
        return run("ip", "-n", self.name, *argv)

    def run(
        self, *argv: str, text: str | None = None, timeout: float = COMMAND_TIMEOUT, check: bool = True
    ) -> str:
        """Run a command inside; as `run`."""
        return run("ip", "netns", "exec", self.name, *argv, text=text, timeout=timeout, check=check)

    def popen(self, *argv: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start a command inside; it is ended with the namespace. Its pid is its own (``ip`` execs it)."""
        options.setdefault("stdin", subprocess.DEVNULL)
        child = subprocess.Popen(["ip", "netns", "exec", self.name, *argv], **options)
        self._children.append(child)
        return child

    def call(self, function: Callable[..., T], *args: Any) -> T:
        """Call a Python function inside and return its result or raise its exception.

        It runs in a thread of its own. A socket that it makes stays in the namespace wherever it is
        used later: ``server = namespace.call(socket.socket)``.
        """
        answers: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

        def inside() -> None:
            try:
                enter(self.path)
                answers.put((function(*args), None))
            except BaseException as error:  # noqa: BLE001 - carried to the caller's thread
                answers.put((None, error))

        thread = threading.Thread(target=inside, name=self.name)
        thread.start()
        thread.join()
        result, error = answers.get()
        if error is not None:
            raise error
        return cast(T, result)

    def up(self, interface: str) -> None:
        """Set an interface up."""
        self.ip("link", "set", interface, "up")

    def address(self, interface: str, address: str) -> None:
        """Give an interface an address with prefix length (``192.168.7.1/24``) and set it up.

        IPv6 addresses skip duplicate detection, so they can be used at once.
        """
        quick = ("nodad",) if ":" in address else ()
        self.ip("address", "add", address, "dev", interface, *quick)
        self.up(interface)

    def route(self, destination: str, gateway: str) -> None:
        """Add a route (``default`` or a prefix) through `gateway`."""
        self.ip("route", "add", destination, "via", gateway)

    def bridge(self, name: str, *ports: str, address: str | None = None) -> None:
        """Make a bridge of existing interfaces, up, optionally with an address."""
        self.ip("link", "add", name, "type", "bridge", "forward_delay", "0")
        for port in ports:
            self.ip("link", "set", port, "master", name, "up")
        self.up(name)
        if address:
            self.address(name, address)

    def nft(self, ruleset: str) -> None:
        """Load an nftables rule set given as text."""
        self.run("nft", "-f", "-", text=ruleset)

    def netem(self, interface: str, *shape: str) -> None:
        """Shape what leaves `interface` (``"delay", "100ms"``); replaces an earlier shape. Mark: netem."""
        self.run("tc", "qdisc", "replace", "dev", interface, "root", "netem", *shape)


def veth(
    left: Namespace,
    right: Namespace,
    *,
    names: tuple[str, str] = ("eth0", "eth0"),
    addresses: tuple[str, str] | None = None,
) -> None:
    """Join two namespaces with a cable: one interface in each, both up, optionally with addresses."""
    run(
        "ip",
        "link",
        "add",
        names[0],
        "netns",
        left.name,
        "type",
        "veth",
        "peer",
        names[1],
        "netns",
        right.name,
    )
    for index, namespace in enumerate((left, right)):
        if addresses:
            namespace.address(names[index], addresses[index])
        else:
            namespace.up(names[index])


def leftovers() -> list[str]:
    """Full names of namespaces made by this run or by runs that are no more."""
    if not _NETNS_FOLDER.is_dir():
        return []
    return sorted(name for name in os.listdir(_NETNS_FOLDER) if _is_ours(name))


def clean() -> list[str]:
    """Delete every namespace of `leftovers` and return their names."""
    names = leftovers()
    for name in names:
        _delete(name)
    return names


def _is_ours(name: str) -> bool:
    owner = re.match(rf"{PREFIX}([0-9a-f]+)-", name)
    if owner is None:
        return False
    pid = int(owner[1], 16)
    return pid == os.getpid() or not Path(f"/proc/{pid}").exists()


def _delete(name: str) -> None:
    if not (_NETNS_FOLDER / name).exists():
        return
    _end_processes(name)
    _return_radios(name)
    run("ip", "netns", "delete", name, check=False)


def _end_processes(name: str) -> None:
    for number, patience in ((signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0)):
        deadline = time.monotonic() + patience
        for pid in _processes(name):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        while _processes(name):
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)


def _processes(name: str) -> list[int]:
    pids = run("ip", "netns", "pids", name, check=False).split()
    return [int(pid) for pid in pids if int(pid) != os.getpid()]


def _return_radios(name: str) -> None:
    # A deleted namespace gives its radios back too, but some time later: do it before, and be sure.
    listing = run("ip", "netns", "exec", name, "ls", "/sys/class/ieee80211", check=False)
    for phy in listing.split():
        run("ip", "netns", "exec", name, "iw", "phy", phy, "set", "netns", str(os.getpid()), check=False)
