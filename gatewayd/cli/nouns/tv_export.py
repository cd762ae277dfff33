"""`tv export`: a recording as a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from gatewayd.cli.follow import follow, job_of, progress_bar, succeeded
from gatewayd.cli.refusals import Refused
from gatewayd.cli.show import moment, size
from gatewayd.cli.talk import Talk, connected


@click.command()
@click.argument("recording")
@click.option(
    "--format",
    "shape",
    type=click.Choice(("ts", "mkv", "mp4")),
    help="Default: as the FILE is called, else mkv.",
)
@click.option(
    "--output", type=click.Path(dir_okay=True, path_type=Path), metavar="FILE", help="A copy goes here."
)
@click.option("--no-wait", is_flag=True, help="Start it and print the job.")
@connected
async def export(talk: Talk, recording: str, shape: str | None, output: Path | None, no_wait: bool) -> None:
    """Make one file of RECORDING that other players take. Ctrl-C cancels it.

    ts is what was received, byte for byte; mkv and mp4 hold the same sound and picture.
    """
    from asyncio import to_thread

    if shape is None and output is not None and output.suffix in (".ts", ".mkv", ".mp4"):
        shape = output.suffix[1:]
    answer = await talk.ask("dvr.recordings.export", recording=recording, format=shape)
    job = job_of(answer)
    assert job is not None  # the operation answers with a job
    if no_wait:
        talk.print(answer, lambda started: talk.out.line(f"Started as job {started['job']['id']}."))
        return
    with progress_bar(talk) as told:
        job = await follow(talk, job, told, own=True)
    succeeded(job)
    copy = None if output is None else await to_thread(_copied, job["result"], output)
    talk.print({"job": job}, lambda _: _show(talk, job["result"], copy))


def _copied(result: dict[str, Any], output: Path) -> Path:
    """Puts a copy where it is wanted. Raises Refused."""
    import shutil

    target = output / result["name"] if output.is_dir() else output
    part = target.with_name(f".{target.name}.part")
    try:
        shutil.copyfile(result["file"], part)
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        detail = f"The export is {result['file']} on the box; it cannot be copied: {error.strerror or error}."
        raise Refused({"code": "cli.copy_failed", "detail": detail}) from None
    return target


def _show(talk: Talk, result: dict[str, Any], copy: Path | None) -> None:
    where = os.fspath(copy) if copy is not None else result["file"]
    talk.out.line(f"{where}  {size(result['bytes'])}")
    if result["skipped"]:
        talk.out.line(f"Left out, for {result['format']} cannot hold it: {', '.join(result['skipped'])}.")
    if copy is None:
        talk.out.line(f"Kept until {moment(result['expires'])}.", "dim")


COMMANDS = (export,)
