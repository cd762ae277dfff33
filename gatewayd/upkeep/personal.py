"""What upkeep holds of people: why somebody restarted something."""

from __future__ import annotations

from gatewayd.store.database import Database
from gatewayd.store.personal import Item, Tables


def personal(database: Database) -> Tables:
    """The area `upkeep`. A restart that was asked for and has not begun keeps its row, without its reason."""
    return Tables(
        database,
        "upkeep",
        (
            Item(
                "restarts",
                "SELECT * FROM restarts ORDER BY id",
                "SELECT count(*) FROM restarts",
                (
                    "DELETE FROM restarts WHERE back IS NOT NULL",
                    "UPDATE restarts SET reason = ''",
                ),
            ),
        ),
        {"restarts": "DELETE FROM restarts WHERE back < ?"},
    )
