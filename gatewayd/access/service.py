"""The rules of coming in: a box without an owner, the claim, sessions, what each of them answers."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import structlog

from gatewayd.access import codes
from gatewayd.access.model import AccessClaimed, Granted, Opened, OwnerState, Pairing, Session
from gatewayd.access.pairing import WINDOW, Pairings
from gatewayd.access.sessions import FLUSH_EVERY, Sessions
from gatewayd.access.throttle import Backoff
from gatewayd.callers import Caller
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock
from gatewayd.system.identity import new_id

log = structlog.get_logger(__name__)
MAX_LABEL = 64
_SESSION = "session:"


class AccessService:
    """Who owns the box and who may come in.

    A fresh box has no owner, no password and no default credential, and its first visitor does not
    become the owner: that takes a code or a QR secret which only somebody who is present can see.
    Call `load` before the first request is served.
    """

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        box_id: str,
        fingerprint: str,
        host: Callable[[], str],
        boot: str,
    ) -> None:
        """`fingerprint` is the hash of the box's public key as apps pin it; `host` tells the
        `name:port` under which the box can be reached; `boot` is the id of this boot of the kernel.
        """
        self.box_id = box_id
        self.fingerprint = fingerprint
        self._host = host
        self._database = database
        self._clock = clock
        self._sessions = Sessions(database, clock)
        self._pairings = Pairings(database, clock, boot=boot)
        self._guesses = Backoff(clock)
        self._owner: str | None = None

    async def load(self) -> None:
        """Reads the owner and the sessions."""
        row = await self._database.fetch_one(
            "SELECT id FROM accounts WHERE role = 'owner' ORDER BY created, id LIMIT 1"
        )
        self._owner = None if row is None else row["id"]
        await self._sessions.load()

    async def keep(self) -> None:
        """Runs for ever: ends idle sessions and writes down the use of the others."""
        while True:
            await self._clock.sleep(FLUSH_EVERY)
            await self._sessions.end_idle()
            await self._sessions.flush()

    async def close(self) -> None:
        """Writes down the last use of the sessions."""
        await self._sessions.flush()

    @property
    def state(self) -> OwnerState:
        """`unclaimed` while nobody owns the box, then `ready`."""
        return "unclaimed" if self._owner is None else "ready"

    async def authenticate(self, bearer: str) -> Caller:
        """The caller who holds this token. Raises GatewayError `access.unauthenticated`."""
        return await self._sessions.authenticate(bearer)

    def still_valid(self, caller: Caller) -> bool:
        """Whether a caller who came in by a session may stay; others are not ours to end."""
        if not caller.id.startswith(_SESSION):
            return True
        return self._sessions.find(caller.id.removeprefix(_SESSION)) is not None

    async def open_at_start(self) -> Opened | None:
        """For a start whose terminal is proof of presence (the demo): a code that stays open until used.

        None when the box has an owner, or when the tries of the code before it are spent: a restart
        hands out a new code, never new tries.
        """
        if self._owner is not None:
            return None
        before = await self._pairings.stored()
        async with self._database.unit() as unit:
            opened = self._pairings.open(unit, window=None, tries=0 if before is None else before.tries)
        return self._with_uri(opened) if await self._pairings.current() is not None else None

    def open_pairing(self, unit: Unit) -> Opened:
        """Opens a pairing of five minutes and five tries, for a caller who is present or is the owner."""
        unit.after(self._guesses.reset)
        return self._with_uri(self._pairings.open(unit, window=WINDOW))

    async def current_pairing(self) -> tuple[bool, float | None]:
        """Whether a code would be taken now, and for how many seconds (None: until it is used)."""
        pairing = await self._pairings.current()
        return (False, None) if pairing is None else (True, self._pairings.closes_in(pairing))

    async def claim(self, unit: Unit, *, code: str | None, secret: str | None, label: str) -> Granted:
        """Redeems a code or a QR secret for a session of the owner's; makes the owner if there is none.

        Runs under one lock: of two claimants one wins. Every try is counted in the database before it
        is judged. Raises GatewayError `access.already_claimed`, `access.claim_closed`,
        `access.claim_code_wrong`, `access.throttled`, InvalidField.
        """
        label = clean_label(label)
        offered = _offered(code, secret)
        self._guesses.check()
        pairing = await self._pairings.current()
        if pairing is None:
            raise self._closed()
        await self._pairings.count_try()
        if not codes.same(_expected(pairing, code), pairing.salt, offered):
            await self._wrong()
        self._pairings.use_up(unit)
        unit.after(self._guesses.reset)
        return self._welcome(unit, label)

    async def sessions(self) -> list[tuple[Session, str]]:
        """The live sessions and what each is called, oldest first."""
        names = await self._sessions.names()
        return [(session, names.get(session.id, "")) for session in self._sessions.live()]

    def revoke(self, unit: Unit, identifier: str) -> None:
        """Ends a session. Raises GatewayError `access.session_not_found`."""
        self._sessions.end(unit, self._session(identifier), "revoked")

    def log_out(self, unit: Unit, caller: Caller) -> str:
        """Ends the caller's own session; returns its id. Raises GatewayError `access.session_not_found`."""
        if not caller.id.startswith(_SESSION):
            raise GatewayError(
                "access.session_not_found", "You came in without a session: there is nothing to end."
            )
        session = self._session(caller.id.removeprefix(_SESSION))
        self._sessions.end(unit, session, "logout")
        return session.id

    async def void_sessions(self) -> int:
        """After a restore from a backup, whose sessions may have been revoked since. Returns how many."""
        return await self._sessions.end_all("restored")

    def _welcome(self, unit: Unit, label: str) -> Granted:
        first, account = self._owner is None, self._owner or new_id()
        if first:
            unit.execute(
                "INSERT INTO accounts (id, role, created) VALUES (?, 'owner', ?)",
                (account, self._clock.now().timestamp()),
            )
            unit.after(lambda: self._own(account))
        granted = self._sessions.grant(unit, account, "owner", label)
        unit.emit(AccessClaimed(account=account, session=granted.session, first=first))
        return granted

    def _own(self, account: str) -> None:
        self._owner = account

    async def _wrong(self) -> None:
        self._guesses.failed()
        log.warning("access.claim_refused")
        await self._clock.sleep(0.5 + secrets.randbelow(501) / 1000)
        sentence = "That is not the code."
        if await self._pairings.current() is None:
            sentence += " It cannot be tried any more: open another one at the box with gatewayctl pair."
        raise GatewayError("access.claim_code_wrong", sentence)

    def _closed(self) -> GatewayError:
        if self._owner is not None:
            return GatewayError(
                "access.already_claimed",
                "This box has an owner. To add a device, open a pairing in the owner's app or with "
                "gatewayctl pair.",
            )
        return GatewayError(
            "access.claim_closed", "No claim code is open. Open one at the box: gatewayctl pair."
        )

    def _session(self, identifier: str) -> Session:
        session = self._sessions.find(identifier)
        if session is None:
            raise GatewayError("access.session_not_found", "There is no such session.", field="session")
        return session

    def _with_uri(self, opened: Opened) -> Opened:
        uri = codes.claim_uri(
            box=self.box_id, secret=opened.secret, fingerprint=self.fingerprint, host=self._host()
        )
        return Opened(code=opened.code, secret=opened.secret, uri=uri, expires_in=opened.expires_in)


def clean_label(label: str) -> str:
    """What a session is called: 1 to 64 printable characters. Raises InvalidField."""
    label = " ".join(label.split())
    if not 1 <= len(label) <= MAX_LABEL or not label.isprintable():
        raise InvalidField("label", f"A label has 1 to {MAX_LABEL} printable characters.")
    return label


def _offered(code: str | None, secret: str | None) -> str:
    if (code is None) == (secret is None):
        raise InvalidField("code", "Give either the code or the secret of the QR code.")
    if secret is not None:
        return secret
    assert code is not None  # one of the two
    digits = codes.read_code(code)
    if digits is None:
        raise InvalidField("code", f"The code has {codes.CODE_DIGITS} digits.")
    return digits


def _expected(pairing: Pairing, code: str | None) -> bytes:
    return pairing.secret if code is None else pairing.code
