"""The operations table as an OpenAPI 3.1 document; `operationId` is the operation's dotted name."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import msgspec

from gatewayd.api.cookies import COOKIE, CSRF_HEADER
from gatewayd.api.revisions import has_tag, takes_condition
from gatewayd.api.routes import BASE, is_list
from gatewayd.api.websocket import EventsRequest
from gatewayd.operations import MAX_KEY, Operation, Registry
from gatewayd.system.secret import Secret

Json = dict[str, Any]
_REF = "#/components/schemas/{name}"
_IN_PATH = re.compile(r"{([^}]+)}")


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why something was refused (RFC 9457): `code` is stable, `detail` is for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    field: str | None = None
    id: str | None = None


def build(registry: Registry, version: str) -> Json:
    """The whole document; the same table gives the same document."""
    rows = sorted(registry, key=lambda row: (row.path, row.method))
    told = {kind for row in rows for kind in (row.outcome, row.partial) if kind is not None}
    jobs = sorted(told, key=lambda kind: kind.__name__)
    kinds = [*(row.result for row in rows), *(row.request for row in rows), *jobs, EventsRequest, Problem]
    schemas, components = msgspec.json.schema_components(kinds, schema_hook=_special, ref_template=_REF)
    known = dict(zip(jobs, schemas[2 * len(rows) :], strict=False))
    results = [schemas[position] for position in range(len(rows))]
    requests = [_resolved(schemas[len(rows) + position], components) for position in range(len(rows))]
    paths: dict[str, Json] = {}
    for row, request, result in zip(rows, requests, results, strict=True):
        described = _operation(row, request, result)
        if row.outcome is not None:
            described["x-job-result"] = known[row.outcome]
        if row.partial is not None:
            described["x-job-partial"] = known[row.partial]
        paths.setdefault(BASE + row.path, {})[row.method.lower()] = described
    paths[f"{BASE}/events"] = {"get": _events(_resolved(schemas[-2], components))}
    document: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "gatewayd",
            "version": version,
            "description": "Everything this box can do. Times are RFC 3339 in UTC, durations seconds, "
            "sizes bytes, rates bit/s.",
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"dpop": []}, {"cookie": []}],
        "tags": [{"name": area} for area in sorted({_area(row) for row in rows} | {"events"})],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": _security_schemes(),
            "parameters": {"IdempotencyKey": _idempotency_key(), "IfMatch": _if_match()},
            "responses": {"Problem": _problem(schemas[-1])},
        },
    }
    document["components"]["schemas"] = _used(document)
    return document


def _operation(row: Operation, request: Json, result: Json) -> Json:
    in_path = _IN_PATH.findall(row.path)
    properties: Json = request.get("properties", {})
    required: list[str] = request.get("required", [])
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": properties.get(name, {"type": "string"})}
        for name in in_path
    ]
    rest = {name: schema for name, schema in properties.items() if name not in in_path}
    needed = [name for name in required if name in rest]
    described: Json = {
        "operationId": row.name,
        "summary": row.summary,
        "tags": [_area(row)],
        "x-scope": None if row.scope is None else row.scope.value,
        "x-mutates": row.mutates,
        "x-step-up": row.step_up,
    }
    if row.scope is None:
        described["security"] = [{}]
    if row.method in ("GET", "DELETE"):
        parameters += [_query(row, name, schema, name in needed) for name, schema in rest.items()]
    elif rest:
        schema: Json = {"type": "object", "properties": rest, "additionalProperties": False}
        if needed:
            schema["required"] = needed
        described["requestBody"] = {
            "required": bool(needed),
            "content": {"application/json": {"schema": schema}},
        }
    if row.mutates:
        parameters.append({"$ref": "#/components/parameters/IdempotencyKey"})
    if takes_condition(row):
        parameters.append({"$ref": "#/components/parameters/IfMatch"})
    if parameters:
        described["parameters"] = parameters
    described["responses"] = _responses(row, result)
    return described


def _query(row: Operation, name: str, schema: Json, required: bool) -> Json:
    parameter: Json = {"name": name, "in": "query", "required": required, "schema": schema}
    kind = next(field.type for field in msgspec.structs.fields(row.request) if field.encode_name == name)
    if is_list(kind):
        parameter |= {"style": "form", "explode": False}
    return parameter


def _responses(row: Operation, result: Json) -> Json:
    done: Json = {
        "description": HTTPStatus(row.status).phrase,
        "content": {"application/json": {"schema": result}},
    }
    if row.status == 202:
        done["headers"] = {"Location": {"description": "The job", "schema": {"type": "string"}}}
    if has_tag(row):
        done["headers"] = {"ETag": {"description": "Its revision", "schema": {"type": "string"}}}
    refused = {"$ref": "#/components/responses/Problem"}
    return {str(row.status): done, "4XX": refused, "5XX": refused}


def _events(request: Json) -> Json:
    """The WebSocket has no `operationId`: it is no operation."""
    return {
        "summary": "Events as they happen, over a WebSocket; `since` and `epoch` resume after a drop",
        "tags": ["events"],
        "x-scope": "events:read",
        "x-mutates": False,
        "x-websocket": True,
        "parameters": [
            {"name": name, "in": "query", "required": False, "schema": schema}
            for name, schema in request["properties"].items()
        ],
        "responses": {
            "101": {"description": "One JSON text frame for each event: epoch, seq, time, type, data"},
            "4XX": {"$ref": "#/components/responses/Problem"},
        },
    }


def _security_schemes() -> Json:
    return {
        "bearer": {"type": "http", "scheme": "bearer"},
        "dpop": {
            "type": "http",
            "scheme": "dpop",
            "description": "RFC 9449 with ES256: a token bound to a key, with a DPoP header of that key",
        },
        "cookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": COOKIE,
            "description": f"A browser's; whatever changes something repeats `csrf` in {CSRF_HEADER}",
        },
    }


def _idempotency_key() -> Json:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "The same key gives the first answer again, for 7 days.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY},
    }


def _if_match() -> Json:
    return {
        "name": "If-Match",
        "in": "header",
        "required": False,
        "description": "The ETag that was read; 412 when somebody has changed it since. As `if_revision`.",
        "schema": {"type": "string"},
    }


def _problem(schema: Json) -> Json:
    return {
        "description": "Refused; `code` says why",
        "content": {"application/problem+json": {"schema": schema}},
    }


def _special(kind: type) -> Json:
    if kind is Secret:
        return {"type": "string", "format": "password"}
    raise NotImplementedError(f"{kind.__name__} has no JSON schema")


def _resolved(schema: Json, components: dict[str, Json]) -> Json:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    return components.get(name, schema)


def _used(document: Json) -> dict[str, Json]:
    """The components that something refers to, in the order of their names."""
    components: dict[str, Json] = document["components"]["schemas"]
    used: set[str] = set()
    waiting: list[Any] = [document["paths"], document["components"]["responses"]]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            # Both places where JSON Schema names another schema: `$ref`, and a discriminator's mapping.
            for text in (part.get("$ref"), *(part.get("mapping") or {}).values()):
                name = str(text).rpartition("/")[2]
                if str(text).startswith("#/components/schemas/") and name not in used:
                    used.add(name)
                    waiting.append(components[name])
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return {name: components[name] for name in sorted(used)}


def _area(row: Operation) -> str:
    return row.name.partition(".")[0]
