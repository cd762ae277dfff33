"""This machine as a member of a box elsewhere: what `gatewayctl join` keeps, in a file of the user's own."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from gatewayd.client import Membership


def file_of(url: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Where the membership of the box at `url` is kept: one file for each name and port."""
    parts = urlsplit(url)
    name = re.sub(r"[^a-z0-9.-]", "_", f"{parts.hostname}-{parts.port or 443}".lower())
    base = environment.get("XDG_CONFIG_HOME") or f"{environment.get('HOME', '')}/.config"
    return Path(base) / "gatewayd" / f"{name}.json"


def load(file: Path) -> Membership:
    """What is kept. Raises OSError, msgspec.ValidationError, msgspec.DecodeError."""
    from gatewayd.client import Membership

    return Membership.from_json(file.read_bytes())


def store(file: Path, member: Membership) -> None:
    """Keeps it for this user alone: written beside, then renamed: a crash leaves the old or the new."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = file.with_suffix(".new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(member.to_json())
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(file)
