"""A client of RTSP servers (RFC 2326): describe, set up and play over the one TCP connection it makes.

RTP comes interleaved with the answers, so nothing is received from an address that was not checked.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from base64 import b64encode
from typing import NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from gatewayd.dvr.media.sdp import MOST_BYTES
from gatewayd.dvr.media.words import status_line
from gatewayd.errors import GatewayError
from gatewayd.system.fetch import guarded_connection

PORT = 554
OPEN_SECONDS = 10.0
MOST_HEADERS = 100
MOST_REDIRECTS = 3
KEEP_ALIVE = 60.0
"""Seconds after which a server that names no time may forget a session (RFC 2326, 12.37)."""
_INTERLEAVED = 0x24
_PARAMETER = re.compile(r'([a-zA-Z]+)="?([^",]*)"?')


class Answer(NamedTuple):
    """A server's answer; names of headers in small letters."""

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes


class Packet(NamedTuple):
    """What came on an interleaved channel."""

    channel: int
    data: bytes


class Address(NamedTuple):
    """An address taken apart; `url` without the credentials."""

    url: str
    host: str
    port: int
    user: str
    password: str


def address_of(url: str) -> Address:
    """Takes `rtsp://user:password@host:port/path` apart. Raises GatewayError `dvr.source_unreachable`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or PORT
    except ValueError:
        host = None
    if not host or parts.scheme != "rtsp":
        raise GatewayError("dvr.source_unreachable", "The address of the source is not an rtsp:// address.")
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
    return Address(bare, host, port, unquote(parts.username or ""), unquote(parts.password or ""))


class RtspClient:
    """One connection. Close it; what it raises are GatewayErrors of sources."""

    def __init__(self, address: Address, *, allow_loopback: bool) -> None:
        self.address = address
        self._allow_loopback = allow_loopback
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None
        self._sequence = 0
        self._session: str | None = None
        self._challenge: dict[str, str] | None = None
        self.keep_alive = KEEP_ALIVE

    async def connect(self) -> None:
        """Raises GatewayError `dvr.source_unreachable`, `dvr.forbidden_address`."""
        self._reader, self._writer = await guarded_connection(
            self.address.host, self.address.port, allow_loopback=self._allow_loopback, seconds=OPEN_SECONDS
        )

    def close(self) -> None:
        """Says goodbye without waiting, and drops the connection."""
        if self._writer is not None:
            if self._session is not None and not self._writer.is_closing():
                self._send("TEARDOWN", self.address.url, {})
            self._writer.close()

    async def ask(self, method: str, url: str, **headers: str) -> Answer:
        """Sends a request and waits for its answer; packets that come meanwhile are dropped.

        Credentials are sent when the server asks for them. Raises GatewayError
        `dvr.source_http_status` for what is not 200, `dvr.source_unreachable`, `dvr.source_ended`.
        """
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                answer = await self._exchange(method, url, headers)
                if answer.status == 401 and self.address.user and "www-authenticate" in answer.headers:
                    self._challenge = _challenge(answer.headers["www-authenticate"])
                    answer = await self._exchange(method, url, headers)
        except TimeoutError:
            detail = f"No answer to {method} within {OPEN_SECONDS:g} s."
            raise GatewayError("dvr.source_unreachable", detail) from None
        if answer.status != 200 and not 300 <= answer.status < 400:
            detail = f"The source answered {method} with {status_line(answer.status, answer.reason)}."
            raise GatewayError("dvr.source_http_status", detail)
        if "session" in answer.headers:
            self._session, _, rest = answer.headers["session"].partition(";")
            timeout = re.search(r"timeout=(\d{1,5})", rest)
            self.keep_alive = max(5.0, float(timeout.group(1))) if timeout else KEEP_ALIVE
        return answer

    async def next(self) -> Packet | Answer:
        """What comes next. Raises GatewayError `dvr.source_ended`, `dvr.not_a_transport_stream`."""
        try:
            first = (await self._reader.readexactly(1))[0]
            if first != _INTERLEAVED:
                return await self._answer(first)
            head = await self._reader.readexactly(3)
            return Packet(head[0], await self._reader.readexactly(head[1] << 8 | head[2]))
        except (asyncio.IncompleteReadError, OSError) as error:
            raise GatewayError("dvr.source_ended", "The source closed the connection.") from error
        except (ValueError, asyncio.LimitOverrunError) as error:
            detail = "The source does not speak RTSP."
            raise GatewayError("dvr.not_a_transport_stream", detail) from error

    def remind(self) -> None:
        """Asks for nothing, so that the server keeps the session; the answer comes by `next`."""
        self._send("OPTIONS", self.address.url, {})

    async def _exchange(self, method: str, url: str, headers: dict[str, str]) -> Answer:
        sequence = self._send(method, url, headers)
        while True:
            got = await self.next()
            if isinstance(got, Answer) and got.headers.get("cseq", str(sequence)) == str(sequence):
                return got

    def _send(self, method: str, url: str, headers: dict[str, str]) -> int:
        assert self._writer is not None
        self._sequence += 1
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self._sequence}", "User-Agent: gatewayd"]
        if self._session is not None:
            lines.append(f"Session: {self._session}")
        if self._challenge is not None:
            lines.append(f"Authorization: {self._credentials(method, url)}")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        return self._sequence

    async def _answer(self, first: int) -> Answer:
        """Raises ValueError when it is none."""
        line = (bytes([first]) + await self._reader.readuntil(b"\n")).decode(errors="replace")
        version, _, rest = line.strip().partition(" ")
        status, _, reason = rest.partition(" ")
        if not version.startswith("RTSP/") or not re.fullmatch(r"[0-9]{3}", status):
            raise ValueError("not an answer")
        headers: dict[str, str] = {}
        for _ in range(MOST_HEADERS):
            line = (await self._reader.readuntil(b"\n")).decode(errors="replace").strip()
            if not line:
                break
            name, _, value = line.partition(":")
            name = name.strip().lower()
            if name == "www-authenticate" and name in headers and not value.strip().startswith("Digest"):
                continue  # the safer of two offers
            headers[name] = value.strip()
        else:
            raise ValueError("too many headers")
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > MOST_BYTES:
            raise ValueError("a body of unknown or too great length")
        body = await self._reader.readexactly(int(length))
        return Answer(int(status), reason[:80], headers, body)

    def _credentials(self, method: str, url: str) -> str:
        """Basic or Digest (RFC 7616; MD5 is what RTSP servers know)."""
        told, user, password = self._challenge or {}, self.address.user, self.address.password
        if told.get("scheme") == "basic":
            return "Basic " + b64encode(f"{user}:{password}".encode()).decode()
        realm, nonce = told.get("realm", ""), told.get("nonce", "")
        secret, asked = _md5(f"{user}:{realm}:{password}"), _md5(f"{method}:{url}")
        fields = {"username": user, "realm": realm, "nonce": nonce, "uri": url}
        tail = ""
        if "auth" in told.get("qop", ""):
            once = os.urandom(8).hex()
            fields["response"] = _md5(f"{secret}:{nonce}:00000001:{once}:auth:{asked}")
            tail = f', qop=auth, nc=00000001, cnonce="{once}"'
        else:
            fields["response"] = _md5(f"{secret}:{nonce}:{asked}")
        if "opaque" in told:
            fields["opaque"] = told["opaque"]
        return "Digest " + ", ".join(f'{name}="{value}"' for name, value in fields.items()) + tail


def _challenge(text: str) -> dict[str, str]:
    scheme, _, rest = text.partition(" ")
    return {name.lower(): value for name, value in _PARAMETER.findall(rest)} | {"scheme": scheme.lower()}


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
