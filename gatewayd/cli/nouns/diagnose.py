"""`diagnose`: what is wrong with the connection, and what to do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import click

from gatewayd.cli.follow import Told, run
from gatewayd.cli.refusals import printable
from gatewayd.cli.talk import Talk, connected

_MARKS = {
    "ok": ("✓", "green"),
    "warn": ("!", "yellow"),
    "failed": ("✗", "bold red"),
    "skipped": ("·", "dim"),
    "unknown": ("?", "yellow"),
}
Check = dict[str, Any]


@click.command()
@click.option("--no-wait", is_flag=True, help="Start it and print the job.")
@click.option("--thorough", is_flag=True, help="Ping longer and fill the line, too: everybody notices it.")
@connected
async def diagnose(talk: Talk, no_wait: bool, thorough: bool) -> None:
    """Find out what is wrong with the connection, and what to do. Ctrl-C cancels it.

    The exit status is 0 when there is a verdict, whatever it says.
    """
    job = await run(
        talk, "diagnostics.run", wait=not no_wait, watched=_ticking(talk), thorough=thorough or None
    )
    if job is not None:
        _verdict(talk, job["result"])


@contextlib.contextmanager
def _ticking(talk: Talk) -> Iterator[Told]:
    """The checks, ticked off as they come in, where somebody watches."""
    console = talk.out.progress
    if console is None:
        yield lambda job, partial: None
        return
    from rich.live import Live
    from rich.spinner import Spinner

    def drawn(checks: list[Check], message: str) -> Any:
        from rich.console import Group

        return Group(*(_row(check) for check in checks), Spinner("dots", text=printable(message)))

    with Live(drawn([], "Looking"), console=console, transient=True) as live:
        seen: list[Check] = []

        def told(job: dict[str, Any], partial: dict[str, Any] | None) -> None:
            if partial is not None:
                seen[:] = partial.get("results", ())
            live.update(drawn(seen, str(job["message"])))

        yield told


def _row(check: Check) -> Any:
    from rich.text import Text

    mark, style = _MARKS.get(check["status"], ("?", ""))
    return Text.assemble(
        (f" {mark} ", style), (f"{printable(str(check['check'])):<10}", "bold"), printable(check["detail"])
    )


def _verdict(talk: Talk, diagnosis: dict[str, Any]) -> None:
    from rich.panel import Panel
    from rich.text import Text

    for check in diagnosis["evidence"]:
        if check["status"] != "skipped":
            talk.out.console.print(_row(check), soft_wrap=True)
    # Why each was left out is in the JSON: a technician reads what was found.
    if left := [printable(str(one["check"])) for one in diagnosis["evidence"] if one["status"] == "skipped"]:
        talk.out.console.print(Text(f" · not asked: {', '.join(left)}", "dim"), soft_wrap=True)
    good = str(diagnosis["verdict"]).startswith("OK")
    colour = "green" if good else "red"
    body = Text(printable(diagnosis["remedy"]))
    for other in diagnosis["also_seen"]:
        body.append(f"\nAlso: {printable(other['verdict'])}. {printable(other['remedy'])}", "yellow")
    for note in diagnosis["notes"]:
        body.append(f"\n{printable(note)}", "dim")
    talk.out.console.print(
        Panel(
            body,
            title=Text(printable(diagnosis["verdict"]), f"bold {colour}"),
            subtitle=Text(f"{diagnosis['confidence']} confidence, {diagnosis['seconds']:.1f} s"),
            border_style=colour,
            expand=False,
            padding=(0, 2),
        )
    )


COMMANDS = (diagnose,)
