"""How many bytes recordings may still take of their disk."""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from gatewayd.dvr.media.catalogue import Catalogue
from gatewayd.dvr.media.messages import DiskLimits

FRESH = 0.25
"""Seconds for which one look at the disk serves all channels."""


class Space(NamedTuple):
    """The file system now, in bytes; `free` is what users get."""

    free: int
    total: int


class Room:
    """Looks at the disk of `folder` (a descriptor) and at what is stored. Any thread may ask.

    `reserve` holds until gatewayd has sent limits.
    """

    def __init__(self, folder: int, catalogue: Catalogue, reserve: int) -> None:
        self._folder = folder
        self._catalogue = catalogue
        self._reserve = reserve
        self._limits: DiskLimits | None = None
        self._looked = 0.0
        self._left = 0

    def limit(self, limits: DiskLimits | None) -> None:
        """What holds from now on; None: the reserve that this process was started with."""
        self._limits = limits
        self._looked = 0.0

    def space(self) -> Space:
        """The whole file system. Raises OSError."""
        status = os.fstatvfs(self._folder)
        return Space(status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize)

    def left(self) -> int:
        """Bytes that may still be written; negative when the reserve or the quota is exceeded. OSError."""
        now = time.monotonic()
        if now - self._looked >= FRESH:
            limits = self._limits or DiskLimits(reserve=self._reserve)
            left = self.space().free - limits.reserve
            self._left = left if limits.quota is None else min(left, limits.quota - self._catalogue.used)
            self._looked = now
        return self._left
