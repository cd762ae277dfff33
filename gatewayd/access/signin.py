"""Signing in with a password, and proving oneself anew."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

import structlog

from gatewayd.access.accounts import Account, Accounts
from gatewayd.access.guesses import NOBODY, Guesses
from gatewayd.access.model import Granted, Session
from gatewayd.access.passwords import Passwords
from gatewayd.access.sessions import FRESH, Sessions
from gatewayd.access.totp import SecondFactor
from gatewayd.callers import Caller
from gatewayd.errors import GatewayError
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock

log = structlog.get_logger(__name__)


class SignIn:
    """Judges passwords and codes. Every try counts before it is judged."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        sessions: Sessions,
        accounts: Accounts,
        passwords: Passwords,
        second: SecondFactor,
        failed: Callable[[str], Awaitable[None]],
    ) -> None:
        """`failed` is told of every failure, for the alert that many of them are."""
        self._database = database
        self._clock = clock
        self._sessions = sessions
        self._accounts = accounts
        self._passwords = passwords
        self._second = second
        self._failed = failed
        self._guesses = Guesses(clock)

    async def load(self) -> None:
        """A restart hands out no new guesses."""
        for row in await self._database.fetch_all("SELECT account, failures FROM passwords"):
            self._guesses.restore(row["account"], row["failures"])

    async def login(
        self,
        unit: Unit,
        *,
        name: str,
        password: str,
        code: str | None,
        label: str,
        caller: Caller,
        cookie: bool,
    ) -> Granted:
        """Queues a session for the name and the password, and the code where there is a second factor.

        Raises GatewayError `access.login_wrong` (the same for a name that is not known),
        `access.second_factor_needed`, `access.second_factor_wrong`, `access.clock_untrusted`,
        `access.throttled`.
        """
        account = self._accounts.named(name)
        # A name that nobody has waits as one that somebody has: the answer does not tell them apart.
        guessed = account.id if account is not None else _nobody(name)
        failures = self._guesses.begin(guessed, caller.address)
        # Both at once: the write is hidden behind the hash, whether there is anything to write or not.
        stored = None if account is None else account.password
        _, right = await asyncio.gather(
            self._write_failures(account, failures), self._passwords.holds(stored, password)
        )
        if account is None or not right:
            log.warning("access.login_refused", address=caller.address)
            await self._failed("login")
            raise GatewayError("access.login_wrong", "The name or the password is not right.")
        if account.second_factor:
            if code is None:
                # The password was right: what follows is one try at the code, not two.
                self._guesses.right(guessed, caller.address)
                self._guesses.restore(guessed, failures - 1)
                raise _code_needed("This account has a second factor: send its code too.")
            try:
                await self._second.take(unit, account, code)
            except GatewayError:
                await self._failed("login")
                raise
        self._forgive(unit, account, guessed, caller.address)
        return self.begin(unit, account, label=label, caller=caller, cookie=cookie)

    def begin(self, unit: Unit, account: Account, *, label: str, caller: Caller, cookie: bool) -> Granted:
        """Queues a session of somebody who has just proved himself."""
        return self._sessions.grant(
            unit,
            account=account.id,
            role=account.role,
            label=label,
            key=caller.key,
            cookie=cookie,
            address=caller.address,
            fresh=True,
        )

    async def step_up(self, unit: Unit, caller: Caller, *, password: str | None, code: str | None) -> float:
        """Proves that it is the account's person who holds the token; returns for how many seconds.

        With a second factor it takes a code, else the password. Somebody who has neither proves it with the
        key of his app. Raises GatewayError `access.step_up_unavailable`, `access.login_wrong`,
        `access.second_factor_needed`, `access.second_factor_wrong`, `access.clock_untrusted`,
        `access.throttled`.
        """
        if caller.role == "local":
            return FRESH
        session = self._sessions.of(caller)
        if session is None or session.account is None:
            raise _unavailable("Only somebody with an account can prove who he is.")
        account = self._accounts.get(session.account)
        if not account.is_provable:
            if session.key is None:
                raise _unavailable(
                    "There is nothing to prove it by. Pair this device again at the box; within five minutes "
                    "of that you can set a password as well."
                )
        else:
            if account.second_factor and code is None:
                raise _code_needed("Send a code of the second factor.")
            guessed = f"session:{session.id}"
            self._guesses.begin(guessed, None)
            await self._prove(unit, account, password, code)
            unit.after(lambda: self._guesses.right(guessed, None))
        unit.after(lambda: self._freshen(session))
        return FRESH

    async def change_password(
        self, unit: Unit, caller: Caller, *, current: str | None, password: str
    ) -> None:
        """Queues another password of the caller's own account.

        Raises GatewayError `access.login_wrong`, `access.step_up_needed` (there is no current one: prove
        yourself by something else), `access.throttled`; InvalidField.
        """
        session = self._sessions.of(caller)
        if session is None or session.account is None:
            raise GatewayError("access.account_not_found", "You came in without an account.", field="account")
        account = self._accounts.get(session.account)
        if account.password is None:
            if not caller.fresh:
                raise GatewayError(
                    "access.step_up_needed",
                    "To set a first password, pair this device again at the box, or call access.stepup.",
                )
        else:
            guessed = f"session:{session.id}"
            self._guesses.begin(guessed, None)
            if not await self._passwords.holds(account.password, current or ""):
                raise GatewayError("access.login_wrong", "That is not the current password.", field="current")
            self._guesses.right(guessed, None)
        await self._accounts.set_password(unit, account, password, keep=session.id)
        self._forget(unit, account)
        unit.after(lambda: self._freshen(session))

    async def join(
        self, unit: Unit, *, invitation: str, password: str, label: str, caller: Caller, cookie: bool
    ) -> Granted:
        """Redeems an invitation: queues the password and a session.

        Raises GatewayError `access.invitation_invalid`, `access.throttled`; InvalidField.
        """
        account = await self._accounts.invited(invitation)
        if account is None:
            self._guesses.begin("invitations", caller.address)
            raise GatewayError(
                "access.invitation_invalid",
                "This invitation was used or has run out. Ask the owner for another one.",
                field="invitation",
            )
        await self._accounts.set_password(unit, account, password)
        self._forget(unit, account)
        return self.begin(unit, account, label=label, caller=caller, cookie=cookie)

    async def _prove(self, unit: Unit, account: Account, password: str | None, code: str | None) -> None:
        if account.second_factor:
            await self._second.take(unit, account, code or "")
        elif password is None or not await self._passwords.holds(account.password, password):
            raise GatewayError("access.login_wrong", "That is not the password.", field="password")

    def _freshen(self, session: Session) -> None:
        session.proved = self._clock.monotonic()

    async def _write_failures(self, account: Account | None, failures: int) -> None:
        if account is not None and account.password is not None:
            async with self._database.unit() as unit:
                unit.execute("UPDATE passwords SET failures = ? WHERE account = ?", (failures, account.id))

    def _forgive(self, unit: Unit, account: Account, guessed: str, address: str) -> None:
        unit.execute("UPDATE passwords SET failures = 0 WHERE account = ?", (account.id,))
        unit.after(lambda: self._guesses.right(guessed, address))

    def _forget(self, unit: Unit, account: Account) -> None:
        unit.after(lambda: self._guesses.forget(account.id))


def _nobody(name: str) -> str:
    return NOBODY + hashlib.sha256(name.casefold().encode("utf-8", "replace")).hexdigest()


def _code_needed(sentence: str) -> GatewayError:
    return GatewayError("access.second_factor_needed", sentence, field="code")


def _unavailable(sentence: str) -> GatewayError:
    return GatewayError("access.step_up_unavailable", sentence)
