"""`outages` and `report`: when the internet was away, what the box did about it, and all of it on paper."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import click

from gatewayd.cli.refusals import printable
from gatewayd.cli.show import moment, span
from gatewayd.cli.talk import Talk, connected

_STEPS = {
    "renew_lease": "renew-lease",
    "bounce_wan": "bounce-wan",
    "restart_modem": "restart-modem",
    "reboot": "reboot",
}
_SAID = {
    "renew_lease": "asked for a new address",
    "bounce_wan": "took the WAN down and up again",
    "restart_modem": "restarted the modem",
    "reboot": "restarted the box",
}
_OUTCOME = {
    "running": "under way",
    "helped": "it helped",
    "did_not_help": "it did not help",
    "failed": "could not be done",
    "interrupted": "was interrupted",
}
_DAY_MARKS = {
    "whole": ("·", "green"),
    "short": ("▂", "yellow"),
    "long": ("▅", "red"),
    "most": ("█", "bold red"),
}


@click.group(invoke_without_command=True)
@click.option("--days", type=click.IntRange(1, 731), default=62, show_default=True, help="How far back.")
@click.option("--all", "everything", is_flag=True, help="Every outage there is, not the newest 20.")
@click.pass_context
def outages(context: click.Context, days: int, everything: bool) -> None:
    """When the internet was away, and how available it was day by day."""
    if context.invoked_subcommand is None:
        _outages(days, everything)


@connected
async def _outages(talk: Talk, days: int, everything: bool) -> None:
    first = await talk.ask("diagnostics.outages.list", limit=20)
    if everything:
        first["items"] = await talk.items("diagnostics.outages.list", limit=100)
        first["next"] = None
    available = await talk.ask("diagnostics.availability.get", days=days)
    talk.print({**first, "availability": available}, lambda _: _show(talk, first, available))


def _show(talk: Talk, found: dict[str, Any], available: dict[str, Any]) -> None:
    talk.out.line(f"Now: {found['sentence']}", "green" if found["state"] == "ok" else "bold")
    for one in found["reported"]:
        talk.out.line(f"The provider says: {one['sentence']}{_between(one)}", "cyan")
    talk.out.line("")
    talk.out.table(
        ("Began", "Lasted", "What", "Self-repair"),
        [
            (
                moment(one["start"]),
                _lasted(one),
                _what(one),
                "; ".join(_repair(step) for step in one["repairs"]),
            )
            for one in found["items"]
        ],
        none="No outage was seen.",
    )
    if found["next"] is not None:
        talk.out.line("These are the newest; --all shows every one.", "dim")
    talk.out.line("")
    for month in available["months"]:
        if month["available"] is not None:
            _month(
                talk, month, [day for day in available["days"] if day["period"].startswith(month["period"])]
            )


def _between(one: dict[str, Any]) -> str:
    if one["start"] is None:
        return ""
    return f" ({moment(one['start'])} to {moment(one['end']) if one['end'] is not None else 'now'})"


def _lasted(one: dict[str, Any]) -> str:
    return f"{span(one['seconds'])} so far" if one["end"] is None else span(one["seconds"])


def _what(one: dict[str, Any]) -> str:
    return str(one["sentence"]) + ("" if one["certain"] else " (The box was away during it.)")


def _repair(step: dict[str, Any]) -> str:
    note = f" ({step['note']})" if step["note"] else ""
    return f"{_SAID[step['step']]}: {_OUTCOME[step['state']]}{note}"


def _month(talk: Talk, month: dict[str, Any], days: list[dict[str, Any]]) -> None:
    """A line of figures, then a mark for each day, weeks from Monday under one another."""
    from rich.text import Text

    down = f"down {span(month['down'])}" if month["down"] else "never down"
    talk.out.line(f"{month['period']}: {_share(month['available'])} available, {down}", "bold")
    line = Text("    " * date.fromisoformat(days[0]["period"]).weekday())
    for day in days:
        mark, style = _mark(day)
        line.append(f"{day['period'][8:]}", "dim")
        line.append(f"{mark} ", style)
        if date.fromisoformat(day["period"]).weekday() == 6:
            line.append("\n")
    talk.out.console.print(line)


def _mark(day: dict[str, Any]) -> tuple[str, str]:
    if day["available"] is None:
        return " ", "dim"
    down = day["down"]
    return _DAY_MARKS["whole" if not down else "short" if down <= 300 else "long" if down <= 3600 else "most"]


def _share(available: float) -> str:
    return "100 %" if available == 1 else f"{min(available * 100, 99.99):.2f} %"


@outages.command("repair")
@click.option(
    "--allow", "allow", multiple=True, type=click.Choice(list(_STEPS.values())), help="May be done."
)
@click.option("--forbid", "forbid", multiple=True, type=click.Choice(list(_STEPS.values())), help="May not.")
@connected
async def repair(talk: Talk, allow: tuple[str, ...], forbid: tuple[str, ...]) -> None:
    """What the box may do by itself against an outage, and what it has done.

    Nothing is done that was not allowed. A step is taken at most every ten minutes, and the box restarts
    itself at most every six hours and twice a day.
    """
    if not allow and not forbid:
        await talk.tell("diagnostics.repair.get", lambda found: _show_repair(talk, found))
        return
    now = await talk.ask("diagnostics.repair.get")
    codes = {word: code for code, word in _STEPS.items()}
    chosen = (set(now["steps"]) | {codes[word] for word in allow}) - {codes[word] for word in forbid}
    wanted = [code for code in _STEPS if code in chosen]
    await talk.tell("diagnostics.repair.update", lambda found: _show_repair(talk, found), steps=wanted)


def _show_repair(talk: Talk, found: dict[str, Any]) -> None:
    for code, word in _STEPS.items():
        state = "allowed" if code in found["steps"] else "not allowed"
        if code not in found["possible"]:
            state += ", and this box cannot do it as it is set up"
        talk.out.line(f"{word:<14} {state}", "green" if code in found["steps"] else "")
    for step in found["taken"]:
        talk.out.line(f"{moment(step['began'])}  {step['verdict']}: {_repair(step)}")


@click.command()
@click.option(
    "--html", "html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page to print."
)
@click.option("--days", type=click.IntRange(1, 366), default=31, show_default=True, help="How far back.")
@connected
async def report(talk: Talk, html: Path | None, days: int) -> None:
    """Everything known of the connection, with its evidence, to take away or to print."""
    if html is None:
        await talk.tell(
            "diagnostics.report.get", lambda found: talk.out.data(found["report"]), days=days, format="json"
        )
        return
    import asyncio

    made = await talk.ask("diagnostics.report.get", days=days, format="html")
    try:
        await asyncio.to_thread(html.write_text, made["page"], "utf-8")
    except OSError as error:
        raise click.ClickException(f"{html}: {error.strerror}") from None
    talk.print({"file": str(html)}, lambda _: talk.out.line(f"Written to {printable(str(html))}."))


COMMANDS = (outages, report)
