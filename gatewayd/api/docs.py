"""The OpenAPI document for people: one page, no script, readable on a phone."""

from __future__ import annotations

from html import escape
from itertools import groupby
from typing import Any

import msgspec

from gatewayd.api.style import page

Json = dict[str, Any]
_TITLES = {
    "info": "The box",
    "status": "Status",
    "jobs": "Jobs",
    "events": "Events",
    "wifi": "Wi-Fi",
    "devices": "Devices",
    "home": "Home network",
    "household": "Household",
    "usage": "Usage",
    "dvr": "Television",
    "diagnostics": "Diagnostics",
    "access": "Access",
    "privacy": "Privacy",
    "upkeep": "Upkeep",
    "portal": "Portal",
}
_INTRODUCTION = """<p>JSON over HTTPS. Times are RFC 3339 in UTC, durations seconds, sizes bytes, rates
bit/s. Send the token as <code>Authorization: Bearer TOKEN</code>. A change may carry an
<code>Idempotency-Key</code>: the same key gives the first answer again. What two people may edit has an
<code>ETag</code>: sent back as <code>If-Match</code>, it lets the second one know (412). What takes longer
answers 202 with a job. A refusal is <code>application/problem+json</code> with a stable
<code>code</code>.</p>
<p>In a shell on the box, <code>gatewayctl call NAME '{"field": "value"}'</code> reaches every operation.
The same table for machines: <a href="/v1/openapi.json">openapi.json</a>.</p>"""


def render(document: Json) -> str:
    """A whole HTML page from an OpenAPI document of ours."""
    schemas = document["components"]["schemas"]
    rows = sorted(
        (
            (path, method, operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        ),
        key=lambda row: (_rank(row[2]["tags"][0]), row[0], row[1]),
    )
    areas = [(area, list(group)) for area, group in groupby(rows, key=lambda row: str(row[2]["tags"][0]))]
    links = "".join(f'<a href="#{escape(area)}">{_title(area)}</a>' for area, _ in areas)
    links += '<a href="#shapes">Shapes</a>'
    body = "".join(
        f'<h2 id="{escape(area)}">{_title(area)}</h2>'
        + "".join(_operation(path, method, operation, schemas) for path, method, operation in group)
        for area, group in areas
    )
    body += '<h2 id="shapes">Shapes</h2>' + "".join(_shape(name, schema) for name, schema in schemas.items())
    return page(
        "API of this box",
        f'<p class="soft"><a href="/">This box</a></p><h1>API</h1><p class="soft">Version '
        f"{escape(str(document['info']['version']))}</p>{_INTRODUCTION}<nav>{links}</nav>{body}",
    )


def _operation(path: str, method: str, operation: Json, schemas: Json) -> str:
    name = operation.get("operationId", "WebSocket")
    scope = operation["x-scope"]
    status, result = next(iter(operation["responses"].items()))
    answer = result.get("content", {}).get("application/json", {}).get("schema", {})
    who = "no token needed" if scope is None else f"permission <code>{escape(scope)}</code>"
    kind = f" <code>{_kind(answer)}</code>" if answer else ""
    verb = f'<span class="method {escape(method)}">{escape(method.upper())}</span>'
    return (
        f'<article class="card" id="{escape(name)}"><h3>{escape(operation["summary"])}</h3>'
        f"<p><code>{verb} {escape(path)}</code></p>"
        f'<p class="soft"><code>{escape(name)}</code> · {who} · answers {escape(status)}{kind}</p>'
        f"{_table('Asks', _asked(operation))}{_table('Answers', _answered(answer, schemas))}"
        "</article>"
    )


def _asked(operation: Json) -> list[tuple[str, Json, str]]:
    fields = [
        (parameter["name"], parameter["schema"], _where(parameter))
        for parameter in operation.get("parameters", ())
        if "name" in parameter
    ]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    needed = body.get("required", ())
    return fields + [
        (name, schema, "needed" if name in needed else "")
        for name, schema in body.get("properties", {}).items()
    ]


def _where(parameter: Json) -> str:
    return "in the path" if parameter["in"] == "path" else "needed" if parameter["required"] else ""


def _answered(schema: Json, schemas: Json) -> list[tuple[str, Json, str]]:
    named = schemas.get(str(schema.get("$ref", "")).rpartition("/")[2], schema)
    return [(name, field, "") for name, field in named.get("properties", {}).items()]


def _table(title: str, fields: list[tuple[str, Json, str]]) -> str:
    if not fields:
        return ""
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{_kind(schema)}</td>"
        f'<td class="soft">{escape(", ".join(filter(None, (note, _limits(schema)))))}</td></tr>'
        for name, schema, note in fields
    )
    return f'<div class="wide"><table><tr><th colspan="3">{title}</th></tr>{rows}</table></div>'


def _kind(schema: Json) -> str:
    """A field's type as HTML; a shape links to its own table."""
    if "$ref" in schema:
        name = escape(str(schema["$ref"]).rpartition("/")[2])
        return f'<a href="#shape-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_kind(option) for option in schema["anyOf"])
    if "enum" in schema:
        return escape(" | ".join("null" if value is None else str(value) for value in schema["enum"]))
    if "const" in schema:
        return escape(str(schema["const"]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}" if isinstance(schema.get("items"), dict) else "list"
    kind = schema.get("type", "anything")
    kind = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return escape(f"{kind} ({schema['format']})" if "format" in schema else kind)


def _shape(name: str, schema: Json) -> str:
    described = f'<p class="soft">{escape(str(schema["description"]))}</p>' if "description" in schema else ""
    fields = [(field, kind, "") for field, kind in schema.get("properties", {}).items()]
    table = _table("Fields", fields) if fields else f"<p>{_kind(schema)}</p>"
    return (
        f'<article class="card" id="shape-{escape(name)}"><h3>{escape(name)}</h3>{described}{table}</article>'
    )


_WORDS = {
    "minimum": "from",
    "exclusiveMinimum": "above",
    "maximum": "to",
    "exclusiveMaximum": "below",
    "minLength": "at least characters",
    "maxLength": "at most characters",
    "minItems": "at least items",
    "maxItems": "at most items",
    "pattern": "like",
}


def _limits(schema: Json) -> str:
    """Limits and default of a field, those of its alternatives included."""
    parts = [
        f"{_WORDS[key]} {schema[key]}"
        for key in _WORDS
        if key in schema and not isinstance(schema[key], dict)
    ]
    parts += [text for option in schema.get("anyOf", ()) if (text := _limits(option))]
    if schema.get("default") is not None:
        parts.append(f"default {msgspec.json.encode(schema['default']).decode()}")
    return ", ".join(parts)


def _title(area: str) -> str:
    return escape(_TITLES.get(area, area))


def _rank(area: str) -> tuple[int, str]:
    order = list(_TITLES)
    return (order.index(area) if area in order else len(order), area)
