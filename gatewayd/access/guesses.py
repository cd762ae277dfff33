"""Guessing at passwords and codes: slower with every failure, never barred for good."""

from __future__ import annotations

from collections import OrderedDict

from gatewayd.access.throttle import Backoff, Buckets, Rate
from gatewayd.system.clock import Clock

EACH = Rate(burst=10, every=60.0)
OVERALL = Rate(burst=60, every=5.0)
NOBODY = "nobody:"
MOST = 1024
"""Names that nobody has are forgotten when there are more; those of accounts and sessions are not."""


class Guesses:
    """Failures by what was guessed at, by where from, and all together.

    What is guessed at has an exponential back-off of its own, from 1 s to 15 min, wherever the guesses come
    from: about 105 guesses in the first day and 96 a day from then on. A try counts before it is judged, so
    many at once are still one. What somebody with a good token guesses at is counted by his session: others
    cannot slow him down.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._backoffs: dict[str, Backoff] = {}
        self._nobodys: OrderedDict[str, Backoff] = OrderedDict()
        self._places = Buckets(clock, each=EACH, overall=OVERALL)

    def restore(self, name: str, failures: int) -> None:
        """What was counted before a restart."""
        if failures:
            self._backoffs[name] = Backoff(self._clock, failures=failures)

    def begin(self, name: str, address: str | None) -> int:
        """Counts one try at `name`; returns how many in a row that makes.

        `address` None: it comes by a good token, and places do not count. Raises GatewayError
        `access.throttled`; such a try is not counted.
        """
        known = self._nobodys if name.startswith(NOBODY) else self._backoffs
        backoff = known.get(name) or Backoff(self._clock)
        backoff.check()
        if address is not None:
            self._places.check(address)
            self._places.failed(address)
        backoff.failed()
        known[name] = backoff
        if len(self._nobodys) > MOST:
            self._nobodys.popitem(last=False)
        return backoff.failures

    def right(self, name: str, address: str | None) -> None:
        """The try was right: it was none after all."""
        self._backoffs.pop(name, None)
        if address is not None:
            self._places.forgive(address)

    def forget(self, name: str) -> None:
        """Whoever may has set another password: there is nothing left to guess at."""
        self._backoffs.pop(name, None)
