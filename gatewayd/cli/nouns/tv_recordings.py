"""`tv`: what is recorded, how long it stays, and the disk that it lies on."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import click

from gatewayd.cli.nouns.tv import next_time, pick
from gatewayd.cli.show import moment, read_duration, size, span
from gatewayd.cli.talk import Talk, connected

_KEEP = re.compile(r"(\d{1,4}) ?d(ays?)?")
_SIZE = re.compile(r"(?P<number>\d+(\.\d+)?) ?(?P<unit>[kMGT]?)B?", re.IGNORECASE)
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_PADDING = "Record so much more before it."


class Keep(click.ParamType[str]):
    """`forever`, `until-space` or `7d`."""

    name = "keep"

    def convert(self, value: str, param: click.Parameter | None, context: click.Context | None) -> str:
        """As the API writes it."""
        if value in ("forever", "until-space", "until_space"):
            return value.replace("-", "_")
        found = _KEEP.fullmatch(value)
        if found is None:
            self.fail(f"{value!r}: write forever, until-space or a number of days: 7d.", param, context)
        return f"days:{int(found[1])}"


class Size(click.ParamType[int]):
    """`500GB`, `1.5TB`, `80MB`."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> int:
        """Bytes."""
        found = _SIZE.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r}: write it as 500GB or 1.5TB.", param, context)
        return round(float(found["number"]) * _UNITS[found["unit"].upper()])


