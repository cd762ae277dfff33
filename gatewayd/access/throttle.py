"""How long a guesser must wait."""

from __future__ import annotations

import math

from gatewayd.errors import GatewayError
from gatewayd.system.clock import Clock

FIRST = 1.0
MOST = 900.0


class Backoff:
    """One exponential back-off, from 1 s to 15 min, on the monotonic clock.

    It holds for everybody who guesses at the same thing, so changing one's address gains nothing, and
    it only delays: there is no ban that outlives it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._until = -math.inf

    def check(self) -> None:
        """Raises GatewayError `access.throttled` with `retry_after` while the wait lasts."""
        left = self._until - self._clock.monotonic()
        if left > 0:
            raise GatewayError(
                "access.throttled",
                f"Too many wrong tries. Try again in {math.ceil(left)} s.",
                retry_after=left,
            )

    def failed(self) -> None:
        """One more failure: the wait begins now and is twice as long as the last."""
        self._until = self._clock.monotonic() + wait(self._failures)
        self._failures += 1

    def reset(self) -> None:
        """Somebody has proved presence, or got it right."""
        self._failures = 0
        self._until = -math.inf


def wait(failures: int) -> float:
    """Seconds to wait after a failure that `failures` others came before."""
    return min(MOST, FIRST * 2.0 ** min(failures, 30))
