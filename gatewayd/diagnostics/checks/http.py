"""Does the web answer, or somebody in its place?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from urllib.parse import urlsplit

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.results import AddressResult, HttpOutcome, HttpResult, LinkResult
from gatewayd.diagnostics.world import Captive, HttpAnswer
from gatewayd.errors import GatewayError

TIMEOUT = 4.5
_OFFER, _API = 1.5, 2.0
"""Seconds for DHCP to name a portal's API, and for that to answer."""
_EXPECTED = 204
_ASKS = (b"<form", b'http-equiv="refresh"', b"location.href", b"location.replace")
_PORTAL = 511  # Network Authentication Required (RFC 6585, 6)


class HttpCheck(Check[HttpResult]):
    """A plain GET whose only right answer is 204 without a body; beside it the same over TLS. Whoever answers
    in the web's place is asked by the API that DHCP names, where it does (RFC 8910)."""

    result = HttpResult
    needs = (LinkResult, AddressResult)
    limit = TIMEOUT + _OFFER + _API + 1.0

    async def run(self, around: Surroundings) -> HttpResult:
        url, secure_url = around.targets.http_probe_url, around.targets.https_probe_url
        if url is None:
            return self.without("skipped", "No probe address is set.")
        resolvers = await around.resolvers()
        asked = [around.world.get(one, resolvers, TIMEOUT) for one in (url, secure_url) if one is not None]
        answer, *secure = await asyncio.gather(*asked)
        outcome = judge_answer(url, answer)
        told = await _portal(around, resolvers) if outcome in ("redirect", "replaced") else None
        return HttpResult(
            status="ok" if outcome == "expected" else "warn" if outcome == "unexpected" else "failed",
            detail=_told(outcome, answer),
            outcome=outcome,
            http_status=answer.status,
            location=answer.location,
            ms=answer.ms,
            sign_in=any(word in answer.body.lower() for word in _ASKS),
            https=judge_answer(secure_url, secure[0]) if secure_url is not None else None,
            captive=None if told is None else told.captive,
            portal=None if told is None else told.page,
        )


async def _portal(around: Surroundings, resolvers: Sequence[str]) -> Captive | None:
    """What the network's own API says, where its DHCP server names one (RFC 8910, RFC 8908)."""
    interface = around.result(LinkResult).interface
    try:
        offers = (await around.world.dhcp(interface or "", _OFFER)).offers
    except (GatewayError, OSError):
        return None
    named = next((offer.portal for offer in offers if offer.portal is not None), None)
    return None if named is None else await around.world.captive(named, resolvers, _API)


def judge_answer(url: str, answer: HttpAnswer) -> HttpOutcome:
    """What an answer to the probe means. A redirect within the probe's own host is its owner's affair."""
    if answer.status is None:
        return (
            "timeout"
            if answer.failure == "timeout"
            else ("unresolved" if answer.failure == "unresolved" else "unreachable")
        )
    if answer.status == _EXPECTED and not answer.body:
        return "expected"
    if 300 <= answer.status < 400:
        return "unexpected" if _host(answer.location) in ("", _host(url)) else "redirect"
    if answer.status in (200, _PORTAL) or (answer.status == _EXPECTED and answer.body):
        return "replaced"
    return "unexpected"


def _host(url: str | None) -> str:
    try:
        return (urlsplit(url or "").hostname or "").lower()
    except ValueError:
        return ""


def _told(outcome: HttpOutcome, answer: HttpAnswer) -> str:
    match outcome:
        case "expected":
            return "The web answers as it should."
        case "redirect":
            return f"Somebody answers in the web's place and points to {_host(answer.location)}."
        case "replaced":
            return f"Somebody answers in the web's place, with a page (status {answer.status})."
        case "unexpected":
            return f"The probe's server answers with status {answer.status} where 204 is due."
        case "unresolved":
            return "The name of the probe's server is not resolved."
        case "timeout":
            return "The probe's server does not answer in time."
        case "unreachable":
            return "The probe's server is not reachable."
