"""What diagnoses hold of people: addresses and names that they saw."""

from __future__ import annotations

from gatewayd.store.database import Database
from gatewayd.store.personal import Item, Tables


def personal(database: Database) -> Tables:
    """The area `diagnostics`."""
    return Tables(
        database,
        "diagnostics",
        (
            Item(
                "runs",
                "SELECT * FROM diagnostics_runs ORDER BY id",
                "SELECT count(*) FROM diagnostics_runs",
                ("DELETE FROM diagnostics_runs",),
            ),
        ),
        {"diagnostics": "DELETE FROM diagnostics_runs WHERE started < ?"},
    )
