"""The operations of the claim: becoming the owner, and adding a device of the owner."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from gatewayd.access import base64url
from gatewayd.access.claim import read_offer
from gatewayd.access.granted import SessionGranted, fields
from gatewayd.access.model import OwnerState
from gatewayd.access.service import AccessService
from gatewayd.operations import Context, Empty, Operation, Request, Result, Scope
from gatewayd.system.secret import Secret

_LOCK = "access.claim"


class ClaimStart(Request, frozen=True, kw_only=True):
    """An app's SPAKE2 `message` (33 bytes in base64url) begins an exchange; without one nothing begins."""

    message: Annotated[str, Meta(max_length=200)] | None = None


class ClaimStatus(Result, frozen=True, kw_only=True):
    """What a visitor may know: whether there is an owner, whether a code would be taken now and for
    how many seconds (null: until it is used), and the fingerprint to compare.

    `salt` (base64url; null when no code is open) goes before the digits of the code in what is agreed upon;
    `exchange` and `message` are the box's answer to an app's message.
    """

    id: str
    state: OwnerState
    open: bool
    closes_in: float | None
    fingerprint: str
    salt: str | None = None
    exchange: str | None = None
    message: str | None = None


class ClaimFinish(Request, frozen=True, kw_only=True):
    """One of three, and a `label` for the new session: the 8-digit `code` (a browser's way: whoever stands
    between would read it), the `secret` of the QR code, or an `exchange` with the app's `confirmation`."""

    code: Secret | None = None
    secret: Secret | None = None
    exchange: Annotated[str, Meta(max_length=64)] | None = None
    confirmation: Annotated[str, Meta(max_length=200)] | None = None
    label: str = "App"
    cookie: bool = False
    """For a browser: its token goes into a cookie that no script can read."""


class ClaimGranted(SessionGranted, frozen=True, kw_only=True):
    """A session of the owner's."""

    confirmation: str | None = None
    """The box's own, after an exchange: keep the token only if it is right."""


class PairingOpened(Result, frozen=True, kw_only=True):
    """A code to type, the secret and the text of the QR code; `expires_in` seconds."""

    code: str
    expires_in: float | None
    secret: str
    uri: str
    fingerprint: str


class _Handlers:
    def __init__(self, service: AccessService) -> None:
        self._service = service

    async def start(self, request: ClaimStart, context: Context) -> ClaimStatus:
        exchange, message = None, b""
        if request.message is not None:
            exchange, message = await self._service.begin_exchange(request.message)
        pairing, closes_in = await self._service.current_pairing()
        return ClaimStatus(
            id=self._service.box_id,
            state=self._service.state,
            open=pairing is not None,
            closes_in=closes_in,
            fingerprint=self._service.fingerprint,
            salt=None if pairing is None else base64url.encode(pairing.salt),
            exchange=exchange,
            message=None if exchange is None else base64url.encode(message),
        )

    async def finish(self, request: ClaimFinish, context: Context) -> ClaimGranted:
        offer = read_offer(
            code=None if request.code is None else request.code.reveal(),
            secret=None if request.secret is None else request.secret.reveal(),
            exchange=request.exchange,
            confirmation=request.confirmation,
        )
        granted, confirmation = await self._service.claim(
            context.unit, offer=offer, label=request.label, caller=context.caller, cookie=request.cookie
        )
        return ClaimGranted(
            **fields(granted),
            confirmation=None if confirmation is None else base64url.encode(confirmation),
        )

    async def open(self, request: Empty, context: Context) -> PairingOpened:
        opened = self._service.open_pairing(context.unit)
        return PairingOpened(
            code=opened.code,
            expires_in=opened.expires_in,
            secret=opened.secret,
            uri=opened.uri,
            fingerprint=self._service.fingerprint,
        )


def operations(service: AccessService) -> tuple[Operation, ...]:
    """The rows of the claim."""
    handlers = _Handlers(service)
    return (
        Operation(
            name="access.claim.start",
            summary="Whether the box has an owner and a claim code is open; begins an app's key exchange",
            request=ClaimStart,
            result=ClaimStatus,
            scope=None,
            method="POST",
            path="/access/claim/start",
            handler=handlers.start,
        ),
        Operation(
            name="access.claim.finish",
            summary="Become the owner, or add a device of the owner, with a claim code or a QR secret",
            request=ClaimFinish,
            result=ClaimGranted,
            scope=None,
            method="POST",
            path="/access/claim/finish",
            handler=handlers.finish,
            mutates=True,
            recovery="transaction",
            lock=_LOCK,
            status=201,
            secret_answer=True,
            session="begins",
        ),
        Operation(
            name="access.pairing.open",
            summary="Open a claim code and a QR code for five minutes",
            request=Empty,
            result=PairingOpened,
            scope=Scope.ACCESS_MANAGE,
            method="POST",
            path="/access/pairing/open",
            handler=handlers.open,
            mutates=True,
            recovery="transaction",
            lock=_LOCK,
            secret_answer=True,
            step_up=True,
        ),
    )
