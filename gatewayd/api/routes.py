"""The operations table as HTTP routes: one handler for all rows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from gatewayd import wire
from gatewayd.api import cookies
from gatewayd.api.authenticate import Callers
from gatewayd.api.connections import Limits
from gatewayd.api.revisions import condition, has_tag, tag
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.operations import Operation, Registry, Request

BASE = "/v1"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_LISTS = (
    msgspec.inspect.ListType,
    msgspec.inspect.VarTupleType,
    msgspec.inspect.SetType,
    msgspec.inspect.FrozenSetType,
)


def bind(app: web.Application, registry: Registry, callers: Callers, limits: Limits) -> None:
    """Adds one route for each operation; GET answers HEAD as well."""
    for operation in registry:
        handler = _handler(operation, registry, callers, limits)
        if operation.method == "GET":
            app.router.add_get(BASE + operation.path, handler)
        else:
            app.router.add_route(operation.method, BASE + operation.path, handler)


def _handler(operation: Operation, registry: Registry, callers: Callers, limits: Limits) -> Handler:
    fields = Fields(operation.request)
    by_query = operation.method in ("GET", "DELETE")
    tagged = has_tag(operation)

    async def handle(request: web.Request) -> web.StreamResponse:
        caller = await callers.of(request, needed=operation.scope is not None)
        given: dict[str, Any] = {}
        stranger = caller.role == "anonymous" and operation.scope is not None
        if stranger:
            pass  # refused by dispatch before its body is read: a stranger does not get to fill memory
        elif by_query:
            if request.body_exists:
                raise GatewayError("request.malformed", f"{operation.method} takes no body here.")
            given = fields.from_query(request)
        else:
            if request.query:
                field = next(iter(request.query))[:80]
                raise GatewayError(
                    "request.unknown_field", f"{field}: arguments of this go into the body.", field=field
                )
            given = wire.parse(await read_json(request, limits))
        if not stranger:
            given |= condition(request.headers.get("If-Match"), operation, given)
        arguments = merge(fields.from_path(request), given)
        answer = await registry.dispatch(
            operation.name,
            arguments,
            caller,
            key=request.headers.get("Idempotency-Key"),
            strict=not by_query,
        )
        headers = {} if answer.location is None else {"Location": answer.location}
        if tagged:
            headers["ETag"] = tag(answer.body)
        response = web.Response(
            status=answer.status, body=answer.body, content_type="application/json", headers=headers
        )
        if operation.session == "begins" and arguments.get("cookie") is True:
            cookies.begin(response, answer.body)
        elif operation.session == "ends":
            cookies.end(response)
        return response

    return handle


class Fields:
    """The fields of a request struct as a URL can carry them."""

    def __init__(self, request: type[Request]) -> None:
        self._lists: set[str] = set()
        self._types: dict[str, Any] = {}
        for field in msgspec.structs.fields(request):
            self._types[field.encode_name] = field.type
            if is_list(field.type):
                self._lists.add(field.encode_name)

    def from_query(self, request: web.Request) -> dict[str, Any]:
        """Query fields: lists as `a,b` or repeated. Raises `request.invalid_field` on a repeated scalar."""
        found: dict[str, Any] = {}
        for name in request.query:
            values = request.query.getall(name)
            if name in self._lists:
                found[name] = [part for value in values for part in value.split(",") if part]
            elif len(values) > 1:
                raise InvalidField(name[:80], f"{name[:80]}: given {len(values)} times.")
            else:
                found[name] = values[0]
        return found

    def from_path(self, request: web.Request) -> dict[str, Any]:
        """Path fields in their own type; text that does not fit is left for the decoder to refuse."""
        found: dict[str, Any] = {}
        for name, text in request.match_info.items():
            found[name] = text
            if self._types.get(name, str) is not str:
                try:
                    found[name] = msgspec.convert(text, self._types[name], strict=False)
                except (msgspec.ValidationError, NotImplementedError):
                    continue
        return found


def is_list(annotation: Any) -> bool:
    """Whether a field's type, None aside, is a list of some kind."""
    kind = msgspec.inspect.type_info(annotation)
    if isinstance(kind, msgspec.inspect.Metadata):
        kind = kind.type
    options = kind.types if isinstance(kind, msgspec.inspect.UnionType) else (kind,)
    return any(isinstance(option, _LISTS) for option in options)


def merge(path: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """One flat object. Raises GatewayError `request.invalid_field` when both name a field and differ."""
    for name, value in path.items():
        if name in given and given[name] != value and str(given[name]) != value:
            raise InvalidField(name, f"{name}: the address says one thing and the request another.")
    return {**given, **path}


async def read_json(request: web.Request, limits: Limits) -> bytes:
    """The body, whole, within its size and its time.

    Raises GatewayError `request.unsupported_media_type`, `request.too_large` or `request.timeout`.
    """
    if request.body_exists and request.content_type != "application/json":
        raise GatewayError("request.unsupported_media_type", "Send the body as application/json.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise GatewayError("request.unsupported_media_type", "Send the body uncompressed.")
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body):
            while chunk := await request.content.readany():
                body += chunk
                _check_size(len(body), limits)
                _check_size(request.content_length or 0, limits)
    except TimeoutError:
        raise GatewayError(
            "request.timeout", f"The body did not arrive within {limits.body:g} seconds."
        ) from None
    except web.RequestPayloadError:
        raise GatewayError("request.malformed", "The body ended before its time.") from None
    return bytes(body)


def _check_size(size: int, limits: Limits) -> None:
    if size > limits.body_bytes:
        raise GatewayError("request.too_large", f"A body has at most {limits.body_bytes} bytes.")
