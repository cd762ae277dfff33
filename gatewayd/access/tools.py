"""Tokens of tools (scripts, meters, home automation): named, for some scopes only, and they run out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from gatewayd.access import codes
from gatewayd.callers import ROLES, Caller, Role, Scope
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock
from gatewayd.system.identity import new_id

MOST = 50
_PREFIX = "token:"


class ToolToken(msgspec.Struct, kw_only=True):
    """A tool's token in memory. `age` was its age at `counted` (monotonic); both in seconds of running."""

    id: str
    account: str | None
    role: Role
    digest: bytes
    scopes: frozenset[Scope]
    created: datetime
    last_used: datetime | None
    lifetime: float
    age: float
    counted: float
    expires: datetime | None
    dirty: bool = False


class ToolTokens:
    """All tokens of tools.

    One runs out when the daemon has run for its lifetime since its birth, or when a clock that can be
    believed says so: a wrong clock keeps none alive.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._by_id: dict[str, ToolToken] = {}

    async def load(self) -> None:
        """Reads the tokens."""
        rows = await self._database.fetch_all(
            "SELECT tool_tokens.*, coalesce(accounts.role, 'local') AS role FROM tool_tokens"
            " LEFT JOIN accounts ON accounts.id = tool_tokens.account ORDER BY created, tool_tokens.id"
        )
        self._by_id = {row["id"]: _from_row(row, self._clock.monotonic()) for row in rows}

    def create(
        self,
        unit: Unit,
        *,
        caller: Caller,
        account: str | None,
        name: str,
        scopes: frozenset[Scope],
        lifetime: float,
    ) -> tuple[ToolToken, str]:
        """Queues a new token of `caller`; its text is shown this once.

        Raises InvalidField `scopes` (none, or not the caller's to give) and GatewayError
        `access.too_many_tokens`.
        """
        allowed = ROLES["tool"] & caller.scopes
        if not scopes or scopes - allowed:
            wrong = ", ".join(sorted(scopes - allowed)) or "none"
            raise InvalidField(
                "scopes", f"A tool can be given {', '.join(sorted(allowed))}; these it cannot: {wrong}."
            )
        if len(self.live()) >= MOST:
            raise GatewayError("access.too_many_tokens", f"There are {MOST} tokens; revoke one first.")
        text, now = codes.draw_token(), self._clock.now()
        token = ToolToken(
            id=new_id(),
            account=account,
            role=caller.role,
            digest=codes.digest(text),
            scopes=scopes,
            created=now,
            last_used=None,
            lifetime=lifetime,
            age=0.0,
            counted=self._clock.monotonic(),
            expires=now + timedelta(seconds=lifetime) if self._clock.trusted() else None,
        )
        unit.execute(
            "INSERT INTO tool_tokens (id, account, digest, scopes, created, lifetime, expires)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                token.id,
                account,
                token.digest,
                " ".join(sorted(scopes)),
                now.timestamp(),
                lifetime,
                None if token.expires is None else token.expires.timestamp(),
            ),
        )
        unit.execute("INSERT INTO access_names (id, name) VALUES (?, ?)", (token.id, name))
        unit.after(lambda: self._by_id.__setitem__(token.id, token))
        return token, text

    def revoke(self, unit: Unit, identifier: str) -> None:
        """Queues the end of a token. Raises GatewayError `access.token_not_found`."""
        if identifier not in self._by_id:
            raise GatewayError("access.token_not_found", "There is no such token.", field="token")
        unit.execute("DELETE FROM tool_tokens WHERE id = ?", (identifier,))
        unit.execute("DELETE FROM access_names WHERE id = ?", (identifier,))

        def forget() -> None:
            self._by_id.pop(identifier, None)

        unit.after(forget)

    def use(self, text: str, address: str) -> Caller | None:
        """The caller who holds this token; counts as a use of it. None when it is none or has run out."""
        digest = codes.digest(text)
        token = next((each for each in self._by_id.values() if each.digest == digest), None)
        if token is None or self._is_over(token):
            return None
        token.last_used = self._clock.now()
        token.dirty = True
        # What its owner may not do any more, his tools may not either.
        return Caller(
            id=_PREFIX + token.id,
            role="tool",
            scopes=token.scopes & ROLES["tool"] & ROLES[token.role],
            via="http",
            address=address,
        )

    def find(self, caller: Caller) -> ToolToken | None:
        """The live token that a caller came in by."""
        token = self._by_id.get(caller.id.removeprefix(_PREFIX)) if caller.id.startswith(_PREFIX) else None
        return None if token is None or self._is_over(token) else token

    def knows(self, text: str) -> bool:
        """Whether it is one of ours, run out or not."""
        digest = codes.digest(text)
        return any(each.digest == digest for each in self._by_id.values())

    def live(self) -> list[ToolToken]:
        """Oldest first."""
        return [token for token in self._by_id.values() if not self._is_over(token)]

    def change_account(self, account: str, role: Role | None) -> None:
        """After a commit: the account has another role, or is gone (None) with its tokens."""
        for token in list(self._by_id.values()):
            if token.account == account and role is None:
                del self._by_id[token.id]
            elif token.account == account and role is not None:
                token.role = role

    async def end_all(self) -> None:
        """After a restore from a backup: tokens may have been revoked since."""
        async with self._database.unit() as unit:
            for identifier in list(self._by_id):
                self.revoke(unit, identifier)

    async def flush(self) -> None:
        """Writes down ages and last uses; forgets what has run out by the count of its running time."""
        monotonic = self._clock.monotonic()
        async with self._database.unit() as unit:
            for token in list(self._by_id.values()):
                token.age, token.counted, token.dirty = self._age(token), monotonic, False
                if token.age >= token.lifetime:
                    self.revoke(unit, token.id)
                    continue
                used = None if token.last_used is None else token.last_used.timestamp()
                unit.execute(
                    "UPDATE tool_tokens SET age = ?, last_used = ? WHERE id = ?", (token.age, used, token.id)
                )

    def _age(self, token: ToolToken) -> float:
        return token.age + max(0.0, self._clock.monotonic() - token.counted)

    def _is_over(self, token: ToolToken) -> bool:
        if self._age(token) >= token.lifetime:
            return True
        return token.expires is not None and self._clock.trusted() and self._clock.now() >= token.expires


def _from_row(row: Any, monotonic: float) -> ToolToken:
    def moment(value: float | None) -> datetime | None:
        return None if value is None else datetime.fromtimestamp(value, UTC)

    return ToolToken(
        id=row["id"],
        account=row["account"],
        role=row["role"],
        digest=row["digest"],
        scopes=frozenset(Scope(each) for each in row["scopes"].split()),
        created=datetime.fromtimestamp(row["created"], UTC),
        last_used=moment(row["last_used"]),
        lifetime=row["lifetime"],
        age=row["age"],
        counted=monotonic,
        expires=moment(row["expires"]),
    )
