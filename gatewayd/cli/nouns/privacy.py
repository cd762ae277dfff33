"""`privacy`: what may leave the box, what it holds of people, and how that is erased."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import click

from gatewayd.cli.follow import follow, job_of, progress_bar, succeeded
from gatewayd.cli.show import size
from gatewayd.cli.talk import Talk, connected


@click.group(invoke_without_command=True)
@click.pass_context
def privacy(context: click.Context) -> None:
    """What may leave the box and how long things are kept; share, keep, export, erase."""
    if context.invoked_subcommand is None:
        context.invoke(show)


@privacy.command()
@connected
async def show(talk: Talk) -> None:
    """What may leave the box, and how long things are kept."""
    await talk.tell("privacy.settings.get", lambda answer: _show(talk, answer))


@privacy.command()
@click.argument("purpose")
@click.argument("answer", type=click.Choice(["yes", "no"]))
@connected
async def share(talk: Talk, purpose: str, answer: str) -> None:
    """Whether data may leave the box for a purpose."""
    choice = {purpose: answer == "yes"}
    await talk.tell("privacy.settings.update", lambda told: _show(talk, told), share=choice)


@privacy.command()
@click.argument("kind")
@click.argument("days", type=click.IntRange(1, 3650))
@connected
async def keep(talk: Talk, kind: str, days: int) -> None:
    """For how many days a kind of data is kept."""
    await talk.tell("privacy.settings.update", lambda told: _show(talk, told), keep={kind: days})


@privacy.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@connected
async def export(talk: Talk, file: Path) -> None:
    """Everything personal that the box holds, as one zip in FILE."""
    made = (await _run(talk, "privacy.export"))["result"]
    content = bytearray()
    for part in range(made["parts"]):
        answer = await talk.ask("privacy.exports.get", export=made["export"], part=part)
        content += base64.b64decode(answer["content"])
    _write(file, bytes(content))
    talk.print(made, lambda _: talk.out.line(f"{file}: {size(len(content))}."))


@privacy.command()
@click.argument("areas", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@connected
async def erase(talk: Talk, areas: tuple[str, ...], yes: bool) -> None:
    """Erase everything personal of some AREAS, with receipts. There is no way back."""
    if not yes:
        click.confirm(f"Erase {', '.join(areas)}? There is no way back.", abort=True, err=True)
    job = await _run(talk, "privacy.delete", areas=list(areas))
    if not talk.out.as_json:
        talk.out.table(
            ("area", "item", "erased", ""),
            (
                (receipt["area"], item["item"], str(item["count"]), item["note"])
                for receipt in job["result"]["areas"]
                for item in receipt["items"]
            ),
            none="There was nothing.",
        )
        talk.out.line(f"{job['result']['backups_replaced']} backups were replaced.")


async def _run(talk: Talk, operation: str, **arguments: Any) -> dict[str, Any]:
    job = job_of(await talk.ask(operation, **arguments))
    assert job is not None  # the operation answers with a job
    with progress_bar(talk) as told:
        job = await follow(talk, job, told, own=operation == "privacy.export")
    if talk.out.as_json and operation != "privacy.export":
        talk.print({"job": job}, lambda _: None)
    succeeded(job)
    return dict(job)


def _write(file: Path, content: bytes) -> None:
    import os

    # What is personal is readable by its owner alone, also while it is being written.
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)


def _show(talk: Talk, answer: dict[str, Any]) -> None:
    talk.out.table(
        ("may leave the box for", ""),
        ((purpose, "yes" if allowed else "no") for purpose, allowed in answer["share"].items()),
        none="",
    )
    talk.out.table(("kept", "days"), ((kind, str(days)) for kind, days in answer["keep"].items()), none="")
    talk.out.line(f"Can be erased: {', '.join(answer['areas'])}.")


COMMANDS = (privacy,)
