"""Key exchanges under way: begun by `access.claim.start`, ended by `access.claim.finish`, each good once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from gatewayd.access import spake
from gatewayd.access.model import Pairing
from gatewayd.errors import InvalidField
from gatewayd.system.clock import Clock
from gatewayd.system.identity import new_id

LIFE = 60.0
MOST = 64
AT_ONCE = 4
PACE = 0.25
"""Seconds: every answer to an app's message leaves this long after its arithmetic began, whatever it took.

With four at once nobody begins more than 16 exchanges a second, so an app has four seconds to finish
its own, which takes it one round trip, before strangers have pushed it out.
"""


@dataclass(frozen=True, slots=True)
class _Begun:
    reply: spake.Reply
    salt: bytes
    ends: float


class Exchanges:
    """At most 64, one minute each, in memory: a restart ends them, and costs nobody a try."""

    def __init__(self, clock: Clock, *, box: str, fingerprint: str) -> None:
        self._clock = clock
        self._box = box
        self._fingerprint = fingerprint
        self._begun: dict[str, _Begun] = {}
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def begin(self, pairing: Pairing, message: bytes) -> tuple[str, bytes]:
        """The exchange's id and the box's message, for an app's. It costs no try: it tells nothing.

        Raises InvalidField `message`.
        """
        async with self._turn:
            leave = self._clock.monotonic() + PACE
            try:
                reply = await asyncio.to_thread(
                    spake.answer,
                    message,
                    password=pairing.code,
                    box=self._box,
                    fingerprint=self._fingerprint,
                )
            except ValueError as error:
                raise InvalidField("message", f"This is no SPAKE2 message of an app: {error}.") from None
            finally:
                await self._clock.sleep(max(0.0, leave - self._clock.monotonic()))
        identifier = new_id()
        while len(self._begun) >= MOST:
            del self._begun[next(iter(self._begun))]
        self._begun[identifier] = _Begun(reply, pairing.salt, self._clock.monotonic() + LIFE)
        return identifier, reply.message

    def take(self, identifier: str, pairing: Pairing) -> spake.Reply | None:
        """Ends an exchange and returns it; None when it is unknown, too old, or of another code."""
        begun = self._begun.pop(identifier, None)
        if begun is None or begun.salt != pairing.salt or begun.ends <= self._clock.monotonic():
            return None
        return begun.reply
