"""Readable ids of channels. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gatewayd.dvr.playlist import Entry

LONGEST_ID = 48

_NOT_IN_ID = re.compile(r"[^a-z0-9]+")


def name_channels(entries: Sequence[Entry], taken: set[str]) -> list[tuple[str, Entry]]:
    """Gives each entry a readable id (`bbc-one`, `bbc-one-2`) that is not `taken`; adds them to it."""
    named: list[tuple[str, Entry]] = []
    next_number: dict[str, int] = {}
    for entry in entries:
        stem = _NOT_IN_ID.sub("-", entry.name.lower()).strip("-")[:LONGEST_ID].strip("-") or "channel"
        identifier = stem
        while identifier in taken:
            next_number[stem] = next_number.get(stem, 1) + 1
            identifier = f"{stem}-{next_number[stem]}"
        taken.add(identifier)
        named.append((identifier, entry))
    return named
