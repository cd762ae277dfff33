"""The ledger of commands: written down before the effect, executed once, answered again from the row.

It is the ledger that `Idempotency-Key` uses, under the caller `portal:<endpoint>`: what the controller sends
again over another transport, or after a restart of the box, is the same command.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from gatewayd.errors import GatewayError
from gatewayd.ledger import Ledger
from gatewayd.operations import Locks
from gatewayd.portal.contracts import Command, Finish
from gatewayd.store.database import Unit
from gatewayd.system.clock import Clock

DONE = 200


class CommandLedger:
    """Fulfils `contracts.Commands`."""

    def __init__(self, ledger: Ledger, locks: Locks, clock: Clock) -> None:
        self._ledger = ledger
        self._locks = locks
        self._clock = clock

    async def once(self, command: Command, act: Callable[[Finish], Awaitable[bytes]]) -> bytes:
        """The answer of the command, from its first run where there was one.

        A command key that comes with another body is refused. A message id that does is another command:
        controllers count their messages anew when they restart. Raises GatewayError.
        """
        caller, key = f"portal:{command.controller}", command.key
        if key.startswith("msg:"):
            key = f"{key}#{self._ledger.mark(command.request)}"
        entry = self._ledger.entry(caller, key, command.name, command.request)
        async with self._locks.hold(f"ledger:{caller}:{key}"):
            row = await entry.read()
            if row is not None and row.done:
                return row.body()
            if row is not None:
                self._check_resumable(command)
            else:
                await self._begin(command, entry)

            def finish(unit: Unit, answer: bytes) -> None:
                entry.finish(unit, DONE, answer)

            try:
                return await act(finish)
            except GatewayError as error:
                if command.recovery != "transaction":
                    await entry.refuse(error)
                raise

    async def _begin(self, command: Command, entry: Ledger.Entry) -> None:
        """The row before the effect; what is expired gets its refusal written down instead."""
        try:
            self._check_origin(command)
            self._check_in_time(command)
        except GatewayError as error:
            await entry.refuse(error)
            raise
        if command.recovery != "transaction":
            await entry.begin()

    def _check_origin(self, command: Command) -> None:
        if command.held:
            raise GatewayError(
                "portal.restored",
                "The box's state was just restored from a backup; whether this was done before is not known. "
                "It is not carried out: send it as a new command, with a new key.",
            )

    def _check_in_time(self, command: Command) -> None:
        if command.expires is None:
            return
        if not self._clock.trusted():
            raise GatewayError(
                "portal.clock_untrusted",
                "The command has a time limit and the box does not know the time just now. Send it again.",
            )
        now = self._clock.now().timestamp()
        if now >= command.expires:
            raise GatewayError(
                "portal.expired",
                f"The command was good until {_moment(command.expires)} and it is {_moment(now)}: "
                "it was not carried out and will not be.",
            )

    def _check_resumable(self, command: Command) -> None:
        """It was begun before a restart. Begun again after its time it could happen too late."""
        late = command.expires is not None and self._clock.now().timestamp() >= command.expires
        if command.recovery == "never" or late:
            raise GatewayError(
                "operation.outcome_unknown",
                "This was begun before a restart; whether it was done is not known. It is not repeated.",
            )


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
