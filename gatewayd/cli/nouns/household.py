"""`household`: what holds for the whole household."""

from __future__ import annotations

from typing import Any

import click

from gatewayd.cli.talk import Talk, connected


@click.command()
@click.option("--time-zone", metavar="NAME", help="Schedules are written in this zone: Europe/Berlin.")
@click.option("--box-zone", is_flag=True, help="The box's own zone again.")
def household(time_zone: str | None, box_zone: bool) -> None:
    """Show the time zone that schedules are written in, or choose it."""
    if time_zone is not None and box_zone:
        raise click.UsageError("Give either --time-zone or --box-zone.")
    if time_zone is None and not box_zone:
        _show()
    else:
        _choose(time_zone)


@connected
async def _show(talk: Talk) -> None:
    await talk.tell("household.get", lambda answer: _said(talk, answer))


@connected
async def _choose(talk: Talk, time_zone: str | None) -> None:
    # Not `talk.ask`: a null is meant.
    answer = (await talk.box.ask("household.update", {"time_zone": time_zone})).data
    talk.print(answer, lambda _: _said(talk, answer))


def _said(talk: Talk, answer: dict[str, Any]) -> None:
    source = "the box's own" if answer["time_zone_from"] == "box" else "chosen by the household"
    talk.out.facts([("Time zone", f"{answer['time_zone']} ({source})")])


COMMANDS = (household,)
