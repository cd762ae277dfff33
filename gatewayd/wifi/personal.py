"""What Wi-Fi holds of people: devices that came by, names of keys, changes and who made them."""

from __future__ import annotations

from gatewayd.store.database import Database
from gatewayd.store.personal import Item, Tables

_IN_USE = "Names and passwords of networks that are in use stay: a factory reset removes them."


def personal(database: Database) -> Tables:
    """The area `wifi`. Passwords are secrets and not exported; a key that works goes on without its name."""
    return Tables(
        database,
        "wifi",
        (
            Item(
                "networks",
                "SELECT network, revision, ssid, security, bands, hidden, isolated, enabled, schedule"
                " FROM wifi_revisions ORDER BY network, revision",
                "SELECT 0",
                (),
                _IN_USE,
            ),
            Item(
                "keys",
                "SELECT * FROM wifi_keys ORDER BY network, id",
                "SELECT count(*) FROM wifi_keys",
                (
                    "DELETE FROM wifi_keys WHERE revoked IS NOT NULL",
                    "UPDATE wifi_keys SET label = id, last_seen = NULL",
                ),
                "A key that works keeps its id, which was made of its name: revoke it first.",
            ),
            Item(
                "devices_met",
                "SELECT * FROM wifi_met ORDER BY network, mac",
                "SELECT count(*) FROM wifi_met",
                ("DELETE FROM wifi_met",),
            ),
            Item(
                "changes",
                "SELECT * FROM wifi_changes ORDER BY id",
                "SELECT count(*) FROM wifi_changes WHERE ended IS NOT NULL",
                ("DELETE FROM wifi_changes WHERE ended IS NOT NULL",),
            ),
        ),
    )
