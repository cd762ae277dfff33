"""A member's client: any operation by its name, tokens renewed as needed, events that resume."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode

import aiohttp

from gatewayd.client.catalogue import Catalogue, HttpRequest
from gatewayd.client.connection import Connection
from gatewayd.client.errors import Refused, Unreachable
from gatewayd.client.membership import Membership, Save
from gatewayd.client.proof import AppKey

EARLY = 30.0
"""Seconds before its end that an access token is renewed."""
LONGEST_PAUSE = 30.0


class Event(NamedTuple):
    """Something happened. `gap` in `type`: events were lost, so read again what matters."""

    epoch: str
    seq: int
    time: str
    type: str
    data: dict[str, Any]


async def _keep_nothing(_: Membership) -> None:
    pass


class Client:
    """A box as one of its members sees it; an async context manager.

    `save` is awaited with the membership whenever its refresh token has changed, before that is used.
    """

    def __init__(self, membership: Membership, *, save: Save = _keep_nothing) -> None:
        self.membership = membership
        self._save = save
        self._connection = Connection(
            membership.url,
            fingerprint=bytes.fromhex(membership.fingerprint),
            key=AppKey.from_pem(membership.key.encode("ascii")),
        )
        self._token: str | None = None
        self._renew_at = 0.0
        self._renewing = asyncio.Lock()
        self._catalogue: Catalogue | None = None

    async def __aenter__(self) -> Self:
        await self._connection.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.__aexit__(kind, error, trace)

    async def call(
        self, operation: str, arguments: dict[str, Any] | None = None, *, idempotency_key: str | None = None
    ) -> Any:
        """The answer of an operation (`wifi.networks.list`), its arguments in one flat object.

        A mutation whose reply was lost is made again under the same idempotency key: it is done once.
        Raises Refused and Unreachable.
        """
        request = (await self.catalogue()).request(operation, arguments or {})
        idempotency_key = idempotency_key or secrets.token_urlsafe(16)
        try:
            return await self.send(request, idempotency_key)
        except Unreachable:
            if not request.mutates:
                raise
        return await self.send(request, idempotency_key)

    async def catalogue(self) -> Catalogue:
        """What this box can be asked."""
        if self._catalogue is None:
            document = await self._connection.send(
                HttpRequest("GET", "/v1/openapi.json", None, mutates=False)
            )
            self._catalogue = Catalogue(document)
        return self._catalogue

    async def events(self, *topics: str) -> AsyncIterator[Event]:
        """Events of the topics (`wifi.*`; none means all), for ever.

        After a drop it comes back and goes on where it was; what the box no longer remembers is a `gap`.
        Raises Refused when the session has ended.
        """
        since: int | None = None
        epoch: str | None = None
        pause = 0.5
        while True:
            try:
                async with self.listening(topics, since, epoch) as frames:
                    async for event in frames:
                        since, epoch, pause = event.seq, event.epoch, 0.5
                        yield event
            except Unreachable:
                pause = min(LONGEST_PAUSE, pause * 2)
            await asyncio.sleep(pause)

    async def log_out(self) -> None:
        """Ends the session; the membership is worth nothing any more. Raises Refused, Unreachable."""
        await self.call("access.logout")
        self._token = None

    @contextlib.asynccontextmanager
    async def listening(
        self, topics: tuple[str, ...], since: int | None = None, epoch: str | None = None
    ) -> AsyncIterator[AsyncIterator[Event]]:
        """Events until the connection ends; `since` and `epoch` of the last one to go on after it.

        Inside the block the box already notes what happens for us: ask for the state there, then read the
        events, and nothing falls in between. Raises Refused, Unreachable.
        """
        ticket = (await self.call("access.tickets.create"))["ticket"]
        query: dict[str, Any] = {"topics": ",".join(topics) or "*", "ticket": ticket}
        if since is not None:
            query |= {"since": since, "epoch": epoch}
        async with self._connection.socket(f"/v1/events?{urlencode(query)}") as socket:
            yield _events(socket)

    async def send(self, request: HttpRequest, idempotency_key: str) -> Any:
        """One request with a good token, renewed where needed. Raises Refused, Unreachable."""
        token = await self._current()
        try:
            return await self._connection.send(request, token=token, idempotency_key=idempotency_key)
        except Refused as refusal:
            if refusal.code != "access.unauthenticated":
                raise
        await self._renew(token)
        return await self._connection.send(
            request, token=await self._current(), idempotency_key=idempotency_key
        )

    async def _current(self) -> str:
        token = self._token
        if token is None or time.monotonic() >= self._renew_at:
            await self._renew(token)
        assert self._token is not None  # just renewed
        return self._token

    async def _renew(self, stale: str | None) -> None:
        async with self._renewing:
            if self._token is not None and self._token != stale:
                return  # another call has done it meanwhile
            body = {"refresh_token": self.membership.refresh_token}
            began = time.monotonic()
            try:
                granted = await self._connection.post("/v1/access/refresh", body)
            except Unreachable:  # the reply may be lost: the same token gives the same answer again
                granted = await self._connection.post("/v1/access/refresh", body)
            self.membership.refresh_token = granted["refresh_token"]
            await self._save(self.membership)
            self._token = granted["token"]
            self._renew_at = began + granted["expires_in"] - EARLY


async def _events(socket: aiohttp.ClientWebSocketResponse) -> AsyncIterator[Event]:
    async for message in socket:
        if message.type is aiohttp.WSMsgType.TEXT:
            yield Event(**json.loads(message.data))
    if socket.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION:
        raise Refused({"code": "access.session_revoked", "detail": "This session has ended."})
