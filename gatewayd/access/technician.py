"""A technician comes in for a visit: by the operator's grant, verified offline, or by the owner's code.

What bounds a visit does not hang on the wall clock alone. Where time can be believed, a grant is good from
`nbf` to `exp`; where it cannot, it is good once, with somebody present, unless it ended before the newest
time that the box has ever believed. A visit then lasts at most as long as the grant is wide, on the
monotonic clock, and its seconds go on counting over restarts: nobody gains time by pulling the plug.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import NamedTuple

import msgspec
import structlog

from gatewayd.access import codes
from gatewayd.access.grants import MOST_HOURS, Grant, OperatorKey, verify
from gatewayd.access.model import Granted
from gatewayd.access.pairing import Pairings
from gatewayd.access.sessions import Sessions
from gatewayd.access.technician_visits import COUNT_EVERY, Visit, Visits
from gatewayd.callers import ROLES, Caller, Scope
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock

log = structlog.get_logger(__name__)
LONGEST_VISIT = MOST_HOURS * 3600
LONGEST_CODE = 24 * 3600.0
EARLY = 300.0
"""Seconds by which two honest clocks may differ: a grant is taken this much before its time."""
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # no i, l, o, u: it is read out and typed
CODE_LENGTH = 12
"""60 bits: at a thousand guesses a second, half of all codes take some 18 million years. So wrong ones lock
out nobody, and only wait."""
_DELAY = 0.5


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """The owner's code for a technician, shown once; seconds."""

    code: str
    expires_in: float
    lifetime: float


class Begun(NamedTuple):
    """A visit that has begun or goes on: its session, its id, and the seconds that it may last from now."""

    granted: Granted
    visit: str
    lifetime: float


