"""How a command ends when it does not end well: 1 the box said no, 2 usage (click's), 3 not reachable."""

from __future__ import annotations

from typing import IO, Any

import click

SAID_NO = 1
NOT_REACHABLE = 3
INTERRUPTED = 130  # 128 + SIGINT, as shells count


class Refused(click.ClickException):
    """The box said no. `problem` is its answer: `detail`, `code`, and `field` or `id` where there is one."""

    exit_code = SAID_NO

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(printable(str(problem.get("detail") or problem.get("title") or "The box said no.")))
        self.problem = problem

    def show(self, file: IO[Any] | None = None) -> None:
        """The sentence, and below it what a program or a support person would ask for."""
        click.echo(self.message, file=file, err=True)
        facts = [
            f"{name} {printable(str(self.problem[name]))}"
            for name in ("field", "code", "id")
            if self.problem.get(name)
        ]
        if self.problem.get("field") == "accept_risk":
            click.echo("  Add --accept-risk to do it all the same.", file=file, err=True)
        if facts:
            click.echo(f"  ({', '.join(facts)})", file=file, err=True)


class Unreachable(click.ClickException):
    """Nobody answered, or not the one we meant."""

    exit_code = NOT_REACHABLE

    def show(self, file: IO[Any] | None = None) -> None:
        """The sentence."""
        click.echo(self.message, file=file, err=True)


def printable(text: str) -> str:
    """Without control characters: an SSID or a device's name must not steer the terminal."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)
