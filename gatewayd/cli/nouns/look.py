"""`health`, `logs`, `support-bundle`: what somebody who helps takes a look at."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from gatewayd.cli.follow import follow, job_of, progress_bar, succeeded
from gatewayd.cli.refusals import Refused
from gatewayd.cli.show import moment, read_duration, size, span
from gatewayd.cli.talk import Talk, connected

_LOOK_SECONDS = 1.0
_COLOURS = {"warning": "yellow", "error": "red", "debug": "dim"}


@click.command()
@connected
async def health(talk: Talk) -> None:
    """How the box itself is: temperature, power, disks, memory, clock, processes."""

    def show(answer: dict[str, Any]) -> None:
        talk.out.line(answer["sentence"], "bold")
        talk.out.table(
            ("", "state", ""),
            ((part["name"], part["state"], part["sentence"]) for part in answer["parts"]),
            none="",
        )
        talk.out.table(
            ("process", "state", "pid", "memory", "processor", "since"),
            (
                (
                    each["name"],
                    each["state"],
                    str(each["pid"] or "-"),
                    size(each["memory"]),
                    span(each["cpu_seconds"]),
                    moment(each["started"]),
                )
                for each in answer["processes"]
            ),
            none="",
        )

    await talk.tell("upkeep.health.get", show)


@click.command()
@click.option("-f", "--follow", "follows", is_flag=True, help="Go on with what comes. Ctrl-C ends it.")
@click.option("-n", "--lines", type=click.IntRange(1, 2000), default=50, help="How many at first. [50]")
@click.option("--level", type=click.Choice(["debug", "info", "warning", "error"]), help="From this on.")
@click.option("--contains", metavar="WORDS", help="Only what has these words in it.")
@click.option("--process", metavar="NAME", help="Only of gatewayd, recorder or netd.")
@click.option("--since", metavar="DURATION", help="Only of the last, for example, 10m.")
@connected
async def logs(
    talk: Talk,
    follows: bool,
    lines: int,
    level: str | None,
    contains: str | None,
    process: str | None,
    since: str | None,
) -> None:
    """The log of the daemon's processes, without secrets."""
    from asyncio import sleep

    begin = None
    if since is not None:
        begin = (datetime.now(UTC) - timedelta(seconds=read_duration(since))).isoformat()
    wanted = {"level": level, "contains": contains, "process": process, "since": begin}
    page = await talk.ask("upkeep.logs.get", limit=lines, **wanted)
    if not follows:
        talk.print(page, lambda answer: _show(talk, answer))
        return
    while True:
        if talk.out.as_json:
            for item in page["items"]:
                talk.out.raw(json.dumps(item, ensure_ascii=False))
        else:
            _show(talk, page, none=None)
        if len(page["items"]) < lines:
            await sleep(_LOOK_SECONDS)
        page = await talk.ask("upkeep.logs.get", cursor=page["next"], limit=lines, **wanted)


@click.command("support-bundle")
@click.argument("file", type=click.Path(dir_okay=True, path_type=Path), default=Path())
@click.option("--reason", help="What it is for: it is written into it.")
@connected
async def support_bundle(talk: Talk, file: Path, reason: str | None) -> None:
    """Collect what somebody far away needs to help, as one zip in FILE, without secrets."""
    from asyncio import to_thread

    job = job_of(await talk.ask("upkeep.support_bundle", reason=reason))
    assert job is not None  # the operation answers with a job
    with progress_bar(talk) as told:
        job = await follow(talk, job, told, own=True)
    succeeded(job)
    made = job["result"]
    content = bytearray()
    for part in range(made["parts"]):
        answer = await talk.ask("upkeep.support_bundles.get", bundle=made["bundle"], part=part)
        content += base64.b64decode(answer["content"])
    target = await to_thread(_write, file, made["name"], bytes(content))

    def show(_: Any) -> None:
        talk.out.table(
            ("in it", "", "size"),
            ((item["name"], item["tells"], size(item["bytes"])) for item in made["items"]),
            none="",
        )
        for each in made["left_out"]:
            talk.out.line(f"Left out: {each}", "yellow")
        talk.out.line(f"{target}: {size(len(content))}.")

    talk.print({**made, "file": str(target)}, show)


def _write(file: Path, name: str, content: bytes) -> Path:
    """Where it was written to. Raises Refused."""
    target = file / name if file.is_dir() else file
    try:
        target.write_bytes(content)
    except OSError as error:
        detail = f"{target} cannot be written: {error.strerror}."
        raise Refused({"code": "request.invalid_field", "detail": detail, "field": "file"}) from None
    return target


def _show(
    talk: Talk, page: dict[str, Any], none: str | None = "There is nothing of that in the log."
) -> None:
    if page["gap"]:
        talk.out.line("(records before these are no longer kept)", "yellow")
    for item in page["items"]:
        line = f"{item['time'][:19]}Z {item['process']:<8} {item['level']:<7} {item['event']} {item['text']}"
        talk.out.line(line.rstrip(), _COLOURS.get(item["level"], ""))
    if not page["items"] and none:
        talk.out.line(none)


COMMANDS = (health, logs, support_bundle)
