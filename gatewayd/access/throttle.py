"""How long a guesser must wait."""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from dataclasses import dataclass

from gatewayd.errors import GatewayError
from gatewayd.system.clock import Clock

FIRST = 1.0
MOST = 900.0


class Backoff:
    """One exponential back-off, from 1 s to 15 min, on the monotonic clock.

    It holds for everybody who guesses at the same thing, so changing one's address gains nothing, and
    it only delays: there is no ban that outlives it.
    """

    def __init__(self, clock: Clock, *, failures: int = 0) -> None:
        """`failures` are those of before a restart: the wait after the last of them begins now."""
        self._clock = clock
        self._failures = 0
        self._until = -math.inf
        if failures:
            self._failures = failures - 1
            self.failed()

    @property
    def failures(self) -> int:
        """How many there were since the last success."""
        return self._failures

    def check(self) -> None:
        """Raises GatewayError `access.throttled` with `retry_after` while the wait lasts."""
        left = self._until - self._clock.monotonic()
        if left > 0:
            raise throttled(left)

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


def throttled(seconds: float) -> GatewayError:
    """A refusal that says when to come back."""
    return GatewayError(
        "access.throttled",
        f"Too many wrong tries. Try again in {math.ceil(seconds)} s.",
        retry_after=seconds,
    )


@dataclass(slots=True)
class _Level:
    left: float
    at: float


@dataclass(frozen=True, slots=True)
class Rate:
    """So many failures at once, and one more every so many seconds."""

    burst: int
    every: float


class Buckets:
    """Failures that each neighbourhood may make, and all of them together.

    A neighbourhood is an IPv4 address or an IPv6 /64: whoever has one address of those has them all. Only
    failures are counted, so a house full of people who know their passwords is never slowed down.
    """

    def __init__(self, clock: Clock, *, each: Rate, overall: Rate | None, most: int = 4096) -> None:
        """`most` bounds the neighbourhoods that are remembered; the one that is quiet longest is forgotten,
        which is what `overall` (None: no such bound) is there for."""
        self._clock = clock
        self._each = each
        self._overall = overall
        self._most = most
        self._levels: OrderedDict[str, _Level] = OrderedDict()
        self._all = _Level(0.0 if overall is None else overall.burst, clock.monotonic())

    def check(self, address: str) -> None:
        """Raises GatewayError `access.throttled` when the next failure would be one too many."""
        waits = [self._wait(self._levels.get(neighbourhood(address)), self._each)]
        if self._overall is not None:
            waits.append(self._wait(self._all, self._overall))
        if max(waits) > 0:
            raise throttled(max(waits))

    def failed(self, address: str) -> None:
        """Counts a failure."""
        name = neighbourhood(address)
        level = self._levels.pop(name, None) or _Level(float(self._each.burst), self._clock.monotonic())
        self._levels[name] = level
        self._take(level, self._each)
        if self._overall is not None:
            self._take(self._all, self._overall)
        if len(self._levels) > self._most:
            self._levels.popitem(last=False)

    def forgive(self, address: str) -> None:
        """Takes one counted failure back."""
        if self._overall is not None:
            self._all.left = min(float(self._overall.burst), self._all.left + 1.0)
        level = self._levels.get(neighbourhood(address))
        if level is not None:
            level.left = min(float(self._each.burst), level.left + 1.0)

    def _now(self, level: _Level, rate: Rate) -> float:
        return min(float(rate.burst), level.left + (self._clock.monotonic() - level.at) / rate.every)

    def _take(self, level: _Level, rate: Rate) -> None:
        level.left = max(0.0, self._now(level, rate) - 1.0)
        level.at = self._clock.monotonic()

    def _wait(self, level: _Level | None, rate: Rate) -> float:
        """Seconds until there is room for a failure."""
        return 0.0 if level is None else max(0.0, (1.0 - self._now(level, rate)) * rate.every)


def neighbourhood(address: str) -> str:
    """An IPv4 address, the /64 of an IPv6 address, or the text itself (`uid:0`)."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
