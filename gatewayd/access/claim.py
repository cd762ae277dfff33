"""Judging who wants in by what only somebody present can know: a typed code or the secret of a QR code."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec
import structlog

from gatewayd.access import base64url, codes, spake
from gatewayd.access.exchanges import Exchanges
from gatewayd.access.model import Pairing
from gatewayd.access.pairing import Pairings
from gatewayd.access.throttle import Backoff
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.system.clock import Clock

log = structlog.get_logger(__name__)


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What a claimant offers: a code's digits, a QR secret, or the app's confirmation of an exchange."""

    kind: Literal["code", "secret", "exchange"]
    value: str = ""
    exchange: str = ""
    confirmation: bytes = b""


class Claims:
    """Counts and judges tries at the open pairing. Its caller holds the claim's lock."""

    def __init__(
        self,
        pairings: Pairings,
        exchanges: Exchanges,
        guesses: Backoff,
        clock: Clock,
        failed: Callable[[str], Awaitable[None]],
    ) -> None:
        """`failed` is told of each wrong try."""
        self._pairings = pairings
        self._exchanges = exchanges
        self._guesses = guesses
        self._failed = failed
        self._clock = clock

    async def judge(self, pairing: Pairing, offer: Offer) -> bytes | None:
        """Returns when the offer is right: the box's own confirmation of an exchange, else None.

        The try is written down before it is judged. Raises GatewayError `access.claim_code_wrong`, a
        moment later, and `access.claim_exchange_ended` (which costs no try: nothing was judged).
        """
        if offer.kind == "exchange":
            reply = self._exchanges.take(offer.exchange, pairing)
            if reply is None:
                raise GatewayError(
                    "access.claim_exchange_ended",
                    "This exchange has ended. Begin another one with access.claim.start.",
                    field="exchange",
                )
            await self._pairings.count_try()
            if not reply.confirmed_by(offer.confirmation):
                await self._wrong()
            return reply.confirmation
        await self._pairings.count_try()
        stored = pairing.secret if offer.kind == "secret" else pairing.code
        if not codes.same(stored, pairing.salt, offer.value):
            await self._wrong()
        return None

    async def _wrong(self) -> None:
        self._guesses.failed()
        log.warning("access.claim_refused")
        await self._failed("claim")
        await self._clock.sleep(0.5 + secrets.randbelow(501) / 1000)
        sentence = "That is not the code."
        if await self._pairings.current() is None:
            sentence += " It cannot be tried any more: open another one at the box with gatewayctl pair."
        raise GatewayError("access.claim_code_wrong", sentence)


def read_offer(
    *, code: str | None, secret: str | None, exchange: str | None, confirmation: str | None
) -> Offer:
    """Exactly one of the three ways. Raises InvalidField."""
    if sum(value is not None for value in (code, secret, exchange)) != 1:
        raise InvalidField("code", "Give the code, or the secret of the QR code, or an exchange.")
    if (exchange is None) != (confirmation is None):
        raise InvalidField("confirmation", "An exchange goes with the app's confirmation of it.")
    if exchange is not None and confirmation is not None:
        raw = base64url.decode(confirmation)
        if raw is None or len(raw) != spake.CONFIRMATION_BYTES:
            raise InvalidField(
                "confirmation", f"A confirmation is {spake.CONFIRMATION_BYTES} bytes in base64url."
            )
        return Offer(kind="exchange", exchange=exchange, confirmation=raw)
    if secret is not None:
        return Offer(kind="secret", value=secret)
    digits = codes.read_code(code or "")
    if digits is None:
        raise InvalidField("code", f"The code has {codes.CODE_DIGITS} digits.")
    return Offer(kind="code", value=digits)
