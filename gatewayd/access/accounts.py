"""Accounts: the people of the household, what each may do, and how they get a password."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import msgspec

from gatewayd.access import codes
from gatewayd.access.passwords import Passwords, check_new
from gatewayd.access.sessions import Sessions
from gatewayd.access.tools import ToolTokens
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock
from gatewayd.system.identity import new_id

AccountRole = Literal["owner", "member", "viewer"]
MOST = 32
LONGEST_NAME = 64
INVITATION_LIFE = 86_400.0


class Account(msgspec.Struct, kw_only=True):
    """A person. `name` is what they sign in with; it stands in the table of names alone."""

    id: str
    name: str
    role: AccountRole
    created: datetime
    password: str | None = None
    second_factor: bool = False

    @property
    def is_provable(self) -> bool:
        """Whether there is something beside a token that this person could prove himself by."""
        return self.password is not None or self.second_factor


class Accounts:
    """All accounts, in memory and in the database alike. Its callers hold the lock `access.accounts`."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        sessions: Sessions,
        tools: ToolTokens,
        passwords: Passwords,
        *,
        boot: str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._sessions = sessions
        self._tools = tools
        self._passwords = passwords
        self._boot = boot
        self._by_id: dict[str, Account] = {}

    async def load(self) -> None:
        """Reads them."""
        rows = await self._database.fetch_all(
            "SELECT accounts.*, access_names.name, passwords.hash, totp.confirmed FROM accounts"
            " LEFT JOIN access_names ON access_names.id = accounts.id"
            " LEFT JOIN passwords ON passwords.account = accounts.id"
            " LEFT JOIN totp ON totp.account = accounts.id ORDER BY accounts.created, accounts.id"
        )
        self._by_id = {
            row["id"]: Account(
                id=row["id"],
                name=row["name"] or "",
                role=row["role"],
                created=datetime.fromtimestamp(row["created"], UTC),
                password=row["hash"],
                second_factor=bool(row["confirmed"]),
            )
            for row in rows
        }

    @property
    def owner(self) -> str | None:
        """The first owner, whom a claim adds devices to; None while the box has none."""
        return next((each.id for each in self._by_id.values() if each.role == "owner"), None)

    def all(self) -> list[Account]:
        """Oldest first."""
        return list(self._by_id.values())

    def get(self, identifier: str | None) -> Account:
        """One account. Raises GatewayError `access.account_not_found`."""
        account = None if identifier is None else self._by_id.get(identifier)
        if account is None:
            raise GatewayError("access.account_not_found", "There is no such account.", field="account")
        return account

    def named(self, name: str) -> Account | None:
        """The account that signs in with this name, however it is capitalised."""
        wanted = _folded(name)
        return next(
            (each for each in self._by_id.values() if each.name and _folded(each.name) == wanted), None
        )

    def create(self, unit: Unit, *, name: str, role: AccountRole) -> Account:
        """Queues a new account without a password.

        Raises InvalidField `name`, GatewayError `access.account_exists`, `access.too_many_accounts`.
        """
        if name:
            name = self._free_name(name, None)
        if len(self._by_id) >= MOST:
            raise GatewayError("access.too_many_accounts", f"A household has at most {MOST} accounts.")
        account = Account(id=new_id(), name=name, role=role, created=self._clock.now())
        unit.execute(
            "INSERT INTO accounts (id, role, created) VALUES (?, ?, ?)",
            (account.id, role, account.created.timestamp()),
        )
        self._write_name(unit, account.id, name)
        unit.after(lambda: self._by_id.__setitem__(account.id, account))
        return account

    def update(
        self, unit: Unit, account: Account, *, name: str | None, role: AccountRole | None
    ) -> tuple[str, AccountRole]:
        """Queues another name or role and returns both; with another role the account's sessions end.

        Raises InvalidField `name`, GatewayError `access.account_exists`, `access.last_owner`.
        """
        new_name = account.name if name is None else self._free_name(name, account.id)
        new_role = role or account.role
        if new_role != account.role:
            self._keep_an_owner(account)
            unit.execute("UPDATE accounts SET role = ? WHERE id = ?", (new_role, account.id))
            self._sessions.end_account(unit, account.id, "account")
        self._write_name(unit, account.id, new_name)

        def change() -> None:
            account.name, account.role = new_name, new_role
            self._tools.change_account(account.id, new_role)

        unit.after(change)
        return new_name, new_role

    def remove(self, unit: Unit, account: Account) -> None:
        """Queues the end of an account, its sessions and its tokens.

        Raises GatewayError `access.last_owner`.
        """
        self._keep_an_owner(account)
        self._sessions.end_account(unit, account.id, "account")
        unit.execute(
            "DELETE FROM access_names WHERE id = ?1 OR id IN (SELECT id FROM tool_tokens WHERE account = ?1)",
            (account.id,),
        )
        unit.execute("DELETE FROM accounts WHERE id = ?", (account.id,))

        def forget() -> None:
            self._by_id.pop(account.id, None)
            self._tools.change_account(account.id, None)

        unit.after(forget)

    def invite(self, unit: Unit, account: Account) -> str:
        """Queues a one-time invitation to set a password: good for a day of this boot, the newest alone."""
        text = codes.draw_secret()
        unit.execute("DELETE FROM invitations WHERE account = ?", (account.id,))
        unit.execute(
            "INSERT INTO invitations (digest, account, boot, ends) VALUES (?, ?, ?, ?)",
            (codes.digest(text), account.id, self._boot, self._clock.monotonic() + INVITATION_LIFE),
        )
        return text

    async def invited(self, text: str) -> Account | None:
        """Whose invitation this is; None when it is none, was used, or has run out."""
        row = await self._database.fetch_one(
            "SELECT account FROM invitations WHERE digest = ? AND boot = ? AND ends > ?",
            (codes.digest(text), self._boot, self._clock.monotonic()),
        )
        return None if row is None else self._by_id.get(row["account"])

    async def set_password(
        self, unit: Unit, account: Account, password: str, *, keep: str | None = None
    ) -> None:
        """Queues a new password; open invitations and the sessions that rest on the old one end with it.

        Apps that hold a key of their own stay: they never knew the password. So does the session `keep`.
        Raises InvalidField `password`.
        """
        check_new(password, account.name)
        stored = await self._passwords.hash(password)
        unit.execute(
            "INSERT OR REPLACE INTO passwords (account, hash, changed) VALUES (?, ?, ?)",
            (account.id, stored, self._clock.now().timestamp()),
        )
        unit.execute("DELETE FROM invitations WHERE account = ?", (account.id,))
        for session in self._sessions.live():
            if session.account == account.id and session.key is None and session.id != keep:
                self._sessions.end(unit, session, "account")

        def change() -> None:
            account.password = stored

        unit.after(change)

    def _keep_an_owner(self, leaving: Account) -> None:
        if leaving.role == "owner" and sum(each.role == "owner" for each in self._by_id.values()) == 1:
            raise GatewayError(
                "access.last_owner", "This is the only owner. Make somebody else an owner first."
            )

    def _free_name(self, name: str, own: str | None) -> str:
        name = " ".join(name.split())
        if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
            raise InvalidField("name", f"A name has 1 to {LONGEST_NAME} printable characters.")
        other = self.named(name)
        if other is not None and other.id != own:
            raise GatewayError("access.account_exists", "Somebody signs in with this name.", field="name")
        return name

    def _write_name(self, unit: Unit, account: str, name: str) -> None:
        if name:
            unit.execute("INSERT OR REPLACE INTO access_names (id, name) VALUES (?, ?)", (account, name))


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()
