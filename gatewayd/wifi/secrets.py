"""The passwords that Wi-Fi keeps, for whoever takes them out of what leaves the box."""

from __future__ import annotations

import json

from gatewayd.store.database import Database


async def known(database: Database) -> frozenset[str]:
    """Every password in any revision that is still kept, those of single devices included."""
    rows = await database.fetch_all("SELECT passphrase, keys FROM wifi_revisions")
    found = {row["passphrase"] for row in rows if row["passphrase"]}
    for row in rows:
        found |= {str(key["passphrase"]) for key in json.loads(row["keys"])}
    return frozenset(found)
