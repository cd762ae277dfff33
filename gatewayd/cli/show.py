"""Answers for eyes: tables, sizes, times in the local zone. Or the JSON as it came, for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from gatewayd.cli.refusals import printable

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 200  # columns of a table that no terminal limits
COLOURS = {
    "ok": "green",
    "on_air": "green",
    "done": "green",
    "applied": "green",
    "ready": "green",
    "recording": "bold red",
    "running": "cyan",
    "degraded": "yellow",
    "warn": "yellow",
    "partial": "yellow",
    "interrupted": "yellow",
    "rolled_back": "yellow",
    "unclaimed": "yellow",
    "down": "red",
    "failed": "red",
    "conflict": "red",
}
_DURATION = re.compile(r"(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m(?:in)?)?(?:(?P<s>\d+)s)?")


class Output:
    """Standard output, and standard error for what moves."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    @property
    def console(self) -> Console:
        """For answers."""
        return _console(stderr=False)

    @property
    def progress(self) -> Console | None:
        """For what moves while one waits; None when nobody watches."""
        console = _console(stderr=True)
        return console if console.is_terminal and not self.as_json else None

    def raw(self, text: str) -> None:
        """JSON as it came, on a line of its own."""
        click.echo(text)

    def data(self, value: Any) -> None:
        """Any answer, indented."""
        text = json.dumps(value, indent=2, ensure_ascii=False)
        if self.console.is_terminal:
            self.console.print_json(text)
        else:
            click.echo(text)

    def line(self, text: str, style: str = "") -> None:
        """One line; nothing in it steers the terminal."""
        self.console.print(printable(text), style=style, markup=False, highlight=False, soft_wrap=True)

    def facts(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Names and values, aligned; a value that names a state has its colour."""
        from rich.table import Table

        table = Table.grid(padding=(0, 3, 0, 0))
        for name, value in pairs:
            table.add_row(_cell(name, "bold"), _cell(value))
        self.console.print(table)

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[str]], *, none: str) -> None:
        """Rows under their heads, or the sentence `none` when there are none."""
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for head in heads:
            table.add_column(head, overflow="fold")
        for row in rows:
            table.add_row(*(_cell(value) for value in row))
        if table.row_count:
            self.console.print(table)
        else:
            self.line(none)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=WIDE)


def _cell(value: str, style: str | None = None) -> Any:
    from rich.text import Text

    return Text(printable(value), style=COLOURS.get(value, "") if style is None else style)


def size(count: float) -> str:
    """Bytes, in decimal units as disks are sold: `1.4 GB`."""
    return _scaled(count, "B")


def rate(bits: float) -> str:
    """Bits per second: `8.1 Mbit/s`."""
    return _scaled(bits, "bit/s")


def _scaled(value: float, unit: str) -> str:
    for prefix in ("", "k", "M", "G"):
        if abs(value) < 999.5:
            return (
                f"{value:.0f} {prefix}{unit}" if value >= 100 or not prefix else f"{value:.1f} {prefix}{unit}"
            )
        value /= 1000
    return f"{value:.1f} T{unit}"


def span(seconds: float) -> str:
    """A duration, with as much of it as people say: `320 ms`, `42 s`, `1 h 20 min`, `3 d 4 h`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    whole = round(seconds)
    for unit, name, below, rest in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= unit:
            more = whole % unit // below
            return f"{whole // unit} {name}" + (f" {more} {rest}" if more else "")
    return f"{seconds:.1f} s" if seconds < 10 and seconds != whole else f"{whole} s"


def moment(text: str | None, now: datetime | None = None) -> str:
    """An RFC 3339 time in the local zone: `14:05` today, `Mon 23 Nov 14:05` this year, else with the year."""
    if text is None:
        return ""
    then = datetime.fromisoformat(text).astimezone()
    today = (now or datetime.now().astimezone()).astimezone(then.tzinfo)
    if then.date() == today.date():
        return f"{then:%H:%M}"
    return f"{then:%a %d %b %H:%M}" if then.year == today.year else f"{then:%Y-%m-%d %H:%M}"


def read_duration(text: str) -> float:
    """`30m`, `1h30m`, `90s` in seconds. Raises click.BadParameter."""
    found = _DURATION.fullmatch(text.replace(" ", "").lower())
    if found is None or not any(found.groups()):
        raise click.BadParameter(f"{text!r}: write it as 30m, 1h30m or 90s.")
    hours, minutes, seconds = (int(found[unit] or 0) for unit in "hms")
    return float(hours * 3600 + minutes * 60 + seconds)
