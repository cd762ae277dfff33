"""`status` and `info`: how is the box, and which box is it?"""

from __future__ import annotations

from typing import Any

import click

from gatewayd.cli.talk import Talk, connected

_PARTS = ("internet", "wifi", "devices", "dvr", "portal", "health")
_NAMES = {
    "internet": "Internet",
    "wifi": "Wi-Fi",
    "devices": "Devices",
    "dvr": "Television",
    "portal": "Portal",
    "health": "Box",
}


@click.command()
@connected
async def status(talk: Talk) -> None:
    """How everything is, in one screen."""

    def show(answer: dict[str, Any]) -> None:
        verdict = _sentence(answer["verdict"])
        if verdict != _sentence(answer["internet"]):  # else it would be said twice
            talk.out.line(verdict, "bold")
        talk.out.table(
            ("", "state", ""),
            (
                (_NAMES[part], _state(answer[part]), _sentence(answer[part]))
                for part in _PARTS
                if answer.get(part)
            ),
            none="The box does not say.",
        )
        for alert in answer.get("alerts", ()):
            talk.out.line(f"! {_sentence(alert)}", "yellow")

    await talk.tell("status.get", show)


@click.command()
@connected
async def info(talk: Talk) -> None:
    """Which box this is."""

    def show(answer: dict[str, Any]) -> None:
        talk.out.facts((name, str(value)) for name, value in answer.items())
        if answer.get("state") == "unclaimed":
            talk.out.line("Nobody owns this box yet: `gatewayctl pair` shows a code to claim it with.")

    await talk.tell("info.get", show)


def _state(part: Any) -> str:
    return str(part.get("state", "")) if isinstance(part, dict) else ""


def _sentence(part: Any) -> str:
    if not isinstance(part, dict):
        return str(part)
    return str(part.get("sentence") or part.get("state", ""))


COMMANDS = (status, info)
