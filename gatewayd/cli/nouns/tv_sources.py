"""`tv`: channels and where they come from."""

from __future__ import annotations

from typing import Any

import click

from gatewayd.cli.follow import follow, job_of, progress_bar, succeeded
from gatewayd.cli.nouns.tv import pick
from gatewayd.cli.refusals import Refused
from gatewayd.cli.show import moment, rate
from gatewayd.cli.talk import Talk, connected

_KINDS = {"http": "stream", "m3u": "playlist", "hdhomerun": "tuner", "testcard": "built in"}
_NO_SOURCES = "There are no sources. Add one: gatewayctl tv sources add ADDRESS"


@click.command()
@click.option("--source", help="Only those of this source: its id or its name.")
@click.option("--all", "everything", is_flag=True, help="Also those that are hidden.")
@connected
async def channels(talk: Talk, source: str | None, everything: bool) -> None:
    """What can be watched and recorded."""
    found = None if source is None else await _source(talk, source)

    def show(items: list[dict[str, Any]]) -> None:
        talk.out.table(
            ("no.", "channel", "state", "", "id"),
            (
                (
                    str(row.get("number") or ""),
                    row["name"],
                    "hidden" if row.get("hidden") else "gone" if row.get("gone") else row.get("state") or "",
                    (row.get("error") or {}).get("detail")
                    or (rate(row["bitrate"]) if row.get("bitrate") else ""),
                    row["id"],
                )
                for row in items
            ),
            none="There are no channels. Add a source: gatewayctl tv sources add ADDRESS",
        )

    await talk.tell_list("dvr.channels.list", show, source=found, hidden=None if everything else False)


@click.command()
@click.argument("channel")
@click.option("--name", help='What to call it; "" is its own name again.')
@click.option("--number", help='Its number; "" is its own again.')
@click.option("--hide/--show", "hidden", default=None, help="Whether lists leave it out.")
@connected
async def channel(
    talk: Talk, channel: str, name: str | None, number: str | None, hidden: bool | None
) -> None:
    """Rename, renumber, hide or show CHANNEL: its id, its number or its name."""
    if name is None and number is None and hidden is None:
        raise click.UsageError("Say what to change: --name, --number, --hide or --show.")
    found = pick(await talk.items("dvr.channels.list"), channel)

    def show(row: dict[str, Any]) -> None:
        number = f"{row['number']} " if row.get("number") else ""
        talk.out.line(f"{number}{row['name']}{' (hidden)' if row['hidden'] else ''}")

    await talk.tell("dvr.channels.update", show, channel=found, name=name, number=number, hidden=hidden)


@click.command()
@connected
async def discover(talk: Talk) -> None:
    """Look for network tuners at home. Takes about two seconds."""

    def show(answer: dict[str, Any]) -> None:
        items = answer["items"]
        talk.out.table(
            ("tuner", "model", "tuners", "address", ""),
            (
                (
                    row["name"] or row["device"],
                    row["model"] or "",
                    str(row["tuners"] or ""),
                    row["url"],
                    "added" if row["source"] else "new",
                )
                for row in items
            ),
            none="No network tuner answers.",
        )
        if any(not row["source"] for row in items):
            talk.out.line("Add one: gatewayctl tv sources add ADDRESS", "dim")

    await talk.tell("dvr.sources.discover", show)


@click.group(invoke_without_command=True)
@click.pass_context
def sources(context: click.Context) -> None:
    """Where channels come from: streams, playlists, network tuners."""
    if context.invoked_subcommand is None:
        context.invoke(list_sources)


@sources.command("list")
@connected
async def list_sources(talk: Talk) -> None:
    """The sources there are, and how they are."""

    def show(answer: dict[str, Any]) -> None:
        talk.out.table(
            ("source", "kind", "channels", "tuners", "state", "", "id"),
            (
                (
                    row["name"],
                    _KINDS.get(row["kind"], row["kind"]),
                    str(row["channels"]),
                    _tuners(row),
                    row["state"],
                    row["url"] if row["state"] in ("ok", "unknown") else row["summary"],
                    row["id"],
                )
                for row in answer["items"]
            ),
            none=_NO_SOURCES,
        )

    await talk.tell("dvr.sources.list", show)


@sources.command()
@click.argument("source")
@connected
async def show(talk: Talk, source: str) -> None:
    """One SOURCE, and what its tuners do now."""

    def tell(row: dict[str, Any]) -> None:
        talk.out.line(row["name"], "bold")
        talk.out.line(row["summary"])
        facts = (
            ("Kind", _KINDS.get(row["kind"], row["kind"])),
            ("Address", row["url"]),
            ("Model", row["model"] or ""),
            ("Read", moment(row["refreshed"]) if row["refreshed"] else ""),
            ("Left out", f"{row['skipped']} that cannot be recorded" if row["skipped"] else ""),
            ("Id", row["id"]),
        )
        talk.out.facts((name, value) for name, value in facts if value)
        if row["tuner_status"]:
            heads = ("tuner", "channel", "strength", "quality")
            talk.out.table(heads, map(_tuner, row["tuner_status"]), none="")
        if row["tuner_error"]:
            talk.out.line(f"Its tuners are not known: {row['tuner_error']}")

    await talk.tell("dvr.sources.get", tell, source=await _source(talk, source))


