"""What access holds of people: accounts, sessions and where they came from, visits, alerts."""

from __future__ import annotations

from collections.abc import Sequence

from gatewayd.access.accounts import Accounts
from gatewayd.access.sessions import Sessions
from gatewayd.access.tools import ToolTokens
from gatewayd.store.database import Database, Unit
from gatewayd.store.personal import Erased, Item, Tables

_RETAIN = {
    "alerts": "DELETE FROM alerts WHERE time < ?",
    "visits": "DELETE FROM technician_visits WHERE ended < ?",
}
# Digests, passwords and secrets of second factors are neither told nor of use to anybody.
_ITEMS = (
    Item(
        "accounts",
        "SELECT accounts.*, access_names.name FROM accounts"
        " LEFT JOIN access_names ON access_names.id = accounts.id ORDER BY accounts.id",
        "SELECT count(*) FROM accounts",
        (
            "DELETE FROM accounts",
            "DELETE FROM invitations",
            "DELETE FROM pairing",
            "DELETE FROM technician_codes",
        ),
    ),
    Item(
        "sessions",
        "SELECT sessions.id, account, role, created, last_used, address, access_names.name FROM sessions"
        " LEFT JOIN access_names ON access_names.id = sessions.id ORDER BY sessions.id",
        "SELECT count(*) FROM sessions",
        ("DELETE FROM sessions", "DELETE FROM refresh_spent"),
    ),
    Item(
        "tokens",
        "SELECT tool_tokens.id, account, scopes, created, last_used, access_names.name FROM tool_tokens"
        " LEFT JOIN access_names ON access_names.id = tool_tokens.id ORDER BY tool_tokens.id",
        "SELECT count(*) FROM tool_tokens",
        ("DELETE FROM tool_tokens",),
    ),
    Item(
        "names",
        "SELECT * FROM access_names ORDER BY id",
        "SELECT count(*) FROM access_names",
        ("DELETE FROM access_names",),
    ),
    Item(
        "visits",
        "SELECT * FROM technician_visits ORDER BY id",
        "SELECT count(*) FROM technician_visits",
        ("DELETE FROM technician_visits",),
    ),
    Item(
        "alerts", "SELECT * FROM alerts ORDER BY id", "SELECT count(*) FROM alerts", ("DELETE FROM alerts",)
    ),
    Item(
        "activity",
        "SELECT * FROM audit ORDER BY id",
        "SELECT 0",
        (),
        "The log keeps opaque ids, which nothing leads back to a person any more, until its time is over.",
    ),
)


class AccessArea:
    """The area `accounts`. Erasing it leaves a box without an owner: whoever is present may claim it."""

    area = "accounts"

    def __init__(self, database: Database, sessions: Sessions, tools: ToolTokens, accounts: Accounts) -> None:
        self._tables = Tables(database, self.area, _ITEMS, _RETAIN)
        self._sessions = sessions
        self._tools = tools
        self._accounts = accounts
        self.export = self._tables.export
        self.files = self._tables.files

    async def erase(self) -> Sequence[Erased]:
        """Deletes the rows, then ends what of them is in memory: whoever is signed in is signed out."""
        told = await self._tables.erase()
        await self._sessions.end_all("account")
        await self._tools.end_all()
        await self._accounts.load()
        return told

    def forget(self, unit: Unit, kind: str, before: float) -> None:
        """Old alerts and visits."""
        self._tables.forget(unit, kind, before)
