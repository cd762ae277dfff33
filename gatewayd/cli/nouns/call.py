"""`call`, `operations`, `watch`: everything the box can do and everything that happens in it."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from gatewayd.cli.follow import follow, job_of, progress_bar, succeeded
from gatewayd.cli.refusals import Unreachable
from gatewayd.cli.talk import Talk, connected

FIRST_WAIT = 0.5
MOST_WAIT = 10.0


@click.command()
@click.argument("operation")
@click.argument(
    "arguments",
    default="{}",
    callback=lambda context, parameter, value: read_arguments(value),
    metavar='[\'{"json": "arguments"}\']',
)
@click.option("--key", metavar="TEXT", help="The idempotency key of a mutation; default: a new one.")
@click.option("--no-wait", is_flag=True, help="Print a job as soon as it is accepted.")
@connected
async def call(talk: Talk, operation: str, arguments: dict[str, Any], key: str | None, no_wait: bool) -> None:
    """Call any operation by its name.

    Its arguments are one flat JSON object, or - for standard input. A job is followed to its end and its
    result printed; Ctrl-C cancels it in the box.
    `gatewayctl operations` lists the names.
    """
    answer = await talk.box.ask(operation, arguments, key=key)
    job = job_of(answer.data)
    if job is None or no_wait or operation.startswith("jobs."):
        if talk.out.as_json:
            talk.out.raw(answer.text)
        elif answer.data is not None:
            talk.out.data(answer.data)
        return
    with progress_bar(talk) as told:
        job = await follow(talk, job, told, own=True)
    if talk.out.as_json:
        talk.print({"job": job}, lambda _: None)
        if job["state"] != "done":
            raise click.exceptions.Exit(1)
        return
    succeeded(job)
    if job["result"] is not None:
        talk.out.data(job["result"])


@click.command()
@click.argument("area", required=False)
@connected
async def operations(talk: Talk, area: str | None) -> None:
    """List what can be called."""
    rows = [row for row in await talk.box.catalogue() if area is None or row.name.startswith(area)]
    talk.print(
        [row._asdict() for row in rows],
        lambda _: talk.out.table(
            ("operation", ""), ((row.name, row.summary) for row in rows), none="No such area."
        ),
    )


@click.command()
@click.argument("topics", nargs=-1)
@connected
async def watch(talk: Talk, topics: tuple[str, ...]) -> None:
    """Print what happens in the box, as it happens.

    TOPICS are such as wifi or dvr.*; without any, everything is printed. After a drop it takes up
    where it left off; `gap` says that something was missed. Ctrl-C ends it.
    """
    from asyncio import sleep

    wanted = ",".join(topic if "." in topic or "*" in topic else f"{topic}.*" for topic in topics) or "*"
    since: int | None = None
    epoch: str | None = None
    wait = FIRST_WAIT
    connected_once = lost = False
    while True:
        try:
            async with talk.box.events(wanted, since, epoch) as frames:
                connected_once, lost, wait = True, False, FIRST_WAIT
                async for frame in frames:
                    since, epoch = frame["seq"], frame["epoch"]
                    _print_event(talk, frame)
        except Unreachable as error:
            if not connected_once:
                raise
            if not lost:
                click.echo(f"{error.message} Trying again.", err=True)
            lost = True
        await sleep(wait)
        wait = min(MOST_WAIT, wait * 2)


def read_arguments(text: str) -> dict[str, Any]:
    """One JSON object, from the command line or (`-`) from standard input. Raises click.BadParameter."""
    if text == "-":
        text = sys.stdin.read()
    try:
        value = json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"the arguments are not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise click.BadParameter('the arguments are one JSON object, such as \'{"network": "home"}\'.')
    return value


def _print_event(talk: Talk, frame: dict[str, Any]) -> None:
    if talk.out.as_json:
        talk.out.raw(json.dumps(frame, ensure_ascii=False))
        return
    from datetime import datetime

    time = datetime.fromisoformat(frame["time"]).astimezone()
    data = json.dumps(frame["data"], ensure_ascii=False)
    talk.out.line(f"{time:%H:%M:%S}  {frame['type']:<24} {data}")


COMMANDS = (call, operations, watch)
