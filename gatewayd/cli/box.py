"""The connection to a box: requests, refusals, events."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import urlencode

import aiohttp

from gatewayd.cli.catalogue import Catalogue, HttpRequest
from gatewayd.cli.member import load, store
from gatewayd.cli.refusals import Refused, Unreachable
from gatewayd.cli.target import Target, UnknownCertificate, shown_pin
from gatewayd.client import errors
from gatewayd.client.pin import PinnedKey

if TYPE_CHECKING:
    from gatewayd.client import Client, Event, Membership

CONNECT = 10.0
ANSWER = 120.0
"""Seconds. Some operations fetch something before they answer."""


class Answer(NamedTuple):
    """A success: the text as it came, and what it means."""

    text: str
    data: Any


class Box:
    """A box that one can ask; an async context manager."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._catalogue: Catalogue | None = None
        self._member: Client | None = None

    async def __aenter__(self) -> Self:
        target = self._target
        if target.member is not None:
            self._member = await _enter(target.member)
        headers = {} if target.token is None else {"Authorization": f"Bearer {target.token}"}
        self._session = aiohttp.ClientSession(
            target.base,
            connector=_connector(target),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT, sock_read=ANSWER),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._member is not None:
            await self._member.__aexit__(kind, error, trace)
        await self._session.close()
        if self._target.socket is None:
            await asyncio.sleep(0.03)  # TLS connections of WebSockets end some turns of the loop later

    async def catalogue(self) -> Catalogue:
        """What the box can be asked."""
        if self._catalogue is None:
            answer = await self.send(HttpRequest("GET", "/v1/openapi.json", None, mutates=False))
            self._catalogue = Catalogue(answer.data)
        return self._catalogue

    async def ask(
        self, operation: str, arguments: Mapping[str, Any] | None = None, *, key: str | None = None
    ) -> Answer:
        """Calls an operation by its name. Raises Refused or Unreachable."""
        request = (await self.catalogue()).request(operation, arguments or {})
        return await self.send(request, key=key)

    async def send(self, request: HttpRequest, *, key: str | None = None) -> Answer:
        """One request; a mutation gets an idempotency key of its own unless one is given."""
        if self._member is not None:
            with _refusing(self._target):
                data = await self._member.send(request, key or secrets.token_urlsafe(16))
            return Answer(json.dumps(data, ensure_ascii=False, separators=(",", ":")), data)
        headers = {}
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        if request.mutates:
            headers["Idempotency-Key"] = key or secrets.token_urlsafe(16)
        with self._reaching():
            async with self._session.request(
                request.method, request.path, data=request.body, headers=headers, allow_redirects=False
            ) as response:
                text = await response.text("utf-8")
                return _answer(response.status, text)

    @contextlib.asynccontextmanager
    async def events(
        self, topics: str, since: int | None = None, epoch: str | None = None
    ) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """The box's events until the connection ends. Raises Refused or Unreachable."""
        if self._member is not None:
            with _refusing(self._target):
                async with self._member.listening((topics,), since, epoch) as events:
                    yield _as_frames(events, self._target)
            return
        query: dict[str, Any] = {"topics": topics}
        if since is not None:
            query |= {"since": since, "epoch": epoch}
        path = f"/v1/events?{urlencode(query)}"
        with self._reaching():
            try:
                socket = await self._session.ws_connect(path, heartbeat=30.0, autoclose=False)
            except aiohttp.WSServerHandshakeError as error:
                # The handshake's answer has no body for us; the plain request says why.
                await self.send(HttpRequest("GET", path, None, mutates=False))
                raise Unreachable(f"{self._target} does not open its event stream: {error.status}.") from None
        try:
            yield self._frames(socket)
        finally:
            await socket.close()

    async def _frames(self, socket: aiohttp.ClientWebSocketResponse) -> AsyncIterator[dict[str, Any]]:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                yield json.loads(message.data)
        if socket.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION:
            raise Refused({"code": "access.session_revoked", "detail": "This session has ended."})

    @contextlib.contextmanager
    def _reaching(self) -> Iterator[None]:
        target = self._target
        try:
            yield
        except aiohttp.ServerFingerprintMismatch as error:
            raise Unreachable(
                f"{target} is not the box you mean: its fingerprint is {shown_pin(error.got.hex())}."
            ) from None
        except aiohttp.ClientConnectorCertificateError:
            raise UnknownCertificate(target) from None
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(_not_there(target, error.os_error)) from None
        except TimeoutError:
            raise Unreachable(f"{target} did not answer in time.") from None
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Unreachable(f"The connection to {target} broke: {error or type(error).__name__}.") from None


async def _enter(file: Path) -> Client:
    from gatewayd.client import Client

    async def save(member: Membership) -> None:
        await asyncio.to_thread(store, file, member)

    return await Client(await asyncio.to_thread(load, file), save=save).__aenter__()


async def _as_frames(events: AsyncIterator[Event], target: Target) -> AsyncIterator[dict[str, Any]]:
    with _refusing(target):
        async for event in events:
            yield event._asdict()


@contextlib.contextmanager
def _refusing(target: Target) -> Iterator[None]:
    """The client's refusals as the command line's."""
    try:
        yield
    except errors.Refused as refusal:
        raise Refused(refusal.problem) from None
    except errors.WrongKey as error:
        raise Unreachable(
            f"{target} is not the box you mean: its fingerprint is {shown_pin(error.got.hex())}."
        ) from None
    except errors.Unreachable as error:
        raise Unreachable(f"{error}.") from None


def _connector(target: Target) -> aiohttp.BaseConnector:
    if target.socket is not None:
        return aiohttp.UnixConnector(str(target.socket))
    if target.pin is not None:
        return aiohttp.TCPConnector(ssl=PinnedKey(target.pin))
    return aiohttp.TCPConnector(ssl=not target.insecure)


def _answer(status: int, text: str) -> Answer:
    try:
        data = json.loads(text) if text else None
    except ValueError:
        raise Unreachable(f"What answered is not a gatewayd: status {status}, no JSON.") from None
    if status >= 400:
        raise Refused(data if isinstance(data, dict) else {"detail": f"Status {status}."})
    return Answer(text, data)


def _not_there(target: Target, error: OSError) -> str:
    why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
    if target.socket is None:
        return f"Nobody answers at {target}: {why}."
    if isinstance(error, PermissionError):
        return f"You may not use {target.socket}: that takes root or the group gatewayd-admin."
    if isinstance(error, FileNotFoundError):
        return f"No gatewayd listens here: there is no {target.socket}. Is it running?"
    return f"No gatewayd answers at {target.socket}: {why}."
