"""Does a mail server greet (RFC 5321, 3501, 1939), and has a domain's mail somewhere to go (its MX records)?

Nobody logs in and nothing is sent: the server's first words are heard, then the probe says goodbye.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Sequence
from typing import Literal, NamedTuple

from gatewayd.diagnostics import tool_lookup
from gatewayd.diagnostics.service_results import MailOutcome, MailUse
from gatewayd.diagnostics.tool_lookup import clean
from gatewayd.diagnostics.tool_model import LookupRecord

USES: dict[int, MailUse] = {
    993: "read", 143: "read", 995: "read", 110: "read", 465: "send", 587: "send", 25: "deliver",
}  # fmt: skip
"""By port: IMAP and POP (RFC 8314), submission (RFC 6409), delivery between servers."""
_TLS = frozenset({993, 995, 465})
_SMTP = frozenset({25, 465, 587})
_GOODBYES = {993: b"a LOGOUT\r\n", 143: b"a LOGOUT\r\n"}
_LONGEST = 2048
_MOST_LINES = 40
_LOOKUP = 1.5


class Greeting(NamedTuple):
    """How far a server let us: `secure` whether TLS is spoken or (SMTP) offered, None where nobody asked;
    `text` its first words, cut."""

    outcome: MailOutcome
    ms: float | None = None
    secure: bool | None = None
    text: str | None = None


class Exchangers(NamedTuple):
    """Where a domain's mail goes, the best first: `none` nowhere, `refused` it takes none (RFC 7505)."""

    lookup: Literal["found", "none", "refused", "failed"]
    hosts: tuple[str, ...] = ()


async def greet(host: str, address: str, port: int, seconds: float) -> Greeting:
    """Connects to `address` as `host`, and listens, within `seconds`. Never raises for what a server does."""
    started = time.monotonic()
    connected: MailOutcome | None = None

    def ms() -> float:
        return round((time.monotonic() - started) * 1000, 3)

    try:
        async with asyncio.timeout(seconds):
            context = await asyncio.to_thread(ssl.create_default_context) if port in _TLS else None
            reader, writer = await asyncio.open_connection(address, port, limit=_LONGEST)
            connected = "mute"
            try:
                if context is not None:
                    await writer.start_tls(context, server_hostname=host)
                if port not in USES:
                    return Greeting("connected", ms())
                return await _listen(reader, writer, port, ms())
            finally:
                writer.transport.abort()
    except TimeoutError:
        return Greeting(connected or "timeout")
    except ssl.SSLCertVerificationError:
        return Greeting("untrusted", ms())
    except ConnectionRefusedError:
        return Greeting("refused")
    except (OSError, EOFError, ValueError):
        return Greeting(connected or "unreachable")


async def _listen(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, ms: float
) -> Greeting:
    first = await reader.readline()
    if not first:
        return Greeting("mute")
    text = clean(first.decode("utf-8", errors="replace").strip())
    if not first.startswith((b"220", b"* OK", b"* PREAUTH", b"+OK")):
        return Greeting("turned_away", ms, text=text)
    secure = True if port in _TLS else None
    if port in _SMTP and secure is None:
        while first[3:4] == b"-":
            first = await reader.readline()
        secure = await _offers_tls(reader, writer)
    writer.write(_GOODBYES.get(port, b"QUIT\r\n"))
    await writer.drain()
    return Greeting("greeted", ms, secure, text)


async def _offers_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """STARTTLS (RFC 3207) among what the server says it can do."""
    own = str(writer.get_extra_info("sockname")[0])
    literal = f"[IPv6:{own}]" if ":" in own else f"[{own}]"
    writer.write(f"EHLO {literal}\r\n".encode())
    await writer.drain()
    for _ in range(_MOST_LINES):
        line = await reader.readline()
        if line[4:].strip().upper() == b"STARTTLS":
            return True
        if line[3:4] != b"-":
            break
    return False


async def exchangers(domain: str, resolvers: Sequence[str]) -> Exchangers:
    """A domain's MX records, or the domain itself when it has none but an address (RFC 5321, 5.1)."""
    for resolver in resolvers[:3]:
        answer = await tool_lookup.ask(resolver, domain, "MX", seconds=_LOOKUP, tries=1)
        if answer.outcome != "answered" or answer.code not in ("NOERROR", "NXDOMAIN"):
            continue
        found = sorted(_read(record) for record in answer.records if record.type == "MX")
        hosts = tuple(name for _, name in found)
        if hosts == ("",):
            return Exchangers("refused")
        if hosts:
            return Exchangers("found", tuple(one for one in hosts if one))
        for kind in ("A", "AAAA"):
            plain = await tool_lookup.ask(resolver, domain, kind, seconds=_LOOKUP, tries=1)
            if any(record.type == kind for record in plain.records):
                return Exchangers("found", (domain,))
        return Exchangers("none")
    return Exchangers("failed")


def _read(record: LookupRecord) -> tuple[int, str]:
    preference, _, name = record.data.partition(" ")
    return int(preference) if preference.isdecimal() else 65535, name.strip().removesuffix(".")
