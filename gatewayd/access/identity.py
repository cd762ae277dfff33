"""The box's own id: made once, short enough to be read out, kept for life."""

from __future__ import annotations

import secrets

from gatewayd.store.database import Database

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # no i, l, o, u: it is read from labels and typed
LENGTH = 8


async def ensure_box_id(database: Database) -> str:
    """The id in the facts, such as `gw-7k3m9x2a`; drawn (40 random bits) when there is none yet."""
    async with database.unit() as unit:
        drawn = "gw-" + "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        unit.execute("INSERT OR IGNORE INTO facts (name, value) VALUES ('box_id', ?)", (drawn,))
    row = await database.fetch_one("SELECT value FROM facts WHERE name = 'box_id'")
    assert row is not None  # just written
    return str(row["value"])
