"""The outage watch: a round every 15 s, closer when something fails, and at once when the cable is pulled."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import tzinfo
from typing import NamedTuple

import structlog

from gatewayd.diagnostics.history import History
from gatewayd.diagnostics.outage_incidents import Happening, Incident, Incidents
from gatewayd.diagnostics.outage_model import LINES, Line, LineState, OutageScope, sentence
from gatewayd.diagnostics.outage_round import Round, look, outlook
from gatewayd.diagnostics.outage_state import SUSPECT_EVERY, LineWatch
from gatewayd.diagnostics.outages import Journal
from gatewayd.diagnostics.service import State
from gatewayd.diagnostics.world import Changes, World
from gatewayd.errors import GatewayError
from gatewayd.settings import DiagnosticsSettings
from gatewayd.store.database import Database
from gatewayd.system.clock import Clock

log = structlog.get_logger(__name__)
NEWS_EVERY = 1.0
"""Seconds between two looks at news of the kernel's that concern others: a roaming phone makes many."""
LONGEST_GAP = 120.0
"""Seconds between two rounds beyond which the box slept or hung, and did not watch."""
UNUSED_FOR = 86_400.0
"""A family without an address for so long while the other one works is not offered any more."""


class Outlook(NamedTuple):
    """The connection in one word and one sentence, for a status; `unknown` while nothing is watched."""

    state: State
    sentence: str


def jittered(seconds: float) -> float:
    """A tenth more or less, so that the boxes of a street do not ask together."""
    return seconds * random.uniform(0.9, 1.1)  # noqa: S311 - jitter, no secret


