"""The two shapes that most rows of Wi-Fi in the table of operations have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct

from gatewayd.operations import Empty, Operation, Request, Scope

LOCK = "wifi"
Handler = Callable[[Any, Any], Awaitable[Any]]


def reads(
    name: str, path: str, handler: Handler, result: type[Struct], summary: str, **more: Any
) -> Operation:
    """A row that only looks. `more` are further fields of `Operation`: `request`, where it is not empty."""
    settings: dict[str, Any] = {"request": Empty, "scope": Scope.WIFI_READ, "method": "GET", **more}
    return Operation(name=name, path=path, handler=handler, result=result, summary=summary, **settings)


def changes(
    name: str,
    way: str,
    handler: Handler,
    request: type[Request],
    result: type[Struct],
    summary: str,
    **more: Any,
) -> Operation:
    """A row that changes something and commits with it. `way`: method and path. `more` are further fields."""
    method, _, path = way.partition(" ")
    settings: dict[str, Any] = {
        "scope": Scope.WIFI_WRITE,
        "mutates": True,
        "recovery": "transaction",
        "lock": LOCK,
        "status": 202,
        **more,
    }
    return Operation(
        name=name,
        method=method,
        path=path,
        handler=handler,
        request=request,
        result=result,
        summary=summary,
        **settings,
    )


def shows_secret(
    name: str, way: str, handler: Handler, request: type[Request], result: type[Struct], summary: str
) -> Operation:
    """A row that tells a network's password: it counts as a change for the sake of its row in the audit."""
    more: dict[str, Any] = {"recovery": "redo", "secret_answer": True, "target": "network", "step_up": True}
    scope = Scope.WIFI_REVEAL
    return changes(name, way, handler, request, result, summary, scope=scope, lock=None, status=200, **more)
