"""Following what takes longer than an answer: a job, or a change of the Wi-Fi."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

from gatewayd.cli.refusals import Refused, Unreachable
from gatewayd.cli.talk import Talk

ENDED = frozenset({"done", "failed", "cancelled", "interrupted"})
PATIENCE = 60.0
"""Seconds for which a box may be away (a restart, a Wi-Fi change under our feet) before we give up."""
Job = dict[str, Any]
Told = Callable[[Job, dict[str, Any] | None], None]
"""Called with the job at each news of it, and the partial result that came along."""


def job_of(answer: Any) -> Job | None:
    """The job in an answer, if the answer is a job."""
    job = answer.get("job") if isinstance(answer, dict) else None
    return job if isinstance(job, dict) and "state" in job and "id" in job else None


async def follow(talk: Talk, job: Job, told: Told, *, own: bool) -> Job:
    """Waits until a job has ended and returns it as it is then.

    Ctrl-C cancels the job in the box when it is our `own`, begun by this command; a job of others is
    only let go of. Raises Unreachable.
    """
    from asyncio import CancelledError

    try:
        async for now, partial in _news(talk, job["id"]):
            job = now
            told(job, partial)
    except CancelledError:
        if own and job["state"] not in ENDED:
            await _cancel(talk, job["id"])
        raise
    return job


async def run(
    talk: Talk,
    operation: str,
    *,
    wait: bool,
    watched: contextlib.AbstractContextManager[Told],
    **arguments: Any,
) -> Job | None:
    """Starts a job and waits until it is done; `watched` shows how it gets on.

    Returns it for showing; None when all is said: the answer was printed as JSON, or nobody `wait`s. Raises
    Refused when it did not end well.
    """
    answer = await talk.ask(operation, **arguments)
    job = job_of(answer)
    assert job is not None  # the operation answers with a job
    if not wait:
        talk.print(answer, lambda started: talk.out.line(f"Started as job {started['job']['id']}."))
        return None
    with watched as told:
        job = await follow(talk, job, told, own=True)
    if talk.out.as_json:
        talk.print({"job": job}, lambda _: None)
    succeeded(job)
    return None if talk.out.as_json else job


async def settle(ask: Callable[[], Awaitable[Any]], ended: Callable[[Any], bool]) -> Any:
    """Asks every half second until `ended`; bears with a box that is away for a while."""
    from asyncio import sleep

    away = 0.0
    while True:
        try:
            answer = await ask()
            away = 0.0
            if ended(answer):
                return answer
        except Unreachable:
            away += 0.5
            if away > PATIENCE:
                raise
        await sleep(0.5)


@contextlib.contextmanager
def progress_bar(talk: Talk) -> Iterator[Told]:
    """A bar with the job's own words, on the terminal; nothing where nobody watches."""
    console = talk.out.progress
    if console is None:
        yield lambda job, partial: None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=1.0)
        yield lambda job, partial: progress.update(
            task, completed=job["progress"], description=str(job["message"])
        )


def succeeded(job: Job) -> None:
    """Raises Refused unless the job is done, with the reason that the box gave."""
    if job["state"] == "done":
        return
    sentences = {
        "failed": "The job failed.",
        "cancelled": "The job was cancelled.",
        "interrupted": "The job was interrupted by a restart of the box.",
    }
    detail = sentences.get(job["state"], f"The job is {job['state']}.")
    raise Refused({"code": f"jobs.{job['state']}", "detail": detail} | (job.get("error") or {}))


async def _news(talk: Talk, job: str) -> AsyncIterator[tuple[Job, dict[str, Any] | None]]:
    from asyncio import sleep

    away = 0.0
    while True:
        try:
            async with talk.box.events("jobs.*") as frames:
                away = 0.0
                now = (await talk.ask("jobs.get", job=job))["job"]
                yield now, None
                if now["state"] in ENDED:
                    return
                async for frame in frames:
                    data = frame["data"]
                    if frame["type"] == "gap":
                        now = (await talk.ask("jobs.get", job=job))["job"]
                    elif data.get("job", {}).get("id") == job:
                        now = data["job"]
                    else:
                        continue
                    yield now, data.get("partial")
                    if now["state"] in ENDED:
                        return
        except Unreachable:
            away += 0.5
            if away > PATIENCE:
                raise
        await sleep(0.5)


async def _cancel(talk: Talk, job: str) -> None:
    try:
        await talk.ask("jobs.cancel", job=job)
    except (Refused, Unreachable) as error:
        note = f"The job goes on in the box: {error.message}"
    else:
        note = "Stopped, and cancelled in the box."
    if talk.out.progress is not None:
        talk.out.progress.print(note, markup=False)
