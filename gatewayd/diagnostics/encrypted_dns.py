"""Does encrypted DNS get through: over TLS (RFC 7858) and over HTTPS (RFC 8484)? One question each."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Sequence
from typing import Any

from gatewayd.diagnostics import web
from gatewayd.diagnostics.lookup import endpoint
from gatewayd.diagnostics.results import EncryptedOutcome

DOT_PORT = 853
_ACCEPT = "application/dns-message"


async def over_tls(server: str, name: str, seconds: float) -> EncryptedOutcome:
    """Asks `address[:port]#host` for the address of `name`; the certificate must be the host's.

    Never raises for what a server does or does not do.
    """
    where, _, host = server.partition("#")
    address, port = endpoint(where, DOT_PORT)
    query = _query(name)
    try:
        async with asyncio.timeout(seconds):
            context = await asyncio.to_thread(ssl.create_default_context)
            reader, writer = await asyncio.open_connection(
                address, port, ssl=context, server_hostname=host or address
            )
            try:
                wire = query.to_wire()
                writer.write(len(wire).to_bytes(2, "big") + wire)
                await writer.drain()
                size = int.from_bytes(await reader.readexactly(2), "big")
                return _judged(query, await reader.readexactly(size))
            finally:
                writer.transport.abort()
    except TimeoutError:
        return "timeout"
    except ssl.SSLCertVerificationError:
        return "untrusted"
    except ConnectionRefusedError:
        return "refused"
    except (OSError, EOFError):
        return "broken"


async def over_https(url: str, name: str, resolvers: Sequence[str], seconds: float) -> EncryptedOutcome:
    """Asks a DoH server, whose own name is resolved through `resolvers`. Never raises for what it does."""
    query = _query(name)
    query.id = 0  # RFC 8484, 4.1: the same question is the same address
    asked = base64.urlsafe_b64encode(query.to_wire()).decode().rstrip("=")
    answer = await web.get(
        f"{url}{'&' if '?' in url else '?'}dns={asked}", resolvers, seconds, accept=_ACCEPT
    )
    if answer.status is None:
        return "timeout" if answer.failure == "timeout" else "broken"
    return _judged(query, answer.body) if answer.status == 200 else "broken"


def _query(name: str) -> Any:
    import dns.message

    return dns.message.make_query(name, "A")


def _judged(query: Any, wire: bytes) -> EncryptedOutcome:
    import dns.exception
    import dns.message

    try:
        answer = dns.message.from_wire(wire)
    except (dns.exception.DNSException, ValueError):
        return "broken"
    return "answered" if query.is_response(answer) and answer.rcode() == 0 else "broken"