class Duration(click.ParamType[float]):
    """`30m`, `1h30m`, `90s`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> float:
        """Seconds."""
        return value if isinstance(value, float) else read_duration(value)


@click.command()
@click.argument("channel")
@click.option("--for", "duration", default="30m", show_default=True, metavar="TIME", help="30m, 1h30m, 90s.")
@click.option("--at", "start", metavar="HH:MM", help="Local time; default: now.")
@click.option("--title", help="What to call it.")
@click.option("--before", type=Duration(), metavar="TIME", help=_PADDING)
@click.option("--after", type=Duration(), metavar="TIME", help="Record so much more after it.")
@click.option("--keep", type=Keep(), metavar="HOW", help="forever, until-space or days: 7d.")
@click.option("--lock", is_flag=True, help="Nobody deletes it before it is unlocked.")
@connected
async def record(
    talk: Talk,
    channel: str,
    duration: str,
    start: str | None,
    title: str | None,
    before: float | None,
    after: float | None,
    keep: str | None,
    lock: bool,
) -> None:
    """Record CHANNEL: its id, its number or its name."""
    seconds = read_duration(duration)
    begin = None if start is None else next_time(start, datetime.now().astimezone()).isoformat()
    found = pick(await talk.items("dvr.channels.list"), channel)

    def show(row: dict[str, Any]) -> None:
        word = "Recording" if row["state"] == "recording" else f"From {moment(row['start'])}"
        talk.out.line(f"{word} until {moment(row['stop'])}: {row['title']}")
        talk.out.line(f"  (id {row['id']})", "dim")
        if row["state"] == "conflict":
            talk.out.line(f"! {row['reason']}", "yellow")
        _warn(talk, row)

    await talk.tell(
        "dvr.recordings.create",
        show,
        channel=found,
        start=begin,
        duration=seconds,
        title=title,
        pad_before=before,
        pad_after=after,
        keep=keep,
        locked=lock or None,
    )


@click.command()
@click.option("--state", help="Only those that are scheduled, recording, done, partial, failed ...")
@connected
async def recordings(talk: Talk, state: str | None) -> None:
    """What was recorded, is being recorded, and will be."""
    await talk.tell_list("dvr.recordings.list", lambda items: _table(talk, items), state=state)


@click.command()
@connected
async def trash(talk: Talk) -> None:
    """What was deleted and can be taken back with `restore`."""

    def show(items: list[dict[str, Any]]) -> None:
        _table(talk, items, none="The trash is empty.")

    await talk.tell_list("dvr.recordings.list", show, state="trash")


@click.command()
@click.argument("recording")
@connected
async def stop(talk: Talk, recording: str) -> None:
    """End a running recording now, and keep what it has."""

    def show(row: dict[str, Any]) -> None:
        talk.out.line(f"Stopped: {row['title']}, {size(row['bytes'])}")

    await talk.tell("dvr.recordings.stop", show, recording=recording)


@click.command()
@click.argument("recording")
@click.option("--for-good", is_flag=True, help="Not into the trash, or out of it: gone at once.")
@connected
async def delete(talk: Talk, recording: str, for_good: bool) -> None:
    """Put a recording into the trash, or take it off the plan."""

    def show(row: dict[str, Any]) -> None:
        if for_good:
            talk.out.line(f"Deleted for good: {row['title']}")
        else:
            talk.out.line(f"In the trash: {row['title']}. To take it back: gatewayctl tv restore {row['id']}")

    await talk.tell("dvr.recordings.delete", show, recording=recording, permanent=for_good or None)


@click.command()
@click.argument("recording")
@connected
async def restore(talk: Talk, recording: str) -> None:
    """Take a recording out of the trash."""
    await talk.tell(
        "dvr.recordings.restore",
        lambda row: talk.out.line(f"Back: {row['title']}, {row['state']}"),
        recording=recording,
    )


@click.command()
@click.argument("recording")
@click.argument("title")
@connected
async def rename(talk: Talk, recording: str, title: str) -> None:
    """Give a recording another title."""
    await _change(talk, recording, title=title)


@click.command()
@click.argument("recording")
@click.argument("time", type=Duration())
@connected
async def prolong(talk: Talk, recording: str, time: float) -> None:
    """Let a recording go on for TIME more than planned: 15m, 1h."""
    row = await talk.ask("dvr.recordings.get", recording=recording)
    later = datetime.fromisoformat(row["stop"]) + timedelta(seconds=time)
    await _change(talk, recording, stop=later.isoformat(), if_revision=row["revision"])


@click.command()
@click.argument("recording")
@click.argument("how", type=Keep())
@connected
async def keep(talk: Talk, recording: str, how: str) -> None:
    """Keep a recording HOW long: forever, until-space, or for days: 7d."""
    await _change(talk, recording, keep=how)


@click.command()
@click.argument("recording")
@connected
async def lock(talk: Talk, recording: str) -> None:
    """See to it that a recording is never deleted."""
    await _change(talk, recording, locked=True)


@click.command()
@click.argument("recording")
@connected
async def unlock(talk: Talk, recording: str) -> None:
    """End `lock`."""
    await _change(talk, recording, locked=False)


async def _change(talk: Talk, recording: str, **changes: Any) -> None:
    def show(row: dict[str, Any]) -> None:
        held = "locked" if row["locked"] else f"kept {_kept(row['keep'])}"
        talk.out.line(f"{row['title']}: until {moment(row['stop'])}, {held}")
        _warn(talk, row)

    await talk.tell("dvr.recordings.update", show, recording=recording, **changes)


def _kept(keep: str) -> str:
    if keep.startswith("days:"):
        return f"for {keep.removeprefix('days:')} days"
    return "for ever" if keep == "forever" else "until its space is needed"


def _warn(talk: Talk, row: dict[str, Any]) -> None:
    if row.get("warning"):
        talk.out.line(f"! {row['warning']}", "yellow")


def _table(talk: Talk, items: list[dict[str, Any]], none: str = "No recordings yet.") -> None:
    talk.out.table(
        ("start", "length", "title", "state", "size", "", "id"),
        (
            (
                moment(row["start"]),
                span(_seconds(row)),
                row["title"],
                row["state"],
                size(row["bytes"]) if row["bytes"] else "",
                _trouble(row),
                row["id"],
            )
            for row in items
        ),
        none=none,
    )


def _seconds(row: dict[str, Any]) -> float:
    span_of = datetime.fromisoformat(row["stop"]) - datetime.fromisoformat(row["start"])
    return span_of.total_seconds()


def _trouble(row: dict[str, Any]) -> str:
    gaps, errors = len(row["gaps"]), sum(row["errors"].values())
    parts = [
        "locked" if row.get("locked") else "",
        row.get("reason") or "",
        f"{gaps} gap{'' if gaps == 1 else 's'}" if gaps else "",
        f"{errors} stream error{'' if errors == 1 else 's'}" if errors else "",
    ]
    return ", ".join(part for part in parts if part)


COMMANDS = (record, recordings, trash, stop, delete, restore, rename, prolong, keep, lock, unlock)
