"""Who may do what with the data model: roles, permissions and their four masks (TR-181, ControllerTrust).

A mask is `rwxn`, a letter or `-` each. Of those permissions of a role whose targets hold a path, the one with
the highest Order counts; a controller with several roles may what one of them may.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from gatewayd.portal.stored import Stored

TRUST = "Device.LocalAgent.ControllerTrust."
ROLES = f"{TRUST}Role."
What = Literal["Param", "Obj", "InstantiatedObj", "CommandEvent"]
Letter = Literal["r", "w", "x", "n"]
FULL, UNTRUSTED = "Full Access", "Untrusted"


@dataclass(frozen=True, slots=True)
class Permission:
    """One row: a path or a part of the model with its masks."""

    order: int
    targets: tuple[str, ...]
    masks: dict[str, str]

    def matches(self, path: str) -> bool:
        """Whether a path lies under one of the targets; `*` and `{i}` there stand for any instance."""
        return any(_matches(target, path) for target in self.targets)


@dataclass(frozen=True, slots=True)
class Rights:
    """What one controller may, as its roles say at this moment."""

    roles: tuple[tuple[Permission, ...], ...]

    def allow(self, path: str, what: What, letter: Letter) -> bool:
        """Whether a role allows it. Paths are instantiated ones, or those of the model with `{i}`."""
        return any(_allowed(permissions, path, what, letter) for permissions in self.roles)


def _allowed(permissions: tuple[Permission, ...], path: str, what: What, letter: Letter) -> bool:
    for permission in permissions:  # the highest order first
        if permission.matches(path):
            return letter in permission.masks.get(what, "----")
    return False


def _matches(target: str, path: str) -> bool:
    if target.endswith(".") and "*" not in target and "{i}" not in target:
        return path.startswith(target)
    pattern = target.replace("{i}", "*")
    if not pattern.endswith("."):
        return pattern == path or fnmatchcase(path, pattern)
    wanted, have = pattern.rstrip(".").split("."), path.rstrip(".").split(".")
    return len(have) >= len(wanted) and all(
        one in ("*", other) for one, other in zip(wanted, have, strict=False)
    )


def rights_of(stored: Stored, controller: str | None) -> Rights:
    """The rights of the controller at that path (`Device.LocalAgent.Controller.1.`); None: an unknown one."""
    params = stored.row(controller) if controller is not None else None
    if params is None or params.get("Enable") == "false":
        names = _listed((stored.row(TRUST) or {}).get("UntrustedRole", ""))
    else:
        names = _listed(params.get("AssignedRole", "")) + _listed(params.get("InheritedRole", ""))
    return Rights(tuple(_permissions(stored, name) for name in names))


def _listed(text: str) -> list[str]:
    return [each.strip().rstrip(".") + "." for each in text.split(",") if each.strip()]


def _permissions(stored: Stored, role: str) -> tuple[Permission, ...]:
    params = stored.row(role)
    if params is None or params.get("Enable") != "true":
        return ()
    rows = [row for row in stored.rows(f"{role}Permission.").values() if row.get("Enable") == "true"]
    found = [
        Permission(
            int(row.get("Order", "0") or 0),
            tuple(each.strip() for each in row.get("Targets", "").split(",") if each.strip()),
            {what: row.get(what, "----") for what in ("Param", "Obj", "InstantiatedObj", "CommandEvent")},
        )
        for row in rows
    ]
    return tuple(sorted(found, key=lambda each: -each.order))
