"""`pair`, `sessions`, `activity`: who may come in, and who changed what."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import click

from gatewayd.cli.show import moment
from gatewayd.cli.talk import Talk, connected
from gatewayd.cli.target import shown_pin


@click.command()
@connected
async def pair(talk: Talk) -> None:
    """Show a code that lets an app or a browser in."""

    def show(answer: dict[str, Any]) -> None:
        code = answer["code"]
        left = answer["expires_in"]
        until = "until it is used"
        if left is not None:
            until = f"until {datetime.now().astimezone() + timedelta(seconds=left):%H:%M:%S}"
        if talk.out.console.is_terminal:
            talk.out.console.print(qr(answer["uri"]), markup=False, style="white on black")
        talk.out.facts(
            [
                ("Code", f"{code[:4]} {code[4:]}"),
                ("Valid", f"{until}, for one use and five tries"),
                ("Fingerprint", shown_pin(answer["fingerprint"])),
            ]
        )
        how = "Scan the QR code with the app, or type" if talk.out.console.is_terminal else "Type"
        talk.out.line(f"{how} the code in the app or on the box's page.")
        talk.out.line("Where a fingerprint is shown, go on only if it is this one.")

    await talk.tell("access.pairing.open", show)


@click.group(invoke_without_command=True)
@click.pass_context
def sessions(context: click.Context) -> None:
    """Who is signed in; `revoke` ends one."""
    if context.invoked_subcommand is None:
        context.invoke(list_sessions)


@sessions.command("list")
@connected
async def list_sessions(talk: Talk) -> None:
    """Who is signed in."""

    def show(answer: dict[str, Any]) -> None:
        talk.out.table(
            ("name", "role", "last used", "since", "id"),
            (
                (
                    row["label"] + (" (this one)" if row["current"] else ""),
                    row["role"],
                    moment(row["last_used"]),
                    moment(row["created"]),
                    row["id"],
                )
                for row in answer["items"]
            ),
            none="Nobody is signed in.",
        )

    await talk.tell("access.sessions.list", show)


@sessions.command()
@click.argument("session")
@connected
async def revoke(talk: Talk, session: str) -> None:
    """End a session at once."""
    await talk.tell("access.sessions.revoke", lambda _: talk.out.line("It has ended."), session=session)


@click.command()
@click.option("--limit", type=click.IntRange(1, 200), default=30, show_default=True)
@connected
async def activity(talk: Talk, limit: int) -> None:
    """Who changed what, newest first."""

    def show(answer: dict[str, Any]) -> None:
        talk.out.table(
            ("when", "who", "did", "to", "outcome"),
            (
                (
                    moment(row["time"]),
                    row["name"] or row["caller"],
                    row["operation"],
                    row["target"] or "",
                    row["outcome"],
                )
                for row in answer["items"]
            ),
            none="Nothing was changed yet.",
        )

    await talk.tell("access.activity.list", show, limit=limit)


def qr(text: str) -> str:
    """A QR code in half blocks, its light parts drawn and its dark parts left out: for white on black."""
    import io

    import segno

    drawn = io.StringIO()
    segno.make(text, micro=False, error="l").terminal(drawn, border=2, compact=True)
    return drawn.getvalue()


COMMANDS = (pair, sessions, activity)
