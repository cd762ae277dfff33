"""The telephone's server as the settings name it: found by SRV records (RFC 3263), then asked."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from pathlib import Path

from gatewayd.diagnostics import sip, tool_lookup, web
from gatewayd.diagnostics.lookup import endpoint
from gatewayd.diagnostics.sip import PORTS, Answer, Line, Transport
from gatewayd.diagnostics.sip_digest import Account
from gatewayd.errors import GatewayError
from gatewayd.settings import DiagnosticsSettings
from gatewayd.system.secret import Secret

_SERVICES: dict[Transport, str] = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}
_LONGEST = 512


async def ask(targets: DiagnosticsSettings, resolvers: Sequence[str], seconds: float) -> Answer:
    """Registers nothing and asks (see `sip`). Raises GatewayError `settings.invalid` for a password file that
    cannot be read."""
    assert targets.sip_server is not None
    account = await account_of(targets)
    transport = targets.sip_transport
    host, address, port = await find(targets.sip_server, transport, resolvers)
    if address is None:
        return Answer("unresolved", "REGISTER" if account else "OPTIONS")
    user, _, domain = (targets.sip_account or "").partition("@")
    line = Line(
        host=host,
        address=address,
        port=port,
        transport=transport,
        domain=domain or endpoint(targets.sip_server, 0)[0],
        user=user or None,
        account=account,
    )
    return await sip.ask(line, seconds)


async def account_of(targets: DiagnosticsSettings) -> Account | None:
    """The account of the settings, None where it is not whole. Raises GatewayError `settings.invalid`."""
    if targets.sip_account is None or targets.sip_password_file is None:
        return None
    password = await asyncio.to_thread(_first_line, targets.sip_password_file)
    return Account(targets.sip_login or targets.sip_account.partition("@")[0], password)


async def find(server: str, transport: Transport, resolvers: Sequence[str]) -> tuple[str, str | None, int]:
    """The name whose certificate is due, the address (None: there is none) and the port of `host[:port]`."""
    host, port = endpoint(server, 0)
    if port == 0 and not _is_address(host):
        for name, found in await tool_lookup.services(f"{_SERVICES[transport]}.{host}", resolvers):
            address = await web.address_of(name, resolvers)
            if address is not None:
                return host, address, found
    return host, await web.address_of(host, resolvers), port or PORTS[transport]


def _first_line(path: str) -> Secret:
    try:
        with Path(path).open(encoding="utf-8") as file:
            line = file.readline(_LONGEST).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise GatewayError(
            "settings.invalid",
            f"diagnostics.sip_password_file: the file cannot be read ({type(error).__name__})",
        ) from None
    if not line:
        raise GatewayError("settings.invalid", "diagnostics.sip_password_file: its first line is empty")
    return Secret(line)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
