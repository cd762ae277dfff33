"""What a new network is when nobody says otherwise: its id, its name, its ways; pure but for randomness."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from typing import Any

from gatewayd.wifi.keys import suggest_passphrase
from gatewayd.wifi.model import Band, NetworkSettings, Security
from gatewayd.wifi.rules import SSID_BYTES

HOME = "home"
_SLUG = 20
_SUFFIX = {"guest": " Guest", "iot": " Things", "home": " 2"}


def slug(text: str) -> str:
    """Lower-case ASCII letters, digits and hyphens, at most 20; empty when nothing of the text is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_SLUG].strip("-")


def free_id(wanted: str, taken: Collection[str]) -> str:
    """`wanted`, or `wanted-2`, `wanted-3` ..., whichever is not taken."""
    number, found = 1, wanted
    while found in taken:
        number += 1
        found = f"{wanted}-{number}"
    return found


def default_ssid(role: str, home: str) -> str:
    """The household's name and what the network is for, cut between letters to 32 bytes."""
    suffix = _SUFFIX[role]
    while len((home + suffix).encode()) > SSID_BYTES:
        home = home[:-1]
    return home + suffix


def default_isolated(role: str) -> bool:
    """Guests do not reach one another, nor do things."""
    return role != "home"


def first_network(ssid: str, bands: tuple[Band, ...]) -> NetworkSettings:
    """The network that a box begins with."""
    return NetworkSettings(
        network=HOME,
        role=HOME,
        revision=1,
        ssid=ssid,
        # WPA2 alone: not every radio carries WPA3 reliably, and every device knows this one.
        security=Security.WPA2,
        passphrase=suggest_passphrase(),
        bands=bands,
    )


def new_network(role: str, home: NetworkSettings, fields: dict[str, Any]) -> NetworkSettings:
    """A network of that role, with the role's own ways where `fields` (of NetworkSettings) say nothing."""
    security = fields.setdefault("security", Security.WPA2)
    fields.setdefault("ssid", default_ssid(role, home.ssid))
    fields.setdefault("isolated", default_isolated(role))
    fields.setdefault("bands", home.bands)
    if fields.get("passphrase") is None:
        fields["passphrase"] = suggest_passphrase() if security.has_passphrase else None
    return NetworkSettings(network="", role=role, revision=1, **fields)
