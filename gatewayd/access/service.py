"""The rules of coming in: a box without an owner, the claim, sessions, what each of them answers."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from gatewayd.access import base64url, codes
from gatewayd.access.accounts import Account, Accounts
from gatewayd.access.admission import Admission
from gatewayd.access.alerts import Alerts
from gatewayd.access.claim import Claims, Offer
from gatewayd.access.exchanges import Exchanges
from gatewayd.access.grants import OperatorKey
from gatewayd.access.model import AccessClaimed, Granted, Opened, OwnerState, Pairing, Session
from gatewayd.access.pairing import WINDOW, Pairings
from gatewayd.access.passwords import Passwords
from gatewayd.access.personal import AccessArea
from gatewayd.access.refresh import Refresher
from gatewayd.access.sessions import FLUSH_EVERY, Sessions
from gatewayd.access.signin import SignIn
from gatewayd.access.technician import Technicians
from gatewayd.access.throttle import Backoff
from gatewayd.access.tickets import Tickets
from gatewayd.access.tools import ToolTokens
from gatewayd.access.totp import SecondFactor
from gatewayd.callers import Caller, Shown
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock

log = structlog.get_logger(__name__)
MAX_LABEL = 64


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
        operator: OperatorKey | None = None,
        mailed: bool = False,
        passwords: Passwords | None = None,
    ) -> None:
        """`fingerprint` is the hash of the box's public key as apps pin it; `host` tells the
        `name:port` under which the box can be reached; `boot` is the id of this boot of the kernel;
        `operator` is the key that technicians' grants are signed with; `mailed`: alerts wait for the mailer.
        """
        self.box_id = box_id
        self.fingerprint = fingerprint
        self._host = host
        self._database = database
        self._clock = clock
        self._sessions = Sessions(database, clock, boot=boot)
        self.tools = ToolTokens(database, clock)
        self.tickets = Tickets(clock)
        self.refresher = Refresher(database, clock, self._sessions, boot=boot)
        self._admission = Admission(clock, self._sessions, self.tools, self.tickets)
        passwords = passwords or Passwords()
        self.accounts = Accounts(database, clock, self._sessions, self.tools, passwords, boot=boot)
        self.second_factor = SecondFactor(database, clock, box=box_id)
        self._pairings = Pairings(database, clock, boot=boot)
        self._guesses = Backoff(clock)
        self.alerts = Alerts(database, clock, mailed=mailed)
        self.sign_in = SignIn(
            database,
            clock,
            self._sessions,
            self.accounts,
            passwords,
            self.second_factor,
            self.alerts.failed,
        )
        self._exchanges = Exchanges(clock, box=box_id, fingerprint=fingerprint)
        self._claims = Claims(self._pairings, self._exchanges, self._guesses, clock, self.alerts.failed)
        self.technicians = Technicians(
            database, clock, self._sessions, self._pairings, box=box_id, boot=boot, operator=operator
        )
        self.personal = AccessArea(database, self._sessions, self.tools, self.accounts)
        database.on_event(self.alerts.witness)
        database.on_event(self.technicians.visits.witness)

    async def load(self) -> None:
        """Reads the owner and the sessions."""
        await self._sessions.load()
        await self.accounts.load()
        await self.sign_in.load()
        await self.tools.load()

    async def keep(self) -> None:
        """Runs for ever: ends idle sessions and writes down the use of the others."""
        while True:
            await self._clock.sleep(FLUSH_EVERY)
            await self._sessions.end_idle()
            await self._sessions.flush()
            await self.tools.flush()

    async def close(self) -> None:
        """Writes down the last use of the sessions and of the tools' tokens."""
        await self._sessions.flush()
        await self.tools.flush()

    @property
    def state(self) -> OwnerState:
        """`unclaimed` while nobody owns the box, then `ready`."""
        return "unclaimed" if self.accounts.owner is None else "ready"

    async def authenticate(self, bearer: str) -> Caller:
        """The caller who holds this token. Raises GatewayError `access.unauthenticated`."""
        return await self.admit(Shown(kind="bearer", token=bearer))

    async def admit(self, shown: Shown) -> Caller:
        """The caller that a request shows. Raises what `Admission.admit` raises."""
        return await self._admission.admit(shown)

    def stranger(self, shown: Shown) -> Caller:
        """Somebody whose token does not count, with the key that a proof shows."""
        return self._admission.stranger(shown)

    def nonce(self) -> str:
        """What the next DPoP proof has to hold."""
        return self._admission.nonce()

    def still_valid(self, caller: Caller) -> bool:
        """Whether a caller who came in by a session or a token may stay; others are not ours to end."""
        return self._admission.still_valid(caller)

    async def open_at_start(self) -> Opened | None:
        """For a start whose terminal is proof of presence (the demo): a code that stays open until used.

        None when the box has an owner, or when the tries of the code before it are spent: a restart
        hands out a new code, never new tries.
        """
        if self.accounts.owner is not None:
            return None
        before = await self._pairings.stored()
        async with self._database.unit() as unit:
            opened = self._pairings.open(unit, window=None, tries=0 if before is None else before.tries)
        return self._with_uri(opened) if await self._pairings.current() is not None else None

    def open_pairing(self, unit: Unit) -> Opened:
        """Opens a pairing of five minutes and five tries, for a caller who is present or is the owner."""
        unit.after(self._guesses.reset)
        return self._with_uri(self._pairings.open(unit, window=WINDOW))

    async def current_pairing(self) -> tuple[Pairing | None, float | None]:
        """The pairing that would be judged by now, and for how many seconds (None: until it is used)."""
        pairing = await self._pairings.current()
        return (None, None) if pairing is None else (pairing, self._pairings.closes_in(pairing))

    async def begin_exchange(self, message: str) -> tuple[str, bytes]:
        """For an app's SPAKE2 message (base64url): the exchange's id and the box's message.

        Raises GatewayError `access.already_claimed`, `access.claim_closed`, `access.throttled`, InvalidField.
        """
        raw = base64url.decode(message)
        if raw is None:
            raise InvalidField("message", "The message is base64url without padding.")
        self._guesses.check()
        pairing = await self._pairings.current()
        if pairing is None:
            raise self._closed()
        return await self._exchanges.begin(pairing, raw)

    async def claim(
        self, unit: Unit, *, offer: Offer, label: str, caller: Caller, cookie: bool = False
    ) -> tuple[Granted, bytes | None]:
        """Redeems an offer for a session of the owner's; makes the owner if there is none.

        The second value is the box's own confirmation of an exchange. Runs under one lock: of two
        claimants one wins. Raises GatewayError `access.already_claimed`, `access.claim_closed`,
        `access.throttled` and what `Claims.judge` raises; InvalidField.
        """
        label = clean_label(label)
        self._guesses.check()
        pairing = await self._pairings.current()
        if pairing is None:
            raise self._closed()
        confirmation = await self._claims.judge(pairing, offer)
        self._pairings.use_up(unit)
        unit.after(self._guesses.reset)
        return self._welcome(unit, label, caller, cookie), confirmation

    def account_of(self, caller: Caller) -> Account | None:
        """The account whose session a caller came in by."""
        session = self._sessions.of(caller)
        return None if session is None or session.account is None else self.accounts.get(session.account)

    async def names(self) -> dict[str, str]:
        """What people call accounts, sessions and tokens, by id."""
        return await self._sessions.names()

    async def sessions(self) -> list[tuple[Session, str]]:
        """The live sessions and what each is called, oldest first."""
        names = await self._sessions.names()
        return [(session, names.get(session.id, "")) for session in self._sessions.live()]

    def revoke(self, unit: Unit, identifier: str) -> None:
        """Ends a session. Raises GatewayError `access.session_not_found`."""
        self._sessions.end(unit, self._session(identifier), "revoked")

    def log_out(self, unit: Unit, caller: Caller) -> str:
        """Ends the caller's own session; returns its id. Raises GatewayError `access.session_not_found`."""
        session = self._sessions.of(caller)
        if session is None:
            raise GatewayError(
                "access.session_not_found", "You came in without a session: there is nothing to end."
            )
        self._sessions.end(unit, session, "logout")
        return session.id

    async def void_sessions(self) -> int:
        """After a restore from a backup, whose sessions may have been revoked since. Returns how many.

        The tools' tokens and all that technicians could come in by end with them.
        """
        await self.tools.end_all()
        async with self._database.unit() as unit:
            await self.technicians.raise_epoch(unit)
        return await self._sessions.end_all("restored")

    def _welcome(self, unit: Unit, label: str, caller: Caller, cookie: bool) -> Granted:
        first = self.accounts.owner is None
        account = self.accounts.owner or self.accounts.create(unit, name="", role="owner").id
        granted = self._sessions.grant(
            unit,
            account=account,
            role="owner",
            label=label,
            key=caller.key,
            cookie=cookie,
            address=caller.address,
            fresh=True,
        )
        unit.emit(AccessClaimed(account=account, session=granted.session, first=first))
        return granted

    def _closed(self) -> GatewayError:
        if self.accounts.owner is not None:
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


def clean_label(label: str, *, field: str = "label") -> str:
    """What a session is called: 1 to 64 printable characters. Raises InvalidField."""
    label = " ".join(label.split())
    if not 1 <= len(label) <= MAX_LABEL or not label.isprintable():
        raise InvalidField(field, f"A {field} has 1 to {MAX_LABEL} printable characters.")
    return label
