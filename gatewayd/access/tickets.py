"""Tickets: where a header cannot be sent (a WebSocket, a player), one shot of thirty seconds instead."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from gatewayd.access import codes
from gatewayd.callers import Caller
from gatewayd.errors import GatewayError
from gatewayd.system.clock import Clock

LIFE = 30.0
MOST_EACH = 16
MOST = 512


@dataclass(frozen=True, slots=True)
class _Ticket:
    caller: Caller
    ends: float


class Tickets:
    """Tickets that were not used yet, in memory: a restart ends them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tickets: dict[bytes, _Ticket] = {}

    def issue(self, caller: Caller) -> str:
        """A ticket that lets in, as `caller`, whoever shows it first.

        Raises GatewayError `access.throttled`.
        """
        self._sweep()
        own = [each.ends for each in self._tickets.values() if each.caller.id == caller.id]
        if len(own) >= MOST_EACH or len(self._tickets) >= MOST:
            oldest = min(own, default=self._clock.monotonic() + 1.0)
            raise GatewayError(
                "access.throttled",
                f"At most {MOST_EACH} tickets of yours can wait for their use.",
                retry_after=max(1.0, oldest - self._clock.monotonic()),
            )
        text = codes.draw_ticket()
        # A proof is for who made it: it does not go with the ticket.
        entering = msgspec.structs.replace(caller, key=None, fresh=False)
        self._tickets[codes.digest(text)] = _Ticket(entering, self._clock.monotonic() + LIFE)
        return text

    def redeem(self, text: str) -> Caller | None:
        """Who it was issued to; it is worth nothing from now on. None when it never was or is no more."""
        ticket = self._tickets.pop(codes.digest(text), None)
        return None if ticket is None or ticket.ends <= self._clock.monotonic() else ticket.caller

    def _sweep(self) -> None:
        now = self._clock.monotonic()
        self._tickets = {digest: each for digest, each in self._tickets.items() if each.ends > now}
