"""The tools for services: is the telephone registered, can mail be read and sent?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from gatewayd.diagnostics import mail_server, sip, telephone, tool_lookup, tool_targets
from gatewayd.diagnostics.checks.phone import told as phone_words
from gatewayd.diagnostics.claims import MAIL_FAILS
from gatewayd.diagnostics.lookup import endpoint
from gatewayd.diagnostics.mail_server import USES
from gatewayd.diagnostics.service_results import MailOutcome, MailUse, PhoneOutcome
from gatewayd.diagnostics.sip import Line, Transport
from gatewayd.diagnostics.tool_model import Target
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.operations import Request, Result
from gatewayd.settings import DiagnosticsSettings

Seconds = Annotated[float, msgspec.Meta(ge=0.5, le=15.0)]
_SUBMISSION = ("_submissions._tcp", "_submission._tcp")
_READING = ("_imaps._tcp", "_imap._tcp")
"""By preference: TLS from the start (RFC 6186, RFC 8314)."""
_MOST_EXCHANGERS = 3


class PhoneStart(Request, frozen=True, kw_only=True):
    """Asks the telephone server of the settings, with their account, which telephones are registered.

    Another `server` is only asked whether it lives: the account is not shown to it.
    """

    server: Target | None = None
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] | None = None
    transport: Literal["udp", "tcp", "tls"] | None = None
    timeout: Seconds = 5.0


class PhoneReport(Result, frozen=True, kw_only=True):
    """What the server said; see `PhoneOutcome`. `algorithm` is that of the digest."""

    server: str
    transport: Literal["udp", "tcp", "tls"]
    method: Literal["REGISTER", "OPTIONS"]
    outcome: PhoneOutcome
    sentence: str
    status: int | None = None
    bindings: int | None = None
    algorithm: str | None = None
    ms: float | None = None


class MailStart(Request, frozen=True, kw_only=True):
    """Tries the servers of a domain (by its MX and SRV records), or without one those of the settings."""

    domain: Target | None = None
    timeout: Seconds = 5.0


class MailServer(msgspec.Struct, frozen=True, kw_only=True):
    """One server: what it is for, how far it let us, and its first words (cut at 200 characters)."""

    target: str
    use: MailUse
    outcome: MailOutcome | Literal["unresolved", "forbidden"]
    address: str | None = None
    ms: float | None = None
    secure: bool | None = None
    text: str | None = None


class MailReport(Result, frozen=True, kw_only=True):
    """`ok`: every server for reading and sending greets, and a domain has somewhere for its mail to go."""

    ok: bool
    servers: tuple[MailServer, ...]
    domain: str | None = None
    lookup: Literal["found", "none", "refused", "failed"] | None = None
    exchangers: tuple[str, ...] = ()


async def phone(
    wanted: PhoneStart, targets: DiagnosticsSettings, resolvers: Sequence[str], *, own: bool = False
) -> PhoneReport:
    """One question. Raises InvalidField, GatewayError `diagnostics.not_set` without a server,
    `diagnostics.forbidden_target`, `settings.invalid` for a password file that cannot be read."""
    transport: Transport = wanted.transport or targets.sip_transport
    if wanted.server is None:
        if targets.sip_server is None:
            raise GatewayError(
                "diagnostics.not_set", "The settings name no telephone server; say which.", field="server"
            )
        if transport != targets.sip_transport or wanted.port is not None:
            # Whoever may run tools does not choose the way over which the account is proven.
            field = "port" if wanted.port is not None else "transport"
            raise InvalidField(field, "It can be chosen only together with a server.")
        server = targets.sip_server
        answer = await telephone.ask(targets, resolvers, wanted.timeout)
    else:
        server = wanted.server if wanted.port is None else _with_port(wanted.server, wanted.port)
        answer = await _stranger(wanted, server, transport, resolvers, own)
    return PhoneReport(
        server=server,
        transport=transport,
        method=answer.method,
        outcome=answer.outcome,
        sentence=phone_words(server, answer),
        status=answer.status,
        bindings=answer.bindings,
        algorithm=answer.algorithm,
        ms=answer.ms,
    )


async def _stranger(
    wanted: PhoneStart, server: str, transport: Transport, resolvers: Sequence[str], own: bool
) -> sip.Answer:
    assert wanted.server is not None
    name = wanted.server.strip("[]")
    if not tool_targets.is_address(name):
        tool_targets.checked_name(name, "server")
    host, address, port = await telephone.find(server, transport, resolvers)
    if address is None:
        return sip.Answer("unresolved")
    address = await tool_targets.address_of(address, "any", (), own=own, field="server")
    return await sip.ask(Line(host, address, port, transport), wanted.timeout)


async def mail(
    wanted: MailStart, targets: DiagnosticsSettings, resolvers: Sequence[str], *, own: bool = False
) -> MailReport:
    """All servers at the same time. Raises GatewayError `diagnostics.not_set`, InvalidField."""
    domain = wanted.domain or targets.mail_domain
    if wanted.domain is not None:
        tool_targets.checked_name(wanted.domain, "domain")
    found = None
    targeted: list[tuple[str, int]] = []
    if domain is not None:
        found = await mail_server.exchangers(domain, resolvers)
        targeted += [(host, 25) for host in found.hosts[:_MOST_EXCHANGERS]]
    if wanted.domain is None:
        targeted += [endpoint(one, 0) for one in targets.mail_servers]
    else:
        for services in (_SUBMISSION, _READING):
            targeted += await _served(services, wanted.domain, resolvers)
    if not targeted and domain is None:
        raise GatewayError(
            "diagnostics.not_set", "The settings name no mail servers; say which domain.", field="domain"
        )
    servers = await asyncio.gather(
        *(_server(host, port, resolvers, wanted.timeout, own) for host, port in targeted)
    )
    good = all(one.use == "deliver" or one.outcome not in (*MAIL_FAILS, "untrusted") for one in servers)
    return MailReport(
        ok=good and (found is None or found.lookup == "found"),
        servers=tuple(servers),
        domain=domain,
        lookup=None if found is None else found.lookup,
        exchangers=() if found is None else found.hosts,
    )


async def _served(services: Sequence[str], domain: str, resolvers: Sequence[str]) -> list[tuple[str, int]]:
    """The best server of the first service that the domain offers."""
    for service in services:
        if found := await tool_lookup.services(f"{service}.{domain}", resolvers):
            return found[:1]
    return []


async def _server(host: str, port: int, resolvers: Sequence[str], seconds: float, own: bool) -> MailServer:
    name, use = _with_port(host, port), USES.get(port, "other")
    try:
        address = await tool_targets.address_of(host, "any", resolvers, own=own)
    except GatewayError as error:
        forbidden = error.code == "diagnostics.forbidden_target"
        return MailServer(target=name, use=use, outcome="forbidden" if forbidden else "unresolved")
    greeting = await mail_server.greet(host, address, port, seconds)
    return MailServer(
        target=name,
        use=use,
        outcome=greeting.outcome,
        address=address,
        ms=greeting.ms,
        secure=greeting.secure,
        text=greeting.text,
    )


def _with_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host.strip("[]") else f"{host}:{port}"
