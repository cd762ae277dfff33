"""`tv`: channels, where they come from, recordings."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import click

from gatewayd.cli.refusals import Refused


@click.group()
def tv() -> None:
    """Channels and recordings."""


def pick(items: list[dict[str, Any]], wanted: str) -> str:
    """The id of the one channel meant by an id, a number or a name. Raises Refused."""
    for field in ("id", "number"):
        if any(row.get(field) == wanted for row in items):
            return str(next(row["id"] for row in items if row.get(field) == wanted))
    low = wanted.casefold()
    found = [row for row in items if row["name"].casefold() == low]
    found = found or [row for row in items if row["name"].casefold().startswith(low)]
    if len(found) == 1:
        return str(found[0]["id"])
    if found:
        names = ", ".join(f"{row['name']} ({row['id']})" for row in found[:5])
        detail = f"{wanted!r} could be {names}: give the id."
    else:
        detail = f"There is no channel {wanted!r}. `gatewayctl tv channels` lists them."
    raise Refused({"code": "dvr.channel_not_found", "detail": detail, "field": "channel"})


def next_time(clock: str, now: datetime) -> datetime:
    """The next moment at which the wall shows HH:MM. Raises click.BadParameter."""
    try:
        then = datetime.strptime(clock, "%H:%M")
    except ValueError:
        raise click.BadParameter(f"{clock!r}: write it as 20:15.") from None
    moment = now.replace(hour=then.hour, minute=then.minute, second=0, microsecond=0)
    # Naive arithmetic, then the zone anew: tomorrow may be an hour longer.
    if moment <= now:
        moment = (moment.replace(tzinfo=None) + timedelta(days=1)).astimezone()
    return moment


COMMANDS = (tv,)
