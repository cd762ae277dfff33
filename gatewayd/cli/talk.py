"""A command's conversation with the box: the client, the output, and the glue to click."""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

import click

from gatewayd.cli.refusals import INTERRUPTED, Refused
from gatewayd.cli.show import Output

if TYPE_CHECKING:
    from gatewayd.cli.box import Box
    from gatewayd.cli.target import Target

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Talk:
    """What a verb works with."""

    box: Box
    out: Output

    async def ask(self, operation: str, **arguments: Any) -> Any:
        """An operation's answer; fields that are None are left out."""
        given = {name: value for name, value in arguments.items() if value is not None}
        return (await self.box.ask(operation, given)).data

    async def tell(self, operation: str, show: Callable[[Any], None], **arguments: Any) -> None:
        """Asks, then prints: the raw answer with --json, else whatever `show` makes of it."""
        given = {name: value for name, value in arguments.items() if value is not None}
        answer = await self.box.ask(operation, given)
        if self.out.as_json:
            self.out.raw(answer.text)
        else:
            show(answer.data)

    async def items(self, operation: str, **arguments: Any) -> list[dict[str, Any]]:
        """A whole list, page by page."""
        found: list[dict[str, Any]] = []
        while True:
            page = await self.ask(operation, **arguments)
            found += page["items"]
            cursor = page.get("next")
            if cursor is None or not page["items"]:
                return found
            arguments["cursor"] = cursor

    async def tell_list(
        self, operation: str, show: Callable[[list[dict[str, Any]]], None], **arguments: Any
    ) -> None:
        """Asks for a whole list, then prints it: with --json as one answer."""
        found = await self.items(operation, **arguments)
        self.print({"items": found, "next": None}, lambda _: show(found))

    def print(self, data: Any, show: Callable[[Any], None]) -> None:
        """Prints what is known already: as JSON with --json, else by `show`."""
        if self.out.as_json:
            self.out.raw(json.dumps(data, ensure_ascii=False))
        else:
            show(data)


@dataclass(slots=True)
class Session:
    """The options before the noun. The target is looked for when a verb needs it."""

    choose: Callable[[], Target]
    out: Output

    def run(self, verb: Callable[[Talk], Awaitable[None]]) -> None:
        """Runs a verb to its end. Ends the process with 130 after Ctrl-C."""
        import asyncio

        target = self.choose()
        try:
            asyncio.run(self._run(target, verb))
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None
        except Refused as error:
            if not self.out.as_json:
                raise
            self.out.raw(json.dumps(error.problem, ensure_ascii=False))
            raise click.exceptions.Exit(error.exit_code) from None

    async def _run(self, target: Target, verb: Callable[[Talk], Awaitable[None]]) -> None:
        from gatewayd.cli.box import Box

        async with Box(target) as box:
            await verb(Talk(box, self.out))


def connected(verb: Callable[Concatenate[Talk, P], Awaitable[None]]) -> Callable[P, None]:
    """Makes a click callback of an async verb: it is given a conversation before its own options."""

    @functools.wraps(verb)
    def command(*args: P.args, **options: P.kwargs) -> None:
        session = click.get_current_context().find_object(Session)
        assert session is not None  # the root group puts it there
        session.run(lambda talk: verb(talk, *args, **options))

    return command