@sources.command()
@click.argument("address")
@click.option("--name", help="What to call it.")
@click.option("--stream", "kind", flag_value="http", help="One channel: HTTP, HLS, RTSP, UDP or RTP.")
@click.option("--playlist", "kind", flag_value="m3u", help="An M3U playlist.")
@click.option("--tuner", "kind", flag_value="hdhomerun", help="A network tuner (HDHomeRun or compatible).")
@click.option("--tuners", type=click.IntRange(1, 64), help="How many channels it carries at once.")
@connected
async def add(talk: Talk, address: str, name: str | None, kind: str | None, tuners: int | None) -> None:
    """Add a stream, a playlist or a network tuner by its ADDRESS.

    Without an option: a host alone is a tuner, also with http:// before it; what ends in .m3u or .m3u8 is
    a playlist, the rest a stream.
    """
    kind = kind or kind_of(address)
    where = {"host": address} if "://" not in address else {"url": address}

    def show(answer: dict[str, Any]) -> None:
        count = answer["channels"]
        skipped = f" ({answer['skipped']} more cannot be recorded)" if answer.get("skipped") else ""
        at_once = f", {answer['tuners']} at once" if answer.get("tuners") else ""
        talk.out.line(f"{answer['name']}: {count} channel{'' if count == 1 else 's'}{at_once}{skipped}.")

    await talk.tell("dvr.sources.add", show, kind=kind, name=name, tuners=tuners, **where)


@sources.command("set")
@click.argument("source")
@click.option("--name", help="What to call it.")
@click.option(
    "--tuners", type=click.IntRange(0, 64), help="How many channels at once; 0: as the device says."
)
@connected
async def change(talk: Talk, source: str, name: str | None, tuners: int | None) -> None:
    """Rename SOURCE, or say how many channels it carries at once."""
    if name is None and tuners is None:
        raise click.UsageError("Say what to change: --name or --tuners.")
    found = await _source(talk, source)

    def show(row: dict[str, Any]) -> None:
        limit = f"{row['tuners']} at once" if row["tuners"] else "no limit"
        talk.out.line(f"{row['name']}: {limit}.")

    await talk.tell("dvr.sources.update", show, source=found, name=name, tuners=tuners)


@sources.command()
@click.argument("source")
@connected
async def refresh(talk: Talk, source: str) -> None:
    """Read SOURCE anew: new channels come, others go, those that stay keep their ids."""
    answer = await talk.ask("dvr.sources.refresh", source=await _source(talk, source))
    job = job_of(answer)
    assert job is not None  # the operation answers with a job
    with progress_bar(talk) as told:
        job = await follow(talk, job, told, own=True)
    if talk.out.as_json:
        talk.print({"job": job}, lambda _: None)
    succeeded(job)
    if not talk.out.as_json:
        talk.out.line(_refreshed(job["result"]))


@sources.command()
@click.argument("source")
@connected
async def remove(talk: Talk, source: str) -> None:
    """Remove SOURCE and its channels. Recordings stay."""
    found = await _source(talk, source)
    await talk.tell("dvr.sources.remove", lambda row: talk.out.line(f"{row['name']} is gone."), source=found)


def kind_of(address: str) -> str:
    """What an address most likely is: `hdhomerun`, `m3u` or `http`."""
    scheme, _, rest = address.partition("?")[0].lower().rpartition("://")
    path = rest.partition("/")[2]
    if not scheme or path in ("discover.json", "lineup.json") or (scheme == "http" and not path):
        return "hdhomerun"
    return "m3u" if path.endswith((".m3u", ".m3u8")) else "http"


async def _source(talk: Talk, wanted: str) -> str:
    """The id of the one source meant by an id or a name. Raises Refused."""
    items = (await talk.ask("dvr.sources.list"))["items"]
    low = wanted.casefold()
    found = [row for row in items if row["id"] == wanted]
    found = found or [row for row in items if row["name"].casefold() == low]
    found = found or [row for row in items if row["name"].casefold().startswith(low)]
    if len(found) == 1:
        return str(found[0]["id"])
    if found:
        names = ", ".join(f"{row['name']} ({row['id']})" for row in found[:5])
        detail = f"{wanted!r} could be {names}: give the id."
    else:
        detail = f"There is no source {wanted!r}. `gatewayctl tv sources` lists them."
    raise Refused({"code": "dvr.source_not_found", "detail": detail, "field": "source"})


def _tuners(row: dict[str, Any]) -> str:
    return f"{row['tuners_in_use']} of {row['tuners']}" if row["tuners"] else ""


def _tuner(row: dict[str, Any]) -> tuple[str, ...]:
    return row["name"], row["channel"] or "free", _percent(row["strength"]), _percent(row["quality"])


def _percent(value: int | None) -> str:
    return "" if value is None else f"{value} %"


def _refreshed(result: dict[str, Any]) -> str:
    if result["unchanged"]:
        return "Nothing has changed."
    changes = [
        f"{result[field]} {word}"
        for field, word in (("added", "new"), ("removed", "gone"), ("renamed", "renamed"))
        if result[field]
    ]
    return f"{result['channels']} channels: {', '.join(changes) or 'the same as before'}."


COMMANDS = (channels, channel, sources, discover)
