"""What tests of recording through the whole house ask again and again."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from gatewayd.dvr.client import RecorderClient
from tests.support.daemon import Daemon, until
from tests.support.ts import PacedServer


async def channel(daemon: Daemon, server: PacedServer) -> str:
    source = await daemon.post("/dvr/sources", {"kind": "http", "url": server.url, "name": "One"})
    items = (await daemon.get("/dvr/channels"))["items"]
    (name,) = [item["id"] for item in items if item["source"] == source["id"]]
    return str(name)


async def record(daemon: Daemon, name: str, seconds: float) -> str:
    body = {"channel": name, "duration": seconds, "title": f"{seconds:g} s"}
    return str((await daemon.post("/dvr/recordings", body))["id"])


async def ended(daemon: Daemon, recording: str, seconds: float) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        item: dict[str, Any] = await daemon.get(f"/dvr/recordings/{recording}")
        return item if item["state"] in ("done", "partial", "failed") and item["digest"] else None

    return await until(look, seconds)


async def flowing(daemon: Daemon, recording: str, more_than: int = 0) -> None:
    async def look() -> bool | None:
        return (await daemon.get(f"/dvr/recordings/{recording}"))["bytes"] > more_than or None

    await until(look, 20)


def stored(daemon: Daemon, name: str) -> bytes:
    """Everything on disk of a channel, in order."""
    return b"".join(segments(daemon, name))


def segments(daemon: Daemon, name: str) -> list[bytes]:
    """The segments of a channel, in order: the recorder's journal tells which are its."""
    media = daemon.folder / "media"
    entries = [json.loads(line) for line in (media / "journal.jsonl").read_text().splitlines()]
    opened = [entry for entry in entries if entry["type"] == "SegmentOpened" and entry["channel"] == name]
    return [(media / f"{entry['segment']}.ts").read_bytes() for entry in opened]


async def slices(daemon: Daemon, name: str, item: dict[str, Any]) -> bytes:
    """An item's bytes, from where the recorder says that they are."""
    start, stop = (datetime.fromisoformat(item[end]).timestamp() for end in ("start", "stop"))
    recorder = RecorderClient(daemon.recorder_socket)
    located = await recorder.locate(name, start, stop)
    await recorder.close()
    media = daemon.folder / "media"
    parts = [
        (media / f"{one.segment}.ts").read_bytes()[one.from_byte : one.to_byte] for one in located.slices
    ]
    return b"".join(parts)


def part_of(piece: bytes, whole: bytes) -> int:
    """Where `piece` lies in `whole`; fails when it is not a stretch of it."""
    position = whole.find(piece)
    assert position >= 0, "the stored bytes are not a stretch of what was sent"
    return position


def later_gaps(item: dict[str, Any]) -> list[dict[str, str]]:
    """The gaps but one at the start: an item that begins now waits for its source's first byte."""
    begun = datetime.fromisoformat(item["start"]).timestamp() + 3.0
    return [gap for gap in item["gaps"] if datetime.fromisoformat(gap["to"]).timestamp() > begun]


def workers_of(pid: int) -> list[int]:
    """Children of the recorder that run the PyAV worker."""
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        if "gatewayd.dvr.media.worker\0" in Path(f"/proc/{child}/cmdline").read_text():
            found.append(int(child))
    return found
