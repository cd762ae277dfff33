"""Finding out whether a secret has got out: where to look, and a watch over every command line."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

# Where secrets belong, for the daemon's own eyes only; what else is in the folder must hold none.
_SAFES = ("state.db", "hostapd/", "backups/")


_PAUSE = 0.02
_LOOKS = 5  # a process is what it is soon after its exec
_SHARE = 5  # of the time, so that the watch does not slow down what it watches


class Watch:
    """Remembers every command line and environment that it sees while it is entered."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        looks: dict[str, int] = {}
        pause = _PAUSE
        while not self._over.wait(pause):
            began = time.monotonic()
            there = [name for name in os.listdir("/proc") if name.isdigit()]
            for pid in there:
                looks[pid] = looks.get(pid, 0) + 1
                if looks[pid] <= _LOOKS:
                    self._read(pid)
            for pid in looks.keys() - set(there):
                del looks[pid]
            pause = max(_PAUSE, _SHARE * (time.monotonic() - began))

    def _read(self, pid: str) -> None:
        for name in ("cmdline", "environ"):
            with contextlib.suppress(OSError):
                self.seen.add(Path("/proc", pid, name).read_bytes())


def found_in(text: bytes, secrets: Iterable[str]) -> list[str]:
    """Which of them are there, as they are or as JSON, Python or a URL would write them."""
    return [secret for secret in secrets if secret.encode() in text]


def open_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below that is no safe: its name and content."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not _is_safe(path, folder):
            yield str(path.relative_to(folder)), path.read_bytes()


def safes(folder: Path) -> dict[str, int]:
    """The files that may hold secrets, with their permissions."""
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and _is_safe(path, folder)
    }


def rows(database: Path, *, but: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """Every table of a database that others may have open, its log included, as text."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            if name not in but:
                yield name, repr(connection.execute(f"SELECT * FROM {name}").fetchall()).encode()
    finally:
        connection.close()


def _is_safe(path: Path, folder: Path) -> bool:
    name = str(path.relative_to(folder))
    return any(name.startswith(safe) or f"/{safe}" in name for safe in _SAFES)
