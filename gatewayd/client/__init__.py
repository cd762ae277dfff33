"""A client for app developers: discover, pin, claim, call, follow.

It imports nothing of the daemon: what is here is all that an app needs to know.
"""

from gatewayd.client.claiming import claim_by_code, claim_by_qr, sign_in
from gatewayd.client.client import Client, Event
from gatewayd.client.discover import Found, discover
from gatewayd.client.errors import ClientError, Refused, Unreachable, WrongKey
from gatewayd.client.membership import Membership
from gatewayd.client.proof import AppKey

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
