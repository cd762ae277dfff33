"""What the box can be asked: its OpenAPI document, read the other way round (name -> HTTP request)."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from gatewayd.client.errors import Refused

_IN_PATH = re.compile(r"{([^}]+)}")


class HttpRequest(NamedTuple):
    """What goes over the wire. `path` holds the query; `body` is JSON or None; `mutates` wants a key."""

    method: str
    path: str
    body: bytes | None
    mutates: bool


class Entry(NamedTuple):
    """One operation as the document describes it."""

    name: str
    summary: str
    method: str
    path: str
    mutates: bool


class Catalogue:
    """The operations in an OpenAPI document, by `operationId`."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._entries = {entry.name: entry for entry in _entries(document)}

    def __iter__(self) -> Iterator[Entry]:
        return iter(sorted(self._entries.values()))

    def request(self, name: str, arguments: Mapping[str, Any]) -> HttpRequest:
        """The request for an operation and its arguments, one flat object.

        What the operation does not know goes along, for the box to refuse. Raises Refused when the
        operation does not exist or a field of its path is missing.
        """
        entry = self._entries.get(name)
        if entry is None:
            raise Refused({"code": "operation.unknown", "detail": self._unknown(name)})
        in_path = _IN_PATH.findall(entry.path)
        for field in in_path:
            if arguments.get(field) is None:
                detail = f"The field {field} is missing."
                raise Refused({"code": "request.missing_field", "detail": detail, "field": field})
        path = _IN_PATH.sub(lambda found: quote(_text(arguments[found[1]]), safe=""), entry.path)
        rest = {field: value for field, value in arguments.items() if field not in in_path}
        if entry.method in ("GET", "DELETE"):
            query = urlencode({field: _text(value) for field, value in rest.items() if value is not None})
            return HttpRequest(entry.method, f"{path}?{query}" if query else path, None, entry.mutates)
        body = json.dumps(rest).encode() if rest else None
        return HttpRequest(entry.method, path, body, entry.mutates)

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(name, self._entries, n=3)
        guess = f" Did you mean {' or '.join(near)}?" if near else ""
        return f"The box knows no operation {name!r}.{guess}"


def _entries(document: Mapping[str, Any]) -> Iterator[Entry]:
    for path, methods in document.get("paths", {}).items():
        for method, row in methods.items():
            if isinstance(row, dict) and "operationId" in row:
                yield Entry(
                    name=row["operationId"],
                    summary=row.get("summary", ""),
                    method=method.upper(),
                    path=path,
                    mutates=row.get("x-mutates", method != "get"),
                )


def _text(value: Any) -> str:
    """A value as a URL carries it."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return ",".join(_text(item) for item in value)
    return json.dumps(value)
