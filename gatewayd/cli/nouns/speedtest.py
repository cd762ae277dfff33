"""`speedtest`: how fast the line is, and how it feels while it is full."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import click

from gatewayd.cli.follow import Told
from gatewayd.cli.nouns.tools import run
from gatewayd.cli.refusals import printable
from gatewayd.cli.show import rate
from gatewayd.cli.talk import Talk, connected

_STAGES = {"listening": "Listening", "idle": "Idle line", "down": "Download", "up": "Upload"}
_WIDTH = 32


@click.command()
@click.option("--down/--up", "down", default=None, help="One direction only.")
@click.option("--even-if-busy", is_flag=True, help="Measure beside other traffic, too.")
@connected
async def speedtest(talk: Talk, down: bool | None, even_if_busy: bool) -> None:
    """Measure the line: download, upload, and the latency while it is full. Ctrl-C stops it.

    Everybody at home notices it for some seconds. The exit status is 0 also when there is no result because
    the line was in use or the box itself was too slow.
    """
    ways = ("down", "up") if down is None else ("down",) if down else ("up",)
    with _gauge(talk) as told:
        result = await run(
            talk, "diagnostics.speedtest", told, directions=list(ways), even_if_busy=even_if_busy
        )
    if result is None:
        return
    if result["state"] == "done":
        heads = ("", "Rate", "Sure", "Latency", "Responsiveness")
        rows = [_row(result[way]) for way in ways if result[way]]
        talk.out.table(heads, rows, none="Nothing was measured.")
        if (idle := result["idle"]) is not None:
            talk.out.line(f"Latency of the idle line: {idle['ms']:.1f} ms. Server: {result['server']}.")
        if result["sentence"].startswith("Simulated"):
            talk.out.line(result["sentence"], "dim")
    else:
        talk.out.line(result["sentence"], "yellow")


def _row(way: dict[str, Any]) -> tuple[str, ...]:
    loaded = way["latency"]
    name = "Download" if way["way"] == "down" else "Upload"
    feel = (
        ("", "")
        if loaded is None
        else (f"{loaded['ms']:.1f} ms", f"{loaded['rpm']} RPM, {_feels(loaded['rpm'])}")
    )
    return (name, rate(way["rate"]), way["confidence"], *feel)


def _feels(rpm: int) -> str:
    return "good" if rpm >= 1000 else "fair" if rpm >= 300 else "poor"


@contextlib.contextmanager
def _gauge(talk: Talk) -> Iterator[Told]:
    """The rate of this moment beside the highest so far, and its history, where somebody watches."""
    console = talk.out.progress
    if console is None:
        yield lambda job, partial: None
        return
    from rich.live import Live
    from rich.text import Text

    rates: list[float] = []
    stage = ""
    with Live(console=console, transient=True) as live:

        def told(job: dict[str, Any], partial: dict[str, Any] | None) -> None:
            nonlocal stage
            if not partial:
                live.update(Text(printable(str(job["message"]))))
                return
            if partial["stage"] != stage:
                stage = partial["stage"]
                rates.clear()
            if partial["rate"] is not None:
                rates.append(partial["rate"])
            live.update(Text(_line(partial, rates)))

        yield told


def _line(partial: dict[str, Any], rates: list[float]) -> str:
    name = _STAGES.get(partial["stage"], "")
    if not rates:
        return f"{name} ..."
    ms = "" if partial["ms"] is None else f"  {partial['ms']:.0f} ms"
    return f"{name:<9} {spark(rates)} {rate(rates[-1]):>12}{ms}  {partial['streams']} streams"


def spark(values: list[float]) -> str:
    """The last values as a little graph, the highest of them full."""
    bars = "▁▂▃▄▅▆▇█"
    last = values[-_WIDTH:]
    top = max(last) or 1.0
    return "".join(bars[min(7, int(value / top * 7.999))] for value in last).ljust(12)


COMMANDS = (speedtest,)
