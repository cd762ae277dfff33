"""One pinned connection: requests with proofs, refusals as exceptions."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import aiohttp

from gatewayd.client.catalogue import HttpRequest
from gatewayd.client.errors import Refused, Unreachable, WrongKey
from gatewayd.client.pin import PinnedKey
from gatewayd.client.proof import AppKey

CONNECT = 10.0
ANSWER = 120.0
"""Seconds. Some operations fetch something before they answer."""
HEARTBEAT = 30.0


class Connection:
    """A box at `url` that holds the key with this fingerprint; an async context manager.

    `key` is the app's: every request carries a proof of it, so what begins here is bound to it.
    """

    def __init__(self, url: str, *, fingerprint: bytes, key: AppKey | None = None) -> None:
        self.url = url.rstrip("/")
        self._fingerprint = fingerprint
        self._key = key
        self._nonce: str | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=PinnedKey(self._fingerprint)),
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT, sock_read=ANSWER),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()
        await asyncio.sleep(0.03)  # TLS connections of WebSockets end some turns of the loop later

    async def post(self, path: str, body: dict[str, Any], *, token: str | None = None) -> Any:
        """The answer of a POST. Raises Refused, Unreachable, WrongKey."""
        request = HttpRequest("POST", path, json.dumps(body).encode(), mutates=False)
        return await self.send(request, token=token)

    async def send(
        self, request: HttpRequest, *, token: str | None = None, idempotency_key: str | None = None
    ) -> Any:
        """The decoded answer of one request.

        When the box asks for another nonce the request is made once more: nothing was done before. Raises
        Refused, Unreachable, WrongKey.
        """
        try:
            return await self._send(request, token, idempotency_key)
        except Refused as refusal:
            if refusal.code != "access.dpop_nonce":
                raise
        return await self._send(request, token, idempotency_key)

    @contextlib.asynccontextmanager
    async def socket(self, path: str) -> Any:
        """A WebSocket. Raises Refused (without a reason: there is none in a handshake), Unreachable."""
        with self._reaching():
            try:
                # The box hangs up as soon as it has said goodbye: answering that would lose why it did.
                socket = await self._http.ws_connect(self.url + path, heartbeat=HEARTBEAT, autoclose=False)
            except aiohttp.WSServerHandshakeError as error:
                raise Refused({"code": "", "detail": f"The box answered {error.status}."}) from None
        try:
            yield socket
        finally:
            await socket.close()

    async def _send(self, request: HttpRequest, token: str | None, idempotency_key: str | None) -> Any:
        headers = self._headers(request, token)
        if request.mutates:
            headers["Idempotency-Key"] = idempotency_key or secrets.token_urlsafe(16)
        with self._reaching():
            async with self._http.request(
                request.method,
                self.url + request.path,
                data=request.body,
                headers=headers,
                allow_redirects=False,
            ) as response:
                self._nonce = response.headers.get("DPoP-Nonce", self._nonce)
                text = await response.text("utf-8")
                return _answer(response.status, text, response.headers.get("Retry-After"))

    def _headers(self, request: HttpRequest, token: str | None) -> dict[str, str]:
        headers = {} if request.body is None else {"Content-Type": "application/json"}
        if self._key is not None:
            url = self.url + request.path
            headers["DPoP"] = self._key.prove(request.method, url, nonce=self._nonce, token=token)
        if token is not None:
            headers["Authorization"] = f"{'Bearer' if self._key is None else 'DPoP'} {token}"
        return headers

    @contextlib.contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except aiohttp.ServerFingerprintMismatch as error:
            raise WrongKey(error.got) from None
        except TimeoutError:
            raise Unreachable(f"{self.url} did not answer in time") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(f"{self.url}: {error or type(error).__name__}") from None


def _answer(status: int, text: str, retry_after: str | None) -> Any:
    try:
        data = json.loads(text) if text else None
    except ValueError:
        raise Unreachable(f"what answered is not a gatewayd: status {status}, no JSON") from None
    if status >= 400:
        seconds = float(retry_after) if retry_after is not None and retry_after.isdigit() else None
        problem = data if isinstance(data, dict) else {"detail": f"Status {status}."}
        raise Refused(problem, retry_after=seconds)
    return data
