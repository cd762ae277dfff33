"""Refusals as HTTP answers (RFC 9457 problem details), and the headers that every answer carries."""

from __future__ import annotations

import math

import msgspec
from aiohttp import web

from gatewayd import wire
from gatewayd.api.style import STYLE_HASH
from gatewayd.errors import GatewayError

SECURITY_HEADERS = {
    "Server": "gatewayd",
    # The one inline style of our own pages is allowed by its hash; inline script never is.
    "Content-Security-Policy": (
        # A player fills its video element from memory (Media Source Extensions), which is a blob.
        f"default-src 'self'; style-src 'self' '{STYLE_HASH}'; media-src 'self' blob:;"
        " object-src 'none'; base-uri 'none';"
        " form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_CHALLENGES = {  # RFC 6750, section 3; RFC 9449, sections 7.1 and 9
    "access.dpop_nonce": 'DPoP error="use_dpop_nonce", algs="ES256"',
    "access.dpop_invalid": 'DPoP error="invalid_dpop_proof", algs="ES256"',
}
# No HSTS: with a certificate that the box signed itself, a browser would lock its owner out for good.


def respond(error: GatewayError) -> web.Response:
    """The answer that tells of `error`, complete with the headers that belong to it."""
    headers = dict(SECURITY_HEADERS)
    headers["Cache-Control"] = "no-store"
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if error.spec.status == 401:
        headers["WWW-Authenticate"] = _CHALLENGES.get(error.code, 'Bearer realm="gatewayd"')
    if error.spec.status == 426:
        headers["Upgrade"] = "websocket"
    return web.Response(
        status=error.spec.status,
        body=msgspec.json.encode(wire.problem(error)),
        content_type="application/problem+json",
        headers=headers,
    )
