"""What canned operations are made of."""

from __future__ import annotations

from typing import Any

import msgspec

from gatewayd.operations import Operation, Request, Result, Scope


class Canned(Result, frozen=True, kw_only=True):
    """A list, as all lists are."""

    items: tuple[dict[str, Any], ...]
    next: str | None = None


def row(
    name: str,
    method: str,
    path: str,
    request: type[Request],
    result: type[msgspec.Struct],
    handler: Any,
    status: int = 200,
) -> Operation:
    """A row of the table that everybody may call."""
    mutates = method != "GET"
    return Operation(
        name=name,
        summary=f"Canned {name}",
        request=request,
        result=result,
        scope=None if name == "info.get" else Scope.BOX_READ,
        method=method,
        path=path,
        handler=handler,
        mutates=mutates,
        recovery="transaction" if mutates else None,
        status=status,
    )
