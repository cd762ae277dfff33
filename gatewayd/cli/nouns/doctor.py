"""`doctor`: whether this machine has what a box needs."""

from __future__ import annotations

from pathlib import Path

import click

from gatewayd.cli.refusals import SAID_NO, printable
from gatewayd.cli.talk import Session

_COLOURS = {"wrong": "red", "advice": "yellow"}


@click.command()
@click.pass_context
def doctor(context: click.Context) -> None:
    """Whether this machine has what a box needs, and what to do where it has not.

    It looks for itself and asks no daemon. Exit status 1 when something is wrong.
    """
    from gatewayd.cli.doctoring import Box, examine
    from gatewayd.cli.target import SYSTEM_SOCKET

    session = context.find_object(Session)
    assert session is not None  # the root group puts it there
    target = session.choose().socket
    found = list(examine(Box(), Path(SYSTEM_SOCKET) if target is None else target))
    out = session.out
    if out.as_json:
        out.data({"items": [each._asdict() for each in found]})
    else:
        width = max(len(each.name) for each in found)
        for each in found:
            line = f"{each.mark:<7}  {each.name:<{width}}  {printable(each.sentence)}"
            out.line(line, _COLOURS.get(each.mark, ""))
    if any(each.mark == "wrong" for each in found):
        raise click.exceptions.Exit(SAID_NO)


COMMANDS = (doctor,)
