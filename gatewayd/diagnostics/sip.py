"""Does the telephone's server let its telephone in? REGISTER or OPTIONS over UDP, TCP or TLS (RFC 3261).

With an account the box asks the registrar which telephones are registered, proving the password by digest.
That changes nothing: a REGISTER without Contact only fetches the bindings (10.2.3). Without an account
OPTIONS tells whether the server lives. No transaction is left open and no telephone rings.
"""

from __future__ import annotations

import asyncio
import errno
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Literal, NamedTuple, Protocol

from gatewayd.diagnostics import sip_digest
from gatewayd.diagnostics.service_results import PhoneOutcome
from gatewayd.diagnostics.sip_digest import Account
from gatewayd.diagnostics.sip_message import (
    MOST,
    Reply,
    bindings,
    content_length,
    host_of,
    read_reply,
    request,
)

Transport = Literal["udp", "tcp", "tls"]
Method = Literal["REGISTER", "OPTIONS"]
PORTS: dict[Transport, int] = {"udp": 5060, "tcp": 5060, "tls": 5061}
_T1, _T2 = 0.5, 4.0  # RFC 3261, 17.1.2.2
_ROUNDS = 3
"""Requests at most: one unproven, one proven, one with a fresh nonce when the first had run out."""
_INBOX = 32
_ACCOUNT = frozenset({402, 403, 404, 410, 603, 604})


class Line(NamedTuple):
    """Whom to ask and as whom: `user` of `domain` with `account`, or nobody. The certificate is `host`'s."""

    host: str
    address: str
    port: int
    transport: Transport = "udp"
    domain: str = ""
    user: str | None = None
    account: Account | None = None


class Answer(NamedTuple):
    """What came of it. `status` is the last final one; `bindings` how many telephones are registered;
    `algorithm` that of the digest; `ms` how long the server took for its last answer."""

    outcome: PhoneOutcome
    method: Method = "OPTIONS"
    status: int | None = None
    bindings: int | None = None
    algorithm: str | None = None
    ms: float | None = None


async def ask(line: Line, seconds: float) -> Answer:
    """Asks within `seconds`. Never raises for what a server does or does not do."""
    method: Method = "OPTIONS" if line.account is None else "REGISTER"
    try:
        async with asyncio.timeout(seconds), _open(line) as wire:
            return await _Dialogue(line, method, wire).run()
    except TimeoutError:
        return Answer("silent", method)
    except ssl.SSLCertVerificationError:
        return Answer("untrusted", method)
    except ssl.SSLError:
        return Answer("service", method)
    except ConnectionRefusedError:
        return Answer("refused", method)
    except (OSError, EOFError, asyncio.LimitOverrunError) as error:
        no_way = getattr(error, "errno", None) in (errno.ENETUNREACH, errno.EADDRNOTAVAIL)
        return Answer("unresolved" if no_way else "silent", method)


def meaning(method: Method, status: int, *, proven: bool) -> PhoneOutcome:
    """What a final status says of the account and the service; `proven`: the password was shown. Pure."""
    if method == "OPTIONS":
        # Whoever answers at all lives, also one that tells strangers nothing or does not know the question.
        return "service" if status >= 500 and status != 501 else "alive"
    if 200 <= status < 300:
        return "registered"
    if status in (401, 407):
        return "account" if proven else "unclear"
    if status in _ACCOUNT:
        return "account"
    return "service" if status == 408 or (status >= 500 and status != 501) else "unclear"


class _Wire(Protocol):
    """How requests get there."""

    here: str
    """Our own end as a Via names it."""
    repeated: bool
    """The last request was sent more than once: a server without memory may have taken its nonce as used."""

    async def ask(self, data: bytes, read: Callable[[bytes], Reply | None]) -> Reply:
        """The final response; waits for ever. Raises OSError."""
        ...


