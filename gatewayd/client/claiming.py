"""Becoming a member: by the code that somebody typed, by the QR code, by name and password."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from gatewayd.client.connection import Connection
from gatewayd.client.membership import Membership
from gatewayd.client.pin import seen_fingerprint
from gatewayd.client.proof import AppKey


async def claim_by_code(url: str, code: str, *, label: str, key: AppKey | None = None) -> Membership:
    """Redeems the 8-digit code that the box shows, without trusting the network in between.

    Whoever answers at `url` is pinned for the exchange, and the exchange shows whether it knew the code
    and saw the same key. Raises Refused, Unreachable, and WrongBox when somebody stands between.
    """
    from gatewayd.client.pake import ClaimByCode  # needs `spake2`, which reading a QR code does not

    seen = await seen_fingerprint(url)
    key = key or AppKey.generate()
    async with Connection(url, fingerprint=seen, key=key) as connection:
        start = await connection.post("/v1/access/claim/start", {})
        exchange = ClaimByCode(code, box=start["id"], salt=start["salt"] or "", fingerprint=seen.hex())
        answer = await connection.post("/v1/access/claim/start", {"message": exchange.message})
        granted = await connection.post(
            "/v1/access/claim/finish",
            {
                "exchange": answer["exchange"],
                "confirmation": exchange.confirm(answer["message"]),
                "label": label,
            },
        )
        exchange.check(granted["confirmation"])
    return _membership(url, start["id"], seen, key, granted)


async def claim_by_qr(
    text: str, *, label: str, url: str | None = None, key: AppKey | None = None
) -> Membership:
    """Redeems a QR code's text (`gatewayd://claim?...`): it holds the key to pin and the secret.

    `url` replaces the address in it. Raises ValueError (not such a text), Refused, Unreachable, WrongKey.
    """
    parts = urlsplit(text)
    fields = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if parts.scheme != "gatewayd" or parts.netloc != "claim" or not {"id", "secret", "spki"} <= fields.keys():
        raise ValueError("this is not the QR code of a box")
    url = url or f"https://{fields['host']}"
    pin, key = bytes.fromhex(fields["spki"]), key or AppKey.generate()
    async with Connection(url, fingerprint=pin, key=key) as connection:
        granted = await connection.post(
            "/v1/access/claim/finish", {"secret": fields["secret"], "label": label}
        )
    return _membership(url, fields["id"], pin, key, granted)


async def sign_in(
    url: str,
    name: str,
    password: str,
    *,
    fingerprint: str,
    label: str,
    code: str | None = None,
    key: AppKey | None = None,
) -> Membership:
    """Signs in with a password, and a code of the second factor where there is one.

    The password goes to whoever holds the key with this `fingerprint` (hexadecimal), so know it: from the
    box itself, or from an app that is paired. Raises Refused, Unreachable, WrongKey.
    """
    pin, key = bytes.fromhex(fingerprint), key or AppKey.generate()
    fields = {"name": name, "password": password, "label": label}
    if code is not None:
        fields["code"] = code
    async with Connection(url, fingerprint=pin, key=key) as connection:
        start = await connection.post("/v1/access/claim/start", {})
        granted = await connection.post("/v1/access/login", fields)
    return _membership(url, start["id"], pin, key, granted)


def _membership(url: str, box: str, fingerprint: bytes, key: AppKey, granted: dict[str, Any]) -> Membership:
    return Membership(
        url=url.rstrip("/"),
        box=box,
        fingerprint=fingerprint.hex(),
        key=key.to_pem().decode("ascii"),
        session=granted["session"],
        refresh_token=granted["refresh_token"],
        account=granted["account"],
        role=granted["role"],
    )
