"""Can a service be reached, and what does it show of itself: TCP, TLS, HTTP, one step after the other."""

from __future__ import annotations

import asyncio
import hashlib
import os
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from gatewayd.diagnostics.tool_lookup import clean
from gatewayd.diagnostics.tool_model import Certificate, ProbeResult, ProbeStart, ProbeStep
from gatewayd.diagnostics.tool_targets import address_of
from gatewayd.errors import GatewayError, InvalidField

PORTS = {"tls": 443, "http": 80, "https": 443}
_MOST_BODY = 64 * 1024
_MOST_NAMES = 20
Told = Callable[[ProbeResult], None]


async def probe(
    wanted: ProbeStart, resolvers: Sequence[str], *, own: bool = False, told: Told = lambda so_far: None
) -> ProbeResult:
    """Goes as far as it gets: a step that fails is a result. `own` allows the box's own addresses (tests).

    Raises InvalidField without a port for tcp, GatewayError `diagnostics.forbidden_target`.
    """
    port = wanted.port or PORTS.get(wanted.kind)
    if port is None:
        raise InvalidField("port", "A TCP probe needs a port from 1 to 65535.")
    return await _Run(wanted, port, told).all(resolvers, own)


class _Run:
    """One probe: what it has found so far, and the step that it is at."""

    def __init__(self, wanted: ProbeStart, port: int, told: Told) -> None:
        self._wanted = wanted
        self._port = port
        self._told = told
        self._found = ProbeResult(target=wanted.target, kind=wanted.kind, port=port, ok=False, steps=())

    async def all(self, resolvers: Sequence[str], own: bool) -> ProbeResult:
        steps: list[tuple[Any, Callable[[], Awaitable[str]]]] = [
            ("resolve", lambda: self._resolve(resolvers, own)),
            ("connect", self._connect),
        ]
        if self._wanted.kind in ("tls", "https"):
            steps.append(("tls", self._tls))
        if self._wanted.kind in ("http", "https"):
            steps.append(("http", self._http))
        for step, work in steps:
            if not await self._step(step, work):
                return self._found
        self._found = msgspec.structs.replace(self._found, ok=True)
        return self._found

    async def _step(self, name: Any, work: Callable[[], Awaitable[str]]) -> bool:
        started, ok = time.monotonic(), False
        try:
            async with asyncio.timeout(self._wanted.timeout):
                detail = await work()
            ok = True
        except TimeoutError:
            detail = f"no answer within {self._wanted.timeout:g} s"
        except GatewayError as error:
            if error.code != "diagnostics.unresolved":
                raise
            detail = error.detail
        except ssl.SSLError as error:
            detail = clean(error.reason or "the handshake failed").lower().replace("_", " ")
        except OSError as error:
            detail = os.strerror(error.errno).lower() if error.errno else "the connection broke"
        step = ProbeStep(step=name, ok=ok, ms=round((time.monotonic() - started) * 1000, 3), detail=detail)
        self._found = msgspec.structs.replace(self._found, steps=(*self._found.steps, step))
        self._told(self._found)
        return ok

    async def _resolve(self, resolvers: Sequence[str], own: bool) -> str:
        address = await address_of(self._wanted.target, self._wanted.family, resolvers, own=own)
        self._found = msgspec.structs.replace(self._found, address=address)
        return address

    async def _connect(self) -> str:
        _, writer = await asyncio.open_connection(self._found.address, self._port)
        writer.transport.abort()  # the handshake was the question
        return f"port {self._port} is open"

    async def _tls(self) -> str:
        """Two handshakes when need be: to be told why not to trust, and to see what is shown."""
        trusted, reason = True, None
        try:
            session = await self._handshake(await asyncio.to_thread(ssl.create_default_context))
        except ssl.SSLCertVerificationError as error:
            trusted, reason = False, clean(error.verify_message or "not trusted")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            session = await self._handshake(context)
        shown = session.getpeercert(binary_form=True)
        self._found = msgspec.structs.replace(
            self._found,
            tls_version=session.version(),
            cipher=(session.cipher() or ("",))[0],
            certificate=None if shown is None else _certificate(shown, trusted, reason),
        )
        return f"{session.version()}" + ("" if trusted else f", but the certificate is not trusted: {reason}")

    async def _handshake(self, context: ssl.SSLContext) -> ssl.SSLObject:
        _, writer = await asyncio.open_connection(
            self._found.address,
            self._port,
            ssl=context,
            server_hostname=self._wanted.target.removesuffix("."),
        )
        session: ssl.SSLObject = writer.get_extra_info("ssl_object")
        writer.transport.abort()
        return session

    async def _http(self) -> str:
        import aiohttp

        from gatewayd.diagnostics.web import pinned

        host, address = self._wanted.target.removesuffix("."), self._found.address or ""
        scheme = self._wanted.kind
        name = f"[{host}]" if ":" in host else host
        port = "" if self._port == PORTS[scheme] else f":{self._port}"
        try:
            async with (
                aiohttp.ClientSession(
                    connector=pinned(host, address),
                    trust_env=False,
                    cookie_jar=aiohttp.DummyCookieJar(),
                    headers={"User-Agent": "gatewayd"},
                ) as session,
                # What the certificate is worth was said in the step before; here the answer is wanted.
                session.get(
                    f"{scheme}://{name}{port}{self._wanted.path}", allow_redirects=False, ssl=False
                ) as answer,
            ):
                body = await answer.content.read(_MOST_BODY)
                location, server = answer.headers.get("Location"), answer.headers.get("Server")
        except aiohttp.ClientError as error:
            raise OSError(getattr(error, "errno", None), "no HTTP answer") from error
        self._found = msgspec.structs.replace(
            self._found,
            status=answer.status,
            location=None if location is None else clean(location),
            server=None if server is None else clean(server),
            body_bytes=len(body),
        )
        return f"status {answer.status}"


def _certificate(shown: bytes, trusted: bool, reason: str | None) -> Certificate:
    from cryptography import x509
    from cryptography.x509.oid import ExtensionOID

    read = x509.load_der_x509_certificate(shown)
    try:
        alternatives = read.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
        names = [str(one.value) for one in alternatives]  # type: ignore[attr-defined]
    except (x509.ExtensionNotFound, ValueError):
        names = []
    return Certificate(
        subject=clean(read.subject.rfc4514_string()),
        issuer=clean(read.issuer.rfc4514_string()),
        names=tuple(clean(one) for one in names[:_MOST_NAMES]),
        not_before=read.not_valid_before_utc.isoformat(),
        not_after=read.not_valid_after_utc.isoformat(),
        sha256=hashlib.sha256(shown).hexdigest(),
        trusted=trusted,
        reason=reason,
    )
