"""The roles that a new box knows: everything, and next to nothing (TR-181, LocalAgent.ControllerTrust)."""

from __future__ import annotations

from gatewayd.portal.rights import FULL, ROLES, TRUST, UNTRUSTED
from gatewayd.portal.stored import Stored
from gatewayd.store.database import Unit

_MASKS = ("Param", "Obj", "InstantiatedObj", "CommandEvent")


def seed(unit: Unit, stored: Stored) -> None:
    """Queues the roles where there are none yet; what an operator made of them stays."""
    if stored.rows(ROLES):
        return
    full = stored.add(unit, ROLES, {"Alias": "full", "Enable": "true", "Name": FULL})
    untrusted = stored.add(unit, ROLES, {"Alias": "untrusted", "Enable": "true", "Name": UNTRUSTED})
    _permission(unit, stored, full, "Device.", "rwxn")
    _permission(unit, stored, untrusted, "Device.DeviceInfo.", "r---")
    stored.put(unit, TRUST, {"UntrustedRole": f"{ROLES}{untrusted}."})


def _permission(unit: Unit, stored: Stored, role: int, target: str, mask: str) -> None:
    row = {"Alias": "default", "Enable": "true", "Order": "0", "Targets": target}
    stored.add(unit, f"{ROLES}{role}.Permission.", {**row, **dict.fromkeys(_MASKS, mask)})
