"""`jobs`: what takes its time."""

from __future__ import annotations

from typing import Any

import click

from gatewayd.cli.follow import follow, progress_bar, succeeded
from gatewayd.cli.show import moment
from gatewayd.cli.talk import Talk, connected


@click.group()
def jobs() -> None:
    """What takes its time: progress, results, cancelling."""


@jobs.command("list")
@connected
async def list_jobs(talk: Talk) -> None:
    """The last jobs, newest first."""

    def show(answer: dict[str, Any]) -> None:
        talk.out.table(
            ("began", "job", "state", "", "", "id"),
            (
                (
                    moment(row["created"]),
                    row["operation"],
                    row["state"],
                    f"{row['progress']:.0%}" if row["state"] == "running" else "",
                    row["message"],
                    row["id"],
                )
                for row in answer["items"]
            ),
            none="No jobs yet.",
        )

    await talk.tell("jobs.list", show)


@jobs.command("show")
@click.argument("job")
@click.option("--wait", is_flag=True, help="Wait for its end. Ctrl-C stops the waiting, not the job.")
@connected
async def show_job(talk: Talk, job: str, wait: bool) -> None:
    """One job and its result."""
    if not wait:
        await talk.tell("jobs.get", lambda answer: talk.out.data(answer["job"]), job=job)
        return
    found = (await talk.ask("jobs.get", job=job))["job"]
    with progress_bar(talk) as told:
        found = await follow(talk, found, told, own=False)
    talk.print({"job": found}, lambda _: talk.out.data(found))
    if not talk.out.as_json:
        succeeded(found)
    elif found["state"] != "done":
        raise click.exceptions.Exit(1)


@jobs.command()
@click.argument("job")
@connected
async def cancel(talk: Talk, job: str) -> None:
    """Cancel a job."""

    def show(answer: dict[str, Any]) -> None:
        talk.out.line(f"{answer['job']['operation']} is {answer['job']['state']}.")

    await talk.tell("jobs.cancel", show, job=job)


COMMANDS = (jobs,)
