"""`tv signal`: how good the streams are that run now."""

from __future__ import annotations

from typing import Any

import click

from gatewayd.cli.nouns.tv import pick
from gatewayd.cli.show import rate
from gatewayd.cli.talk import Talk, connected

_STYLE = {"good": "green", "fair": "yellow", "poor": "red"}


@click.command()
@click.argument("channel", required=False)
@connected
async def signal(talk: Talk, channel: str | None) -> None:
    """How good each stream is that runs now; with CHANNEL, everything measured of that one."""

    def show(answer: dict[str, Any]) -> None:
        if not answer["recorder"]:
            talk.out.line("The recorder does not answer: nothing can be measured.", "red")
        elif channel is None:
            _overview(talk, answer["items"])
        else:
            found = pick([row | {"id": row["channel"]} for row in answer["items"]], channel)
            _detail(talk, next(row for row in answer["items"] if row["channel"] == found))

    await talk.tell("diagnostics.signal.get", show)


def _overview(talk: Talk, items: list[dict[str, Any]]) -> None:
    talk.out.table(
        ("channel", "state", "rate", "signal", ""),
        (
            (
                row["name"],
                row["state"],
                rate(row["bitrate"]) if row["bitrate"] else "",
                quality["grade"] if quality else "",
                quality["sentence"] if quality else row.get("reason") or "",
            )
            for row in items
            for quality in (row.get("quality"),)
        ),
        none="Nothing is received now: a stream is measured while it is recorded.",
    )


def _detail(talk: Talk, row: dict[str, Any]) -> None:
    quality = row.get("quality")
    talk.out.line(f"{row['name']}: {row['state']}", "bold")
    if quality is None:
        talk.out.line(row.get("reason") or "Nothing is measured yet.")
        return
    talk.out.line(quality["sentence"], _STYLE.get(quality["grade"], ""))
    talk.out.table(
        ("TR 101 290", "", "errors", ""),
        (
            (
                one["number"],
                one["name"],
                "-" if one["count"] is None else str(one["count"]),
                one.get("note") or "",
            )
            for one in quality["indicators"]
        ),
        none="",
    )
    talk.out.line(f"Over the last {quality['seconds']:.0f} s of the stream.", "dim")


COMMANDS = (signal,)
