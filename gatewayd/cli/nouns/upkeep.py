"""`restart`: the daemon, the Wi-Fi, the box, the modem."""

from __future__ import annotations

import sys
from typing import Any

import click

from gatewayd.cli.talk import Talk, connected

_WHAT = {"daemon": "The daemon", "wifi": "The Wi-Fi", "box": "The box", "modem": "The modem"}


@click.command()
@click.argument("target", type=click.Choice(list(_WHAT)))
@click.option("--reason", help="Why: the owner sees it.")
@click.option("--when", type=click.Choice(["now", "idle"]), help="idle: as soon as nothing records.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def restart(target: str, reason: str | None, when: str | None, yes: bool) -> None:
    """Restart the daemon, the Wi-Fi, the box or the modem."""
    if target == "box" and not yes and sys.stdin.isatty():
        click.confirm("This takes the whole box down for about a minute. Go on?", abort=True)
    _restart(target, reason, when)


@connected
async def _restart(talk: Talk, target: str, reason: str | None, when: str | None) -> None:
    def show(answer: dict[str, Any]) -> None:
        made = answer.get("restart", {})
        what = _WHAT[target]
        if made.get("state") == "waiting":
            talk.out.line(f"{what} restarts as soon as nothing records.")
        else:
            talk.out.line(f"{what} restarts in a moment.")

    await talk.tell("upkeep.restart", show, target=target, reason=reason, when=when)


COMMANDS = (restart,)
