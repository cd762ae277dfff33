"""Who asks: scopes, roles as bundles of scopes, callers. Default deny: what is not listed is refused."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import Struct


class Scope(StrEnum):
    """What an operation needs; every operation names exactly one, or none when anybody may call it."""

    BOX_READ = "box:read"
    JOBS_READ = "jobs:read"
    JOBS_CANCEL = "jobs:cancel"
    EVENTS_READ = "events:read"
    METRICS = "metrics"
    WIFI_READ = "wifi:read"
    WIFI_WRITE = "wifi:write"
    WIFI_REVEAL = "wifi:reveal"
    HOME_READ = "home:read"
    HOME_WRITE = "home:write"
    DVR_READ = "dvr:read"
    DVR_WRITE = "dvr:write"
    DVR_MANAGE = "dvr:manage"
    DIAGNOSTICS_READ = "diagnostics:read"
    DIAGNOSTICS_RUN = "diagnostics:run"
    ACCESS_SELF = "access:self"
    ACCESS_MANAGE = "access:manage"
    ACTIVITY_READ = "activity:read"
    PRIVACY = "privacy"
    UPKEEP_READ = "upkeep:read"
    UPKEEP_RESTART = "upkeep:restart"
    UPKEEP_MANAGE = "upkeep:manage"
    PORTAL_READ = "portal:read"
    PORTAL_MANAGE = "portal:manage"


Role = Literal["anonymous", "owner", "member", "viewer", "technician", "tool", "portal", "local"]
Via = Literal["http", "socket", "portal", "internal"]

_EVERYTHING = frozenset(Scope)
_VIEWER = frozenset(
    {Scope.BOX_READ, Scope.JOBS_READ, Scope.EVENTS_READ, Scope.HOME_READ, Scope.DVR_READ, Scope.ACCESS_SELF}
)
_MEMBER = _VIEWER | {
    Scope.WIFI_READ,
    Scope.WIFI_REVEAL,
    Scope.HOME_WRITE,
    Scope.DVR_WRITE,
    Scope.DIAGNOSTICS_READ,
    Scope.DIAGNOSTICS_RUN,
    Scope.JOBS_CANCEL,
}
# A technician never sees the Wi-Fi password, recordings, viewing history or accounts.
_TECHNICIAN = frozenset(
    {
        Scope.BOX_READ,
        Scope.JOBS_READ,
        Scope.JOBS_CANCEL,
        Scope.EVENTS_READ,
        Scope.WIFI_READ,
        Scope.WIFI_WRITE,
        Scope.HOME_READ,
        Scope.DIAGNOSTICS_READ,
        Scope.DIAGNOSTICS_RUN,
        Scope.ACCESS_SELF,
        Scope.UPKEEP_READ,
        Scope.UPKEEP_RESTART,
    }
)
# The most that a tool's token can be given: nothing of people, of keys, or of what leaves the house.
_TOOL = _EVERYTHING - {
    Scope.ACCESS_SELF,
    Scope.ACCESS_MANAGE,
    Scope.ACTIVITY_READ,
    Scope.PRIVACY,
    Scope.PORTAL_MANAGE,
    Scope.WIFI_REVEAL,
}
_PORTAL = _TECHNICIAN | {Scope.DVR_WRITE, Scope.UPKEEP_MANAGE, Scope.PORTAL_READ}

ROLES: dict[Role, frozenset[Scope]] = {
    "anonymous": frozenset(),
    "owner": _EVERYTHING,
    "member": _MEMBER,
    "viewer": _VIEWER,
    "technician": _TECHNICIAN,
    "tool": _TOOL,
    "portal": _PORTAL,
    "local": _EVERYTHING,
}

# Which scope lets one hear of a topic; what is not listed needs EVENTS_READ and is about the box itself.
TOPIC_SCOPES: dict[str, Scope] = {
    "jobs": Scope.JOBS_READ,
    "wifi": Scope.WIFI_READ,
    "home": Scope.HOME_READ,
    "devices": Scope.HOME_READ,
    "dvr": Scope.DVR_READ,
    "diagnostics": Scope.DIAGNOSTICS_READ,
    "access": Scope.ACCESS_MANAGE,
    "portal": Scope.PORTAL_READ,
    "upkeep": Scope.UPKEEP_READ,
}


class Shown(Struct, frozen=True, kw_only=True):
    """What a request shows to be let in, as it came: nothing of it is checked yet.

    `proof` is a DPoP header and `method` and `url` are what it has to be made for; `csrf` is what a page
    repeats beside its cookie; `address` is where the request comes from.
    """

    kind: Literal["none", "bearer", "dpop", "cookie", "ticket"] = "none"
    token: str = ""
    proof: str | None = None
    csrf: str | None = None
    method: str = "GET"
    url: str = ""
    address: str = ""


class Caller(Struct, frozen=True, kw_only=True):
    """Who asks, already authenticated: `id` is opaque (`session:01J...`, `uid:0`), never a name.

    `key` is the thumbprint (RFC 7638) of a key that the caller has proved to hold, also when nobody knows
    the caller yet; `address` is where it comes from; `fresh` says that it has proved itself anew just now.
    """

    id: str
    role: Role
    scopes: frozenset[Scope]
    via: Via
    key: str | None = None
    address: str = ""
    fresh: bool = False

    def may_hear(self, topic: str) -> bool:
        """Whether events of this topic may be told to this caller."""
        return TOPIC_SCOPES.get(topic.partition(".")[0], Scope.EVENTS_READ) in self.scopes


def anonymous(via: Via, *, key: str | None = None, address: str = "") -> Caller:
    """Somebody without a token, who may have proved to hold a key."""
    return Caller(id="anonymous", role="anonymous", scopes=frozenset(), via=via, key=key, address=address)


def local(uid: int) -> Caller:
    """A process on the box, known by its peer credentials."""
    return Caller(id=f"uid:{uid}", role="local", scopes=ROLES["local"], via="socket", fresh=True)


INTERNAL = Caller(id="box", role="local", scopes=ROLES["local"], via="internal", fresh=True)
"""The daemon itself."""
