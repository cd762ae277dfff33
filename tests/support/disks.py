"""Small real disks for tests: ext4 in a file, which can be filled, can fail, and can lose what it is given.

Needs root and loop devices; `small_disk` skips (with GATEWAYD_LAB=require: fails) where there are none.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.policy import skip_is_failure


class SmallDisk:
    """An ext4 file system of `size` bytes at `path`."""

    def __init__(self, folder: Path, size: int) -> None:
        self._backing = folder / "backing"
        self.path = self._backing / "disk"
        self._image = self._backing / "image"
        self._size = size

    @property
    def free(self) -> int:
        """Bytes that users may still write."""
        status = os.statvfs(self.path)
        return status.f_bavail * status.f_frsize

    @property
    def _filler(self) -> Path:
        return self.path / "filler"

    def fill(self, leave: int = 0) -> None:
        """Somebody else takes all but `leave` bytes."""
        with open(self._filler, "ab", buffering=0) as file, contextlib.suppress(OSError):
            while (left := self.free - leave) > 0:
                file.write(b"x" * min(left, 1 << 20))
                os.fsync(file.fileno())

    def empty(self) -> None:
        """What `fill` took is free again."""
        self._filler.unlink()

    def abort(self) -> None:
        """The file system finds an error and takes no more writes, as ext4 does on a failing disk."""
        _run("mount", "-o", "remount,abort", str(self.path))

    def repair(self) -> None:
        """It is checked and mounted again; nobody may have open files."""
        _run("umount", str(self.path))
        self._hog.unlink(missing_ok=True)
        checked = subprocess.run(["e2fsck", "-fy", str(self._image)], capture_output=True, check=False)
        assert checked.returncode in (0, 1), checked.stdout  # 1: errors were corrected (e2fsck(8))
        self.mount()

    def lose_writes(self) -> None:
        """What is written to new places is an I/O error, until `repair`: the medium has no room."""
        with open(self._hog, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 65536)

    @property
    def _hog(self) -> Path:
        return self._backing / "hog"

    def make(self) -> None:
        """Makes and mounts it."""
        self._backing.mkdir()
        _run("mount", "-t", "tmpfs", "-o", f"size={self._size + (1 << 20)}", "tmpfs", str(self._backing))
        # Tests beside us make namespaces, which copy our mount: shared, it ends there when it ends here. Else
        # the copy would keep the broken file system alive, and the repaired one would be the same.
        _run("mount", "--make-shared", str(self._backing))
        self.path.mkdir()
        with open(self._image, "wb") as file:
            file.truncate(self._size)
        _run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0", str(self._image))
        self.mount()

    def mount(self) -> None:
        """Mounts it."""
        _run("mount", "-o", "loop", str(self._image), str(self.path))

    def unmount(self) -> None:
        """Ends everything."""
        for folder in (self.path, self._backing):
            subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[SmallDisk]:
    """A mounted disk, gone at the end."""
    disk = SmallDisk(folder, size)
    try:
        try:
            disk.make()
        except (subprocess.CalledProcessError, FileNotFoundError, PermissionError) as error:
            reason = f"needs root, loop devices and mkfs.ext4: {error}"
            pytest.fail(reason) if skip_is_failure() else pytest.skip(reason)
        yield disk
    finally:
        disk.unmount()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