class _Dialogue:
    """One question, asked again with proof when the server wants it."""

    def __init__(self, line: Line, method: Method, wire: _Wire) -> None:
        self._line = line
        self._method: Method = method
        self._wire = wire
        self._call, self._tag = secrets.token_hex(12), secrets.token_hex(5)
        domain = host_of(line.domain or line.host)
        self._uri = f"sip:{domain}"
        self._aor = f"sip:{line.user}@{domain}" if line.user else f"sip:probe@{domain}"

    async def run(self) -> Answer:
        extra: tuple[tuple[str, str], ...] = ()
        algorithm = None
        for number in range(1, _ROUNDS + 1):
            reply, ms = await self._ask(number, extra)
            account = self._line.account
            challenge = self._challenge(reply) if account is not None else None
            if account is None or challenge is None:
                break
            if extra and not challenge.stale and not self._wire.repeated:
                break
            extra = (sip_digest.authorization(challenge, account, self._method, self._uri),)
            algorithm = challenge.algorithm
        outcome = meaning(self._method, reply.status, proven=bool(extra) and not self._wire.repeated)
        count = bindings(reply) if outcome == "registered" else None
        return Answer(
            "empty" if count == 0 else outcome, self._method, reply.status, count, algorithm, round(ms, 3)
        )

    async def _ask(self, number: int, extra: tuple[tuple[str, str], ...]) -> tuple[Reply, float]:
        branch = f"z9hG4bK{secrets.token_hex(8)}"
        data = request(
            self._method,
            self._uri,
            aor=self._aor,
            via=f"SIP/2.0/{self._line.transport.upper()} {self._wire.here};branch={branch};rport",
            call=self._call,
            tag=self._tag,
            number=number,
            extra=extra,
        )
        started = time.monotonic()
        reply = await self._wire.ask(data, lambda said: read_reply(said, self._call, number, self._method))
        return reply, (time.monotonic() - started) * 1000

    @staticmethod
    def _challenge(reply: Reply) -> sip_digest.Challenge | None:
        if reply.status not in (401, 407):
            return None
        proxy = reply.status == 407
        return sip_digest.choose(
            (proxy, value) for value in reply.all("proxy-authenticate" if proxy else "www-authenticate")
        )


@asynccontextmanager
async def _open(line: Line) -> AsyncIterator[_Wire]:
    if line.transport == "udp":
        loop = asyncio.get_running_loop()
        transport, wire = await loop.create_datagram_endpoint(
            _Datagrams, remote_addr=(line.address, line.port)
        )
        try:
            yield wire
        finally:
            transport.close()
        return
    context = await asyncio.to_thread(ssl.create_default_context) if line.transport == "tls" else None
    reader, writer = await asyncio.open_connection(
        line.address,
        line.port,
        limit=MOST,
        ssl=context,
        server_hostname=line.host if context is not None else None,
    )
    try:
        yield _Stream(reader, writer)
    finally:
        writer.transport.abort()


class _Datagrams(asyncio.DatagramProtocol):
    """UDP: the request is repeated until it is answered; nobody at the port twice is an answer, too."""

    def __init__(self) -> None:
        self.here = ""
        self.repeated = False
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue(_INBOX)
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport
        self.here = _place(transport.get_extra_info("sockname"))

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._keep(data)

    def error_received(self, exc: Exception) -> None:
        self._keep(None)

    def _keep(self, data: bytes | None) -> None:
        if not self._inbox.full():
            self._inbox.put_nowait(data)

    async def ask(self, data: bytes, read: Callable[[bytes], Reply | None]) -> Reply:
        assert self._transport is not None
        wait, refusals, sent = _T1, 0, 0
        while True:
            self._transport.sendto(data)
            sent += 1
            self.repeated = sent > 1
            try:
                async with asyncio.timeout(wait):
                    while (came := await self._inbox.get()) is not None:
                        reply = read(came)
                        if reply is not None and reply.status >= 200:
                            return reply
            except TimeoutError:
                wait = min(wait * 2, _T2)
                continue
            refusals += 1
            if refusals > 1:
                raise ConnectionRefusedError
            await asyncio.sleep(wait)


class _Stream:
    """TCP and TLS: messages follow one another, each says how long it is."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.repeated = False
        self.here = _place(writer.get_extra_info("sockname"))

    async def ask(self, data: bytes, read: Callable[[bytes], Reply | None]) -> Reply:
        self._writer.write(data)
        await self._writer.drain()
        while True:
            head = (await self._reader.readuntil(b"\r\n\r\n")).lstrip(b"\r\n")
            length = content_length(head)
            if length > MOST:
                raise ConnectionError("a message too long")
            await self._reader.readexactly(length)
            reply = read(head)
            if reply is not None and reply.status >= 200:
                return reply


def _place(name: tuple[object, ...]) -> str:
    return f"{host_of(str(name[0]))}:{name[1]}"
