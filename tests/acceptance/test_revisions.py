"""Two people at one network: who comes second is told so, by `if_revision` as by `If-Match`."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.house import OpenHouse, open_house

pytestmark = [pytest.mark.acceptance, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]
HOME = "/v1/wifi/networks/home"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house() -> AsyncIterator[OpenHouse]:
    with tempfile.TemporaryDirectory(prefix="gwt-") as folder:
        async with open_house(Path(folder)) as made:
            yield made


async def ask(
    house: OpenHouse, method: str, path: str, tag: str | None = None, **more: Any
) -> tuple[int, dict[str, Any], str | None]:
    headers = {} if tag is None else {"If-Match": tag}
    async with house.http(house.token) as http, http.request(method, path, headers=headers, **more) as answer:
        return answer.status, await answer.json(content_type=None), answer.headers.get("ETag")


async def test_the_tag_is_the_revision_and_the_second_is_told(house: OpenHouse) -> None:
    status, network, tag = await ask(house, "GET", HOME)
    assert (status, tag) == (200, f'"{network["revision"]}"')
    status, answer, _ = await ask(house, "PATCH", HOME, tag, json={"hidden": True})
    assert status == 202
    newer = answer["change"]["to_revision"]
    status, problem, _ = await ask(house, "PATCH", HOME, tag, json={"ssid": "Mine"})
    assert (status, problem["code"]) == (412, "revision.lost_race")
    assert f"revision {newer}" in problem["detail"]
    _, network, tag = await ask(house, "GET", HOME)
    assert (network["ssid"] != "Mine", tag) == (True, f'"{newer}"')


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", HOME, {"hidden": True}),
        ("DELETE", HOME, None),
        ("POST", f"{HOME}/keys", {"label": "Tablet"}),
        ("DELETE", f"{HOME}/keys/tablet", None),
        ("POST", f"{HOME}/rotation", {}),
        ("POST", f"{HOME}/rotation/finish", {}),
    ],
)
async def test_everything_that_edits_a_network_looks_at_it(
    house: OpenHouse, method: str, path: str, body: dict[str, Any] | None
) -> None:
    place: dict[str, Any] = {} if body is None else {"json": body}
    stale = {"params": {"if_revision": "999"}} if body is None else {"json": {**body, "if_revision": 999}}
    for status, problem, _ in (
        await ask(house, method, path, '"999"', **place),
        await ask(house, method, path, 'W/"1"', **place),
        await ask(house, method, path, **stale),
    ):
        assert (status, problem["code"]) == (412, "revision.lost_race")


async def test_a_condition_that_says_nothing_or_too_much(house: OpenHouse) -> None:
    status, _, tag = await ask(house, "PATCH", HOME, "*", json={"hidden": False})
    assert (status, tag) == (202, None)
    status, problem, _ = await ask(house, "PATCH", HOME, '"1"', json={"hidden": False, "if_revision": 1})
    assert (status, problem["field"]) == (422, "If-Match")
    status, problem, _ = await ask(house, "PATCH", HOME, '"1", "2"', json={"hidden": False})
    assert (status, problem["field"]) == (422, "If-Match")
    status, problem, _ = await ask(house, "POST", "/v1/wifi/survey", '"1"', json={})
    assert (status, problem["field"]) == (422, "If-Match")
