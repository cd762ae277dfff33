"""`technician`, `alerts`: who was let in for a visit, what was done, and what one should know."""

from __future__ import annotations

from typing import Any

import click

from gatewayd.cli.show import moment, read_duration, span
from gatewayd.cli.talk import Talk, connected


@click.group(invoke_without_command=True)
@click.pass_context
def technician(context: click.Context) -> None:
    """Visits of technicians; invite, receipt, end, end-all."""
    if context.invoked_subcommand is None:
        context.invoke(visits)


@technician.command("list")
@connected
async def visits(talk: Talk) -> None:
    """Who was let in for a visit."""

    def show(answer: dict[str, Any]) -> None:
        talk.out.table(
            ("began", "technician", "by", "still", "id"),
            (
                (
                    moment(row["started"]),
                    row["technician"] or "-",
                    {"grant": "the operator's grant", "code": "your code"}[row["source"]],
                    span(row["left"]) if row["left"] else "over",
                    row["id"],
                )
                for row in answer["items"]
            ),
            none="No technician was here.",
        )

    await talk.tell("access.technician.visits.list", show)


@technician.command()
@click.argument("label", default="Technician")
@click.option(
    "--for",
    "lifetime",
    type=read_duration,
    metavar="DURATION",
    default="4h",
    show_default=True,
    help="The visit.",
)
@click.option(
    "--valid", type=read_duration, metavar="DURATION", default="1h", show_default=True, help="The code."
)
@connected
async def invite(talk: Talk, label: str, lifetime: float, valid: float) -> None:
    """A code with which a technician can come in once."""

    def show(answer: dict[str, Any]) -> None:
        talk.out.facts(
            [
                ("Code", answer["code"]),
                ("Valid", f"once, for {span(answer['expires_in'])}"),
                ("Visit", f"at most {span(answer['lifetime'])}"),
            ]
        )

    await talk.tell("access.technician.invite", show, label=label, lifetime=lifetime, valid=valid)


@technician.command()
@click.argument("visit")
@connected
async def receipt(talk: Talk, visit: str) -> None:
    """Everything that was changed, or refused, in a visit."""

    def show(answer: dict[str, Any]) -> None:
        talk.out.table(
            ("when", "did", "to", "outcome"),
            (
                (moment(row["time"]), row["operation"], row["target"] or "", row["outcome"])
                for row in answer["acts"]
            ),
            none="Nothing was changed.",
        )

    await talk.tell("access.technician.visits.get", show, visit=visit)


@technician.command()
@click.argument("visit")
@connected
async def end(talk: Talk, visit: str) -> None:
    """End a visit at once."""
    await talk.tell(
        "access.technician.visits.end", lambda _: talk.out.line("The visit has ended."), visit=visit
    )


@technician.command("end-all")
@connected
async def end_all(talk: Talk) -> None:
    """End every visit, and every code and grant that there is."""
    sentence = "Every visit has ended; no code and no grant of before is good any more."
    await talk.tell("access.technician.revoke", lambda _: talk.out.line(sentence))


@click.group(invoke_without_command=True)
@click.pass_context
def alerts(context: click.Context) -> None:
    """What you should know of who came in, and of outages; `seen` puts one away."""
    if context.invoked_subcommand is None:
        context.invoke(list_alerts)


@alerts.command("list")
@connected
async def list_alerts(talk: Talk) -> None:
    """Newest first."""

    def show(answer: dict[str, Any]) -> None:
        talk.out.table(
            ("when", "", "what", "times", "id"),
            (
                (
                    moment(row["time"]),
                    "" if row["seen"] else "new",
                    row["sentence"],
                    str(row["count"]) if row["count"] > 1 else "",
                    row["id"],
                )
                for row in answer["items"]
            ),
            none="There is no alert.",
        )

    await talk.tell("access.alerts.list", show)


@alerts.command()
@click.argument("alert")
@connected
async def seen(talk: Talk, alert: str) -> None:
    """Put an alert away."""
    await talk.tell("access.alerts.dismiss", lambda _: talk.out.line("It is put away."), alert=alert)


COMMANDS = (technician, alerts)