class OutageWatch:
    """`wan` is the interface of the settings, None to find it; `zone` is the household's, for its days."""

    def __init__(
        self,
        *,
        world: World,
        targets: DiagnosticsSettings,
        wan: str | None,
        database: Database,
        journal: Journal,
        history: History,
        clock: Clock,
        zone: Callable[[], tzinfo],
        jitter: Callable[[float], float] = jittered,
    ) -> None:
        self._world = world
        self._targets = targets
        self._wan = wan
        self._database = database
        self._journal = journal
        self._history = history
        self._clock = clock
        self._zone = zone
        self._jitter = jitter
        self._lines = {line: LineWatch(line) for line in LINES}
        self._incidents = Incidents()
        self._expected: frozenset[Line] = frozenset()
        self._unwritten: list[Happening] = []
        self._last_round: float | None = None
        self._dated = False

    async def start(self) -> None:
        """Takes up what lasted when the daemon ended."""
        row = await self._database.fetch_one("SELECT value FROM facts WHERE name = 'watched_lines'")
        known = row["value"].split(",") if row is not None else ["v4"]
        self._expected = frozenset(line for line in LINES if line in known)
        for incident in await self._journal.interrupted():
            if incident.scope in self._incidents.open:
                continue
            self._incidents.open[incident.scope] = incident
            for line in incident.lines:
                if incident.scope == "unstable":
                    self._lines[line].resume_unstable(self._clock.monotonic())
                else:
                    self._lines[line].resume(incident.start, incident.cause)

    async def run(self) -> None:
        """Runs for ever."""
        async with self._world.changes() as changes:
            while True:
                began = self._clock.monotonic()
                every = await self.round()
                await self._pause(changes, began, self._jitter(every))

    # --- one round --------------------------------------------------------------------------------------

    async def round(self) -> float:
        """Looks once and draws the consequences; returns in how many seconds to look again."""
        at = self._clock.monotonic()
        try:
            seen = await look(self._world, self._targets, self._wan, self._expected)
        except (GatewayError, OSError) as error:
            log.debug("outages.round_failed", error=str(error))
            return self._every(at)
        self._wan = self._wan or seen.interface
        for line, found in seen.found.items():
            self._lines[line].see(at, found.good, found.lost)
        await self._note_families(at, seen)
        self._measure(at, seen)
        self._unwritten += self._incidents.settle(at, self._lines)
        await self._write()
        return self._every(at)

    async def probe(self, scope: OutageScope) -> bool:
        """Asks again what an outage failed at; True when all of it works now. Changes nothing."""
        try:
            seen = await look(self._world, self._targets, self._wan, self._expected)
        except (GatewayError, OSError):
            return False
        if scope == "internet":
            return any(found.good for line, found in seen.found.items() if line != "dns")
        return scope in seen.found and seen.found[scope].good if scope != "unstable" else False

    async def _write(self) -> None:
        if self._unwritten:
            # Kept until they are written: a full disk must not lose an outage.
            await self._journal.write(self._unwritten)
            for kind, incident, _ in self._unwritten:
                log.info(f"outages.{kind}", scope=incident.scope, quiet=incident.quiet)
            self._unwritten = []
        if not self._dated and self._clock.trusted():
            await self._journal.date_anew()
            self._dated = True

    async def _note_families(self, at: float, seen: Round) -> None:
        """Remembers which families this connection has; forgets one that was taken away for good."""
        expected = set(self._expected) | {line for line, found in seen.found.items() if found.good} - {"dns"}
        for line in ("v4", "v6"):
            watch, other = self._lines[line], self._lines["v6" if line == "v4" else "v4"]
            unused = watch.down and watch.cause == "lease" and at - watch.start >= UNUSED_FOR
            if unused and other.state == "online":
                watch.forget(at)
                expected.discard(line)
        if expected == self._expected:
            return
        self._expected = frozenset(line for line in LINES if line in expected)
        async with self._database.unit() as unit:
            unit.execute(
                "INSERT INTO facts (name, value) VALUES ('watched_lines', ?)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (",".join(sorted(self._expected)),),
            )

    def _measure(self, at: float, seen: Round) -> None:
        last, self._last_round = self._last_round, at
        if not seen.found:
            return
        for line, found in seen.found.items():
            if found.ms is not None:
                self._history.add("dns_ms" if line == "dns" else f"internet_{line}_ms", found.ms)
        if last is not None and 0 < at - last <= LONGEST_GAP:
            day = self._clock.now().astimezone(self._zone()).date().isoformat()
            self._history.add_watched(day, at - last)

    def _every(self, at: float) -> float:
        return min(line.every(at) for line in self._lines.values())

    async def _pause(self, changes: Changes, began: float, seconds: float) -> None:
        """Until the next round is due, or until the cable or the addresses of the WAN change."""
        due = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            if self._wan is None:
                await due
                return
            before = await outlook(self._world, self._wan)
            while not due.done():
                news = asyncio.ensure_future(changes.wait(seconds))
                try:
                    await asyncio.wait({due, news}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    news.cancel()
                    await asyncio.gather(news, return_exceptions=True)
                if due.done():
                    return
                changed = not news.cancelled() and news.exception() is None and news.result()
                if not changed:
                    await due
                    return
                if await outlook(self._world, self._wan) != before:
                    await self._clock.sleep(max(0.0, began + SUSPECT_EVERY - self._clock.monotonic()))
                    return
                await asyncio.wait({due}, timeout=NEWS_EVERY)
        except OSError as error:
            log.debug("outages.pause", error=str(error))
            await due
        finally:
            due.cancel()

    # --- what is known ----------------------------------------------------------------------------------

    @property
    def lines(self) -> dict[Line, LineState]:
        """Each line's state."""
        return {line: watch.state for line, watch in self._lines.items()}

    @property
    def open(self) -> tuple[Incident, ...]:
        """The outages that last."""
        return tuple(self._incidents.open.values())

    def transitions(self) -> int:
        """How often the worst line has come or gone in the last quarter of an hour."""
        at = self._clock.monotonic()
        return max(watch.recent(at) for watch in self._lines.values())

    @property
    def wan(self) -> str | None:
        """The interface that leads out, as far as it is known."""
        return self._wan

    def outlook(self) -> Outlook:
        """The connection now."""
        scopes = self._incidents.open
        if not any(watch.watched for watch in self._lines.values()):
            return Outlook(
                "unknown", "The connection is not watched: no targets are set, or none was seen yet."
            )
        for scope in ("internet", "v4", "dns", "unstable", "v6"):
            if scope in scopes:
                said = sentence(scope, scopes[scope].lines, over=False)
                return Outlook("down" if scope == "internet" else "degraded", said)
        if any(watch.state in ("suspect", "offline") for watch in self._lines.values()):
            return Outlook("degraded", "Something has just stopped answering.")
        return Outlook("ok", "The internet answers.")

    def alerts(self) -> tuple[tuple[str, str], ...]:
        """Codes and sentences of the outages that people were told of and that last."""
        return tuple(
            (f"diagnostics.{one.scope}", sentence(one.scope, one.lines, over=False))
            for one in self._incidents.open.values()
            if one.alerted
        )