class Technicians:
    """Lets technicians in, and ends what they were let in for. Its callers hold the lock of technicians."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        sessions: Sessions,
        pairings: Pairings,
        *,
        box: str,
        boot: str,
        operator: OperatorKey | None,
        online: Callable[[], bool] = lambda: False,
    ) -> None:
        """`operator` is the key that grants are signed with, None where there is none. `online` tells
        whether the operator's portal is in touch just now; while it is not, redeeming takes presence."""
        self.visits = Visits(database, clock, boot=boot)
        self._database = database
        self._clock = clock
        self._sessions = sessions
        self._pairings = pairings
        self._box = box
        self._boot = boot
        self._operator = operator
        self._online = online

    async def keep(self) -> None:
        """Runs for ever: counts the seconds of visits, forgets codes and grants that are over."""
        while True:
            await self._clock.sleep(COUNT_EVERY)
            await self.visits.count()
            await self._forget()

    def invite(
        self, unit: Unit, epoch: int, *, name: str, lifetime: float, valid: float, scopes: frozenset[Scope]
    ) -> Invitation:
        """Queues a code for one visit of `lifetime` seconds, good for `valid` seconds of this boot."""
        code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
        unit.execute(
            "INSERT INTO technician_codes (digest, name, scopes, lifetime, epoch, boot, ends)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                codes.digest(code),
                name,
                " ".join(sorted(scopes)),
                lifetime,
                epoch,
                self._boot,
                self._clock.monotonic() + valid,
            ),
        )
        shown = "-".join(code[at : at + 4] for at in range(0, CODE_LENGTH, 4))
        return Invitation(code=shown, expires_in=valid, lifetime=lifetime)

    async def redeem_code(self, unit: Unit, caller: Caller, typed: str, *, cookie: bool) -> Begun:
        """A visit by the owner's code. Raises GatewayError `access.technician_code_wrong`, a moment later."""
        digest = codes.digest(typed.lower().replace("-", "").replace(" ", ""))
        row = await self._database.fetch_one("SELECT * FROM technician_codes WHERE digest = ?", (digest,))
        if (
            row is None
            or row["boot"] != self._boot
            or row["ends"] <= self._clock.monotonic()
            or row["epoch"] != await self.epoch()
        ):
            await self._clock.sleep(_DELAY)
            raise GatewayError("access.technician_code_wrong", "This code is not valid.", field="code")
        unit.execute("DELETE FROM technician_codes WHERE digest = ?", (digest,))
        scopes = frozenset(Scope(scope) for scope in row["scopes"].split())
        granted = self._sessions.grant(
            unit,
            account=None,
            role="technician",
            label=row["name"],
            key=caller.key,
            cookie=cookie,
            address=caller.address,
            lifetime=row["lifetime"],
            scopes=scopes,
        )
        visit = self.visits.begin(
            unit,
            source="code",
            grant_id=None,
            technician="",
            key=caller.key,
            session=granted.session,
            scopes=scopes,
            epoch=row["epoch"],
            lifetime=row["lifetime"],
        )
        return Begun(granted, visit, row["lifetime"])

    async def redeem_grant(self, unit: Unit, caller: Caller, text: str) -> Begun:
        """A visit by the operator's grant; the same grant and key go on with a visit after a reboot.

        Raises GatewayError `access.grant_invalid`, `access.grant_key_needed`, `access.grant_expired`,
        `access.grant_used`, `access.presence_needed`.
        """
        if self._operator is None:
            raise GatewayError(
                "access.grant_invalid", "This box knows no operator. Ask the owner for a code.", field="grant"
            )
        grant = verify(text, self._operator, box=self._box)
        if caller.key != grant.key:
            raise GatewayError(
                "access.grant_key_needed",
                "Send a DPoP proof by the key that the grant is for.",
                field="grant",
            )
        epoch = await self.epoch()
        if grant.epoch < epoch:
            raise GatewayError("access.grant_expired", "All grants of that time were ended.", field="grant")
        lifetime = await self._lifetime(grant)
        before = await self.visits.of_grant(grant.id)
        if before is not None:
            return self._go_on(unit, caller, before, lifetime)
        await self._check_unused(grant)
        await self._need_presence(unit)
        if grant.epoch > epoch:
            await self.raise_epoch(unit, grant.epoch)
        unit.execute(
            "INSERT INTO technician_grants (id, expires) VALUES (?, ?)", (grant.id, float(grant.expires))
        )
        granted = self._grant(unit, caller, grant.technician, grant.scopes, lifetime)
        visit = self.visits.begin(
            unit,
            source="grant",
            grant_id=grant.id,
            technician=grant.technician,
            key=grant.key,
            session=granted.session,
            scopes=grant.scopes,
            epoch=grant.epoch,
            lifetime=lifetime,
        )
        return Begun(granted, visit, lifetime)

    async def epoch(self) -> int:
        """Grants and codes of an earlier epoch are worth nothing."""
        row = await self._database.fetch_one("SELECT value FROM facts WHERE name = 'grant_epoch'")
        return 0 if row is None else int(row["value"])

    async def raise_epoch(self, unit: Unit, to: int | None = None) -> int:
        """Queues a new epoch: every visit, grant and code there is ends. Returns it."""
        epoch = await self.epoch() + 1 if to is None else to
        unit.execute(
            "INSERT INTO facts (name, value) VALUES ('grant_epoch', ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (str(epoch),),
        )
        unit.execute("DELETE FROM technician_codes")
        for session in self._sessions.live():
            if session.role == "technician":
                self._sessions.end(unit, session, "revoked")
        for visit in await self.visits.all():
            if visit.ended is None:
                self.visits.end(unit, visit)
        return epoch

    async def end_visit(self, unit: Unit, visit: Visit) -> None:
        """Queues the end of one visit and of its session."""
        self.visits.end(unit, visit)
        session = self._sessions.find(visit.session)
        if session is not None:
            self._sessions.end(unit, session, "revoked")

    async def get(self, identifier: str) -> Visit:
        """One visit. Raises GatewayError `access.visit_not_found`."""
        visit = await self.visits.get(identifier)
        if visit is None:
            raise GatewayError("access.visit_not_found", "There was no such visit.", field="visit")
        return visit

    def _go_on(self, unit: Unit, caller: Caller, visit: Visit, most: float) -> Begun:
        left = min(most, self.visits.left(visit))
        if visit.boot == self._boot or left <= 0 or visit.key != caller.key:
            raise _used()
        granted = self._grant(unit, caller, visit.technician, visit.scopes, left)
        self.visits.resume(unit, visit, granted.session)
        return Begun(granted, visit.id, left)

    def _grant(
        self, unit: Unit, caller: Caller, technician: str, scopes: frozenset[Scope], lifetime: float
    ) -> Granted:
        return self._sessions.grant(
            unit,
            account=None,
            role="technician",
            label=f"Technician {technician}",
            key=caller.key,
            address=caller.address,
            lifetime=lifetime,
            scopes=scopes,
        )

    async def _lifetime(self, grant: Grant) -> float:
        """Seconds for which a visit by this grant may go on from now."""
        now = self._clock.now().timestamp()
        if self._clock.trusted():
            if grant.expires <= now:
                raise GatewayError("access.grant_expired", "This grant has run out.", field="grant")
            if now + EARLY < grant.not_before:
                raise GatewayError("access.grant_expired", "This grant is for later.", field="grant")
            return min(grant.lifetime, grant.expires - now)
        row = await self._database.fetch_one("SELECT value FROM facts WHERE name = 'last_seen'")
        if row is not None and grant.expires <= float(row["value"]):
            raise GatewayError("access.grant_expired", "This grant has run out.", field="grant")
        return grant.lifetime

    async def _check_unused(self, grant: Grant) -> None:
        row = await self._database.fetch_one("SELECT id FROM technician_grants WHERE id = ?", (grant.id,))
        if row is not None:
            raise _used()

    async def _need_presence(self, unit: Unit) -> None:
        if self._online() and self._clock.trusted():
            return
        if await self._pairings.current() is None:
            raise GatewayError(
                "access.presence_needed",
                "The box is not in touch with the operator. Press its button, or ask the owner to open a "
                "pairing, and try again.",
                field="grant",
            )
        self._pairings.use_up(unit)  # presence is good once, and must not make an owner as well

    async def _forget(self) -> None:
        """Codes that are over; redeemed grants a day after their end, when the time is known."""
        async with self._database.unit() as unit:
            unit.execute(
                "DELETE FROM technician_codes WHERE boot <> ? OR ends <= ?",
                (self._boot, self._clock.monotonic()),
            )
            if self._clock.trusted():
                unit.execute(
                    "DELETE FROM technician_grants WHERE expires < ?",
                    (self._clock.now().timestamp() - 86_400,),
                )


def technician_scopes(names: tuple[str, ...] | None) -> frozenset[Scope]:
    """The scopes of those names; None: all that a technician may have. Raises InvalidField `scopes`."""
    most = ROLES["technician"]
    if names is None:
        return most
    known = {scope.value: scope for scope in most}
    strange = sorted(set(names) - known.keys())
    if strange or not names:
        raise InvalidField("scopes", f"A technician's scopes are some of: {', '.join(sorted(known))}.")
    return frozenset(known[name] for name in names)


def _used() -> GatewayError:
    return GatewayError("access.grant_used", "This grant was used before.", field="grant")
