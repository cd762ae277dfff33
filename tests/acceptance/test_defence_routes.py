"""The web defence on every route that there is: headers, rebinding, foreign pages, forms, framing."""

from __future__ import annotations

import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from gatewayd.operations import Operation
from tests.support.house import OpenHouse, open_house

pytestmark = [pytest.mark.acceptance, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]
PAGES = ("/", "/docs", "/v1/openapi.json", "/v1/events", "/nothing/here", "/v1/nothing")
ENDS = {"access.logout", "upkeep.restart", "privacy.delete"}
"""Operations that a call without arguments would really do, and the house is needed."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house() -> AsyncIterator[OpenHouse]:
    with tempfile.TemporaryDirectory(prefix="gwt-") as folder:
        async with open_house(Path(folder)) as made:
            yield made


def path_of(operation: Operation) -> str:
    return "/v1" + re.sub(r"\{\w+\}", "01ARZ3NDEKTSV4RRFFQ69G5FAV", operation.path)


def routes(house: OpenHouse) -> list[tuple[str, str]]:
    """Every method and path."""
    operations = [(row.method, path_of(row)) for row in house.registry if row.name not in ENDS]
    return [*operations, *(("GET", path) for path in PAGES)]


def changing(house: OpenHouse) -> list[tuple[str, str]]:
    """Every route by which something could be changed."""
    return [(row.method, path_of(row)) for row in house.registry if row.method != "GET"]


async def ask(session: aiohttp.ClientSession, route: tuple[str, str], **more: Any) -> tuple[int, Any, Any]:
    async with session.request(*route, allow_redirects=False, **more) as response:
        return response.status, response.headers, await response.text()


async def test_every_answer_carries_the_headers(house: OpenHouse) -> None:
    async with house.http(house.token) as known, house.http() as stranger:
        for session in (stranger, known):
            for route in routes(house):
                body: dict[str, Any] = {} if route[0] in ("GET", "DELETE") else {"json": {}}
                status, headers, _ = await ask(session, route, **body)
                assert status < 500, route
                policy = headers["Content-Security-Policy"]
                assert "frame-ancestors 'none'" in policy, route
                assert "unsafe" not in policy, route
                assert "script-src" not in policy or "'unsafe-inline'" not in policy, route
                assert headers["X-Frame-Options"] == "DENY", route
                assert headers["X-Content-Type-Options"] == "nosniff", route
                assert headers["Referrer-Policy"] == "no-referrer", route
                assert "Access-Control-Allow-Origin" not in headers, route
                assert headers["Server"] == "gatewayd", route
                if route[1].startswith("/v1"):
                    assert headers["Cache-Control"] == "no-store", route


async def test_a_name_that_was_bound_to_our_address_is_refused_on_every_route(house: OpenHouse) -> None:
    async with house.http(house.token) as session:
        for route in [*routes(house), *changing(house)]:
            status, headers, text = await ask(session, route, headers={"Host": "evil.example"})
            assert status == 421, route
            assert "request.forbidden_host" in text, route
            assert headers["X-Frame-Options"] == "DENY", route


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost", "https://localhost"])
async def test_a_foreign_page_changes_nothing_by_any_route(house: OpenHouse, origin: str) -> None:
    """Also not with the owner's token: exactly our own origin, port and all, or none."""
    async with house.http(house.token) as session:
        for route in changing(house):
            status, _, text = await ask(session, route, headers={"Origin": origin}, json={})
            assert (status, "request.forbidden_origin" in text) == (403, True), route
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Origin": origin}
        status, _, text = await ask(session, ("GET", "/v1/events"), headers=upgrade)
        assert (status, "request.forbidden_origin" in text) == (403, True)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
        "text/plain; json",
    ],
)
async def test_a_form_of_another_site_is_refused_by_every_route(house: OpenHouse, content_type: str) -> None:
    """What a page can send without asking first is none of these content types, so none is taken."""
    async with house.http(house.token) as session:
        for method, path in changing(house):
            if method == "DELETE":  # no form sends one, and it takes no body
                continue
            status, _, text = await ask(
                session, (method, path), data=b'{"a": 1}', headers={"Content-Type": content_type}
            )
            assert (status, "request.unsupported_media_type" in text) == (415, True), (method, path)


async def test_a_page_of_another_site_may_not_ask_what_it_may(house: OpenHouse) -> None:
    """A preflight gets no permission."""
    asks = {"Origin": "https://evil.example", "Access-Control-Request-Method": "PATCH"}
    async with house.http() as session:
        for _, path in routes(house):
            status, headers, _ = await ask(session, ("OPTIONS", path), headers=asks)
            assert status in (404, 405), path
            assert not [name for name in headers if name.lower().startswith("access-control")], path
