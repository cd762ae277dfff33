"""Whom a tool may be pointed at, and finding its address.

Callers are known, yet a tool must not become their hands inside the box or a nuisance to a whole network:
never the box itself, loopback, link-local, multicast or broadcast addresses, in any spelling or wrapping.
Home devices may be probed: that is half of a technician's work.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Sequence

from gatewayd.diagnostics.tool_lookup import ask
from gatewayd.diagnostics.tool_model import Family, RecordType
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.system.fetch import is_forbidden, is_own

_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)", re.ASCII)
_LOCAL_NAME = re.compile(r"(^|\.)(localhost|localdomain|ip6-localhost|ip6-loopback)$", re.IGNORECASE)
_BROADCAST = ipaddress.ip_address("255.255.255.255")


async def address_of(
    target: str, family: Family, resolvers: Sequence[str], *, own: bool = False, field: str = "target"
) -> str:
    """The address to probe: the target itself, or the first allowed one of its name (IPv4 first for `any`).

    `own` lets the box's own addresses and loopback through (tests). Raises GatewayError
    `diagnostics.forbidden_target` or `diagnostics.unresolved`, InvalidField for what is neither name nor
    address, or an address of the other family.
    """
    literal = _literal(target)
    if literal is not None:
        if family != "any" and literal.version != (4 if family == "v4" else 6):
            raise InvalidField("family", f"{literal} is an IPv{literal.version} address.")
        _check(literal, own=own, field=field)
        return str(literal)
    name = checked_name(target, field)
    if _LOCAL_NAME.search(name):
        raise _forbidden(field)
    found = await _resolved(name, family, resolvers)
    if not found:
        raise GatewayError(
            "diagnostics.unresolved", f"No resolver knows an address of {name!r}.", field=field
        )
    for one in found:
        if own or not _refused(one):
            return str(one)
    raise _forbidden(field)


def is_address(text: str) -> bool:
    """Whether it is a literal address."""
    return _literal(text) is not None


def checked_name(target: str, field: str) -> str:
    """A host name without its final dot. Raises InvalidField."""
    name = target.removesuffix(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise InvalidField(
            field, "This is neither an address nor a host name (letters, digits and hyphens, dots between)."
        )
    if (
        re.fullmatch(r"(0[xX])?[0-9A-Fa-f]+", name.rsplit(".", 1)[-1])
        and name.rsplit(".", 1)[-1][0].isdigit()
    ):
        # 127.1, 0x7f.1 and the like: spellings of addresses that only some libraries read as such.
        raise InvalidField(field, "An address is written out in full, as 192.0.2.1 or 2001:db8::1.")
    return name


def checked_resolver(text: str, *, own: bool = False) -> str:
    """A resolver's literal address, port 53. The box's own is allowed: it may be the home's resolver."""
    literal = _literal(text)
    if literal is None:
        raise InvalidField("resolver", "A resolver is named by its address, as 192.0.2.53 or 2001:db8::53.")
    if not own and is_forbidden(literal) and not literal.is_loopback:
        raise _forbidden("resolver")
    return str(literal)


async def _resolved(
    name: str, family: Family, resolvers: Sequence[str]
) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    types: list[RecordType] = [kind for kind, of in (("A", "v4"), ("AAAA", "v6")) if family in (of, "any")]  # type: ignore[misc]
    answers = await asyncio.gather(*(ask(one, name, kind) for kind in types for one in resolvers[:3]))
    found = []
    for kind in types:
        for answer in answers:
            for record in answer.records:
                parsed = _literal(record.data)
                if record.type == kind and parsed is not None and parsed not in found:
                    found.append(parsed)
    return found


def _literal(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    return None if getattr(parsed, "scope_id", None) else parsed


def _refused(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return is_forbidden(address) or address == _BROADCAST or is_own(address)


def _check(address: ipaddress.IPv4Address | ipaddress.IPv6Address, *, own: bool, field: str) -> None:
    if not own and _refused(address):
        raise _forbidden(field)


def _forbidden(field: str) -> GatewayError:
    return GatewayError(
        "diagnostics.forbidden_target",
        "The tools probe no address of the box itself, and no link-local, multicast or broadcast address.",
        field=field,
    )
