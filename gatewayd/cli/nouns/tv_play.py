"""`tv play`: addresses with which any player shows a recording."""

from __future__ import annotations

from typing import Any

import click

from gatewayd.cli.show import moment, span
from gatewayd.cli.talk import Talk, connected


@click.command()
@click.argument("recording")
@connected
async def play(talk: Talk, recording: str) -> None:
    """Addresses for players, below the box's own: whoever has them may watch RECORDING."""

    def show(answer: dict[str, Any]) -> None:
        talk.out.facts(
            [
                ("Stream", answer["stream"]),
                ("HLS", answer["hls"]),
                ("Picture", answer["thumbnail"]),
                ("Good until", f"{moment(answer['expires'])}, and ten minutes after each use"),
            ]
        )
        if answer["position"]:
            talk.out.line(f"Watched so far: {span(answer['position'])}.")

    await talk.tell("dvr.playback.open", show, recording=recording)


COMMANDS = (play,)
