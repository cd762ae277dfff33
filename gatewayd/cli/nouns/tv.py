"""`tv`: channels, where they come from, recordings."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import click

from gatewayd.cli.refusals import Refused
from gatewayd.cli.show import moment, rate, read_duration, size, span
from gatewayd.cli.talk import Talk, connected


@click.group()
def tv() -> None:
    """Channels and recordings."""


@tv.command()
@connected
async def channels(talk: Talk) -> None:
    """What can be watched and recorded."""

    def show(items: list[dict[str, Any]]) -> None:
        talk.out.table(
            ("no.", "channel", "state", "", "id"),
            (
                (
                    str(row.get("number") or ""),
                    row["name"],
                    row.get("state") or "",
                    (row.get("error") or {}).get("detail")
                    or (rate(row["bitrate"]) if row.get("bitrate") else ""),
                    row["id"],
                )
                for row in items
            ),
            none="There are no channels. Add a source: gatewayctl tv sources add URL",
        )

    await talk.tell_list("dvr.channels.list", show)


@tv.group(invoke_without_command=True)
@click.pass_context
def sources(context: click.Context) -> None:
    """Where channels come from; `add` and `remove` change it."""
    if context.invoked_subcommand is None:
        context.invoke(list_sources)


@sources.command("list")
@connected
async def list_sources(talk: Talk) -> None:
    """The sources there are."""

    def show(answer: dict[str, Any]) -> None:
        talk.out.table(
            ("source", "kind", "channels", "address", "id"),
            (
                (row["name"], row["kind"], str(row["channels"]), row["url"], row["id"])
                for row in answer["items"]
            ),
            none="There are no sources. Add one: gatewayctl tv sources add URL",
        )

    await talk.tell("dvr.sources.list", show)


@sources.command()
@click.argument("url")
@click.option("--name", help="What to call it.")
@click.option("--playlist/--stream", default=None, help="Default: a playlist if the address ends in .m3u(8).")
@connected
async def add(talk: Talk, url: str, name: str | None, playlist: bool | None) -> None:
    """Add one stream (MPEG-TS over HTTP) or an M3U playlist of streams."""
    if playlist is None:
        playlist = url.partition("?")[0].lower().endswith((".m3u", ".m3u8"))

    def show(answer: dict[str, Any]) -> None:
        count = answer["channels"]
        skipped = f" ({answer['skipped']} more cannot be recorded)" if answer.get("skipped") else ""
        talk.out.line(f"{answer['name']}: {count} channel{'' if count == 1 else 's'}{skipped}.")

    await talk.tell("dvr.sources.add", show, kind="m3u" if playlist else "http", url=url, name=name)


@sources.command()
@click.argument("source")
@connected
async def remove(talk: Talk, source: str) -> None:
    """Remove a source and its channels. Recordings stay."""
    await talk.tell("dvr.sources.remove", lambda row: talk.out.line(f"{row['name']} is gone."), source=source)


@tv.command()
@click.argument("channel")
@click.option("--for", "duration", default="30m", show_default=True, metavar="TIME", help="30m, 1h30m, 90s.")
@click.option("--at", "start", metavar="HH:MM", help="Local time; default: now.")
@click.option("--title", help="What to call it.")
@connected
async def record(talk: Talk, channel: str, duration: str, start: str | None, title: str | None) -> None:
    """Record CHANNEL: its id, its number or its name."""
    seconds = read_duration(duration)
    begin = None if start is None else next_time(start, datetime.now().astimezone()).isoformat()
    found = pick(await talk.items("dvr.channels.list"), channel)

    def show(row: dict[str, Any]) -> None:
        word = "Recording" if row["state"] == "recording" else f"From {moment(row['start'])}"
        talk.out.line(f"{word} until {moment(row['stop'])}: {row['title']}")
        talk.out.line(f"  (id {row['id']})", "dim")

    await talk.tell("dvr.recordings.create", show, channel=found, start=begin, duration=seconds, title=title)


@tv.command()
@click.option("--state", help="Only those that are scheduled, recording, done, partial, failed ...")
@connected
async def recordings(talk: Talk, state: str | None) -> None:
    """What was recorded, is being recorded, and will be."""
    await talk.tell_list("dvr.recordings.list", lambda items: _recordings(talk, items), state=state)


@tv.command()
@click.argument("recording")
@connected
async def stop(talk: Talk, recording: str) -> None:
    """End a running recording now, and keep what it has."""

    def show(row: dict[str, Any]) -> None:
        talk.out.line(f"Stopped: {row['title']}, {size(row['bytes'])}")

    await talk.tell("dvr.recordings.stop", show, recording=recording)


@tv.command()
@click.argument("recording")
@connected
async def delete(talk: Talk, recording: str) -> None:
    """Delete a recording, or take it off the plan."""

    def show(row: dict[str, Any]) -> None:
        talk.out.line(f"Deleted: {row['title']}")

    await talk.tell("dvr.recordings.delete", show, recording=recording)


def _recordings(talk: Talk, items: list[dict[str, Any]]) -> None:
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
        none="No recordings yet.",
    )


def _seconds(row: dict[str, Any]) -> float:
    span_of = datetime.fromisoformat(row["stop"]) - datetime.fromisoformat(row["start"])
    return span_of.total_seconds()


def _trouble(row: dict[str, Any]) -> str:
    gaps, errors = len(row["gaps"]), sum(row["errors"].values())
    parts = [
        row.get("reason") or "",
        f"{gaps} gap{'' if gaps == 1 else 's'}" if gaps else "",
        f"{errors} stream error{'' if errors == 1 else 's'}" if errors else "",
    ]
    return ", ".join(part for part in parts if part)


def pick(items: list[dict[str, Any]], wanted: str) -> str:
    """The id of the one channel meant by an id, a number or a name. Raises Refused."""
    for field in ("id", "number"):
        if any(row.get(field) == wanted for row in items):
            return str(next(row["id"] for row in items if row.get(field) == wanted))
    low = wanted.casefold()
    found = [row for row in items if row["name"].casefold() == low]
    found = found or [row for row in items if row["name"].casefold().startswith(low)]
    if len(found) == 1:
        return str(found[0]["id"])
    if found:
        names = ", ".join(f"{row['name']} ({row['id']})" for row in found[:5])
        detail = f"{wanted!r} could be {names}: give the id."
    else:
        detail = f"There is no channel {wanted!r}. `gatewayctl tv channels` lists them."
    raise Refused({"code": "dvr.channel_not_found", "detail": detail, "field": "channel"})


def next_time(clock: str, now: datetime) -> datetime:
    """The next moment at which the wall shows HH:MM. Raises click.BadParameter."""
    try:
        then = datetime.strptime(clock, "%H:%M")
    except ValueError:
        raise click.BadParameter(f"{clock!r}: write it as 20:15.") from None
    moment = now.replace(hour=then.hour, minute=then.minute, second=0, microsecond=0)
    # Naive arithmetic, then the zone anew: tomorrow may be an hour longer.
    if moment <= now:
        moment = (moment.replace(tzinfo=None) + timedelta(days=1)).astimezone()
    return moment


COMMANDS = (tv,)
