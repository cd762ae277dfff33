"""A client for app developers: discover, pin, claim, call, follow.

It imports nothing of the daemon: what is here is all that an app needs to know. Names are imported when they
are asked for, so that a program that only calls does not wait for what looks for boxes.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gatewayd.client.claiming import claim_by_code, claim_by_qr, sign_in
    from gatewayd.client.client import Client, Event
    from gatewayd.client.errors import ClientError, Refused, Unreachable, WrongKey
    from gatewayd.client.looking import Found, discover
    from gatewayd.client.membership import Membership
    from gatewayd.client.proof import AppKey

_PLACES = {
    "AppKey": "proof",
    "Client": "client",
    "ClientError": "errors",
    "Event": "client",
    "Found": "looking",
    "Membership": "membership",
    "Refused": "errors",
    "Unreachable": "errors",
    "WrongKey": "errors",
    "claim_by_code": "claiming",
    "claim_by_qr": "claiming",
    "discover": "looking",
    "sign_in": "claiming",
}
__all__ = [
    "AppKey",
    "Client",
    "ClientError",
    "Event",
    "Found",
    "Membership",
    "Refused",
    "Unreachable",
    "WrongKey",
    "claim_by_code",
    "claim_by_qr",
    "discover",
    "sign_in",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
