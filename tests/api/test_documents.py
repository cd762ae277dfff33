"""The OpenAPI document, its rendering, and the start page."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from gatewayd.api import docs, openapi
from gatewayd.api.pages import start_page
from tests.support.api import Api, Info

VOID = {"meta", "br", "link", "input", "img", "hr"}


async def document(api: Api) -> dict[str, Any]:
    """What the server says of itself, without a token."""
    async with api.https.get(f"{api.url}/v1/openapi.json") as response:
        assert response.status == 200
        assert response.content_type == "application/json"
        body: dict[str, Any] = await response.json()
        return body


async def test_the_document_is_valid_and_complete(api: Api) -> None:
    found = await document(api)
    OpenAPIV31SpecValidator(found).validate()
    named = {
        operation["operationId"]: (method.upper(), path)
        for path, methods in found["paths"].items()
        for method, operation in methods.items()
        if "operationId" in operation
    }
    assert named == {row.name: (row.method, f"/v1{row.path}") for row in api.core.registry}


async def test_the_document_is_stable(api: Api) -> None:
    first = msgspec.json.encode(openapi.build(api.core.registry, "0"))
    assert msgspec.json.encode(openapi.build(api.core.registry, "0")) == first


async def test_arguments_stand_where_the_route_wants_them(api: Api) -> None:
    paths = (await document(api))["paths"]
    read = paths["/v1/lamps/{lamp}"]["get"]
    assert [(p["name"], p["in"], p["required"]) for p in read["parameters"]] == [
        ("lamp", "path", True),
        ("brightness", "query", False),
        ("tags", "query", False),
        ("start", "query", False),
    ]
    assert read["parameters"][2]["explode"] is False
    assert (read["x-scope"], read["x-mutates"], "requestBody" in read) == ("box:read", False, False)
    change = paths["/v1/lamps/{lamp}"]["patch"]
    body = change["requestBody"]["content"]["application/json"]["schema"]
    assert list(body["properties"]) == ["brightness"]
    assert body["required"] == ["brightness"]
    assert {"$ref": "#/components/parameters/IdempotencyKey"} in change["parameters"]
    assert paths["/v1/free"]["get"]["security"] == [{}]
    assert "Location" in paths["/v1/paint"]["post"]["responses"]["202"]["headers"]
    assert paths["/v1/paint"]["post"]["x-job-result"] == {"$ref": "#/components/schemas/Lamp"}
    assert paths["/v1/paint"]["post"]["x-job-partial"] == {"$ref": "#/components/schemas/Empty"}
    assert "x-job-result" not in change
    key = paths["/v1/lock"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert key["properties"]["key"] == {"type": "string", "format": "password"}


async def test_no_component_is_left_over(api: Api) -> None:
    found = await document(api)
    text = json.dumps(found)
    for name in found["components"]["schemas"]:
        assert f'"#/components/schemas/{name}"' in text


class Balance(HTMLParser):
    """Checks that tags close in order, and collects what a page would load or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not any(name.startswith("on") or name == "style" for name, _ in attrs)
        self.loads += [str(value) for name, value in attrs if name in ("src", "action")]
        if tag in ("script", "link", "iframe", "img"):
            self.loads.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_pages_need_nothing_else(api: Api, path: str) -> None:
    async with api.https.get(api.url + path) as response:
        assert (response.status, response.content_type) == (200, "text/html")
        policy = response.headers["Content-Security-Policy"]
        text = await response.text()
    assert Balance(text).loads == []
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    import base64
    import hashlib

    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy
    assert "prefers-color-scheme:dark" in text
    assert 'name="viewport"' in text


async def test_the_docs_name_every_operation_and_escape_everything(api: Api) -> None:
    text = docs.render(openapi.build(api.core.registry, "1 <2>"))
    for row in api.core.registry:
        assert f">{row.name}<" in text
        assert html.escape(row.summary) in text
    assert "<lamps" not in text
    assert "1 &lt;2&gt;" in text


async def test_the_start_page_tells_what_it_is_and_how_to_own_it(api: Api) -> None:
    async with api.https.get(api.url + "/") as response:
        text = await response.text()
    assert html.escape(api.info[0].name) in text
    assert "<box>" not in text
    assert "gatewayctl pair" in text
    assert 'href="/docs"' in text
    api.info[0] = Info(state="ready", name="<script>alert(1)</script>")
    async with api.https.get(api.url + "/") as response:
        text = await response.text()
    assert "gatewayctl pair" not in text
    assert "<script" not in text


def test_an_unknown_state_is_shown_as_it_is() -> None:
    assert "&lt;odd&gt;" in start_page(Info(state="<odd>"))
