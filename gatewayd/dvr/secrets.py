"""The passwords in television's addresses, for whoever takes them out of what leaves the box."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from gatewayd.store.database import Database


async def known(database: Database) -> frozenset[str]:
    """Passwords of sources and channels, as they stand in the address and as they are meant."""
    rows = await database.fetch_all("SELECT url FROM dvr_sources UNION SELECT url FROM dvr_channels")
    found = set()
    for row in rows:
        try:
            password = urlsplit(row["url"]).password
        except ValueError:
            continue
        if password:
            found |= {password, unquote(password)}
    return frozenset(found)
