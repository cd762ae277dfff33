"""The operations table over TLS and over the Unix socket: the same answers, the same refusals."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import aiohttp
import pytest

from tests.support.api import Api

OWNER = {"Authorization": "Bearer owner"}


async def ask(
    api: Api, method: str, path: str, **more: Any
) -> tuple[int, dict[str, Any], aiohttp.ClientResponse]:
    """One request as the owner over TLS."""
    headers = OWNER | more.pop("headers", {})
    async with api.https.request(method, api.url + path, headers=headers, **more) as response:
        return response.status, await response.json(content_type=None), response


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/lamps/hall?brightness=9&tags=a,b", None),
        ("GET", "/v1/lamps/hall?brightness=900", None),
        ("GET", "/v1/lamps/hall?unknown=1", None),
        ("PATCH", "/v1/lamps/hall", {"brightness": 4}),
        ("PATCH", "/v1/lamps/hall", {}),
        ("PATCH", "/v1/lamps/broken", {"brightness": 4}),
        ("POST", "/v1/lamps", {"lamp": "new", "brightness": 1}),
        ("DELETE", "/v1/lamps/hall", None),
        ("GET", "/v1/wait", None),
        ("GET", "/v1/nothing", None),
        ("PUT", "/v1/lamps", None),
    ],
)
async def test_both_ways_answer_the_same(api: Api, method: str, path: str, body: Any) -> None:
    over_tls = await ask(api, method, path, json=body)
    async with api.local.request(method, "http://box" + path, json=body) as response:
        over_socket = response.status, await response.json(content_type=None)
    for answer in (over_tls[1], over_socket[1]):
        answer.pop("since", None)
    assert over_tls[:2] == over_socket


async def test_query_fields_become_numbers_and_lists(api: Api) -> None:
    status, body, response = await ask(api, "GET", "/v1/lamps/h%C3%A4ll%2Fway?brightness=9&tags=a,b&tags=c")
    assert status == 200
    assert (body["lamp"], body["brightness"], body["tags"]) == ("häll/way", 9, ["a", "b", "c"])
    assert response.content_type == "application/json"


async def test_a_path_field_is_a_number_where_the_operation_says_so(api: Api) -> None:
    assert (await ask(api, "POST", "/v1/dim/12"))[:2] == (
        200,
        {"lamp": "12", "brightness": 12, "tags": [], "since": None},
    )
    status, body, _ = await ask(api, "POST", "/v1/dim/twelve")
    assert (status, body["code"], body["field"]) == (422, "request.invalid_field", "number")


@pytest.mark.parametrize(
    ("options", "code", "field"),
    [
        ({}, "request.missing_field", "brightness"),
        ({"data": b""}, "request.missing_field", "brightness"),
        ({"json": {"brightness": 5, "colour": "red"}}, "request.unknown_field", "colour"),
        ({"json": {"brightness": "5"}}, "request.invalid_field", "brightness"),
        ({"json": {"brightness": 101}}, "request.invalid_field", "brightness"),
        ({"json": {"brightness": 5, "lamp": "other"}}, "request.invalid_field", "lamp"),
        ({"json": {"brightness": 5}, "params": {"x": "1"}}, "request.unknown_field", "x"),
        ({"data": b"{"}, "request.malformed", None),
        ({"data": b"[1]"}, "request.malformed", None),
        ({"data": b'"text"'}, "request.malformed", None),
        ({"data": b'{"brightness": NaN}'}, "request.malformed", None),
        ({"data": b'{"brightness": 5, "lamp": "\xff\xfe"}'}, "request.malformed", None),
        ({"data": b'{"brightness": ' + b"[" * 10_000 + b"]" * 10_000 + b"}"}, "request.malformed", None),
        ({"data": io.BytesIO(b'{"brightness": ' + b" " * (2 << 20) + b"5}")}, "request.too_large", None),
        ({"data": b"a=5", "type": "multipart/form-data"}, "request.unsupported_media_type", None),
        ({"data": b'{"brightness": 5}', "type": "text/plain"}, "request.unsupported_media_type", None),
        ({"data": b'{"brightness": 5}', "encoding": "gzip"}, "request.unsupported_media_type", None),
    ],
)  # fmt: skip
async def test_bad_input_gets_its_code_and_changes_nothing(
    api: Api, options: dict[str, Any], code: str, field: str | None
) -> None:
    headers = {"Content-Type": options.pop("type", "application/json")}
    if "encoding" in options:
        headers["Content-Encoding"] = options.pop("encoding")
    status, body, response = await ask(api, "PATCH", "/v1/lamps/hall", headers=headers, **options)
    assert (body["code"], body.get("field"), body["status"]) == (code, field, status)
    assert response.content_type == "application/problem+json"
    assert api.samples.done == 0


async def test_a_body_of_unknown_length_is_cut_at_the_limit(api: Api) -> None:
    async def endless() -> Any:
        for _ in range(64):
            yield b" " * 65536

    headers = {"Content-Type": "application/json"}
    status, body, _ = await ask(api, "PATCH", "/v1/lamps/hall", data=endless(), headers=headers)
    assert (status, body["code"]) == (413, "request.too_large")


async def test_a_repeated_query_field_and_a_body_on_get_are_refused(api: Api) -> None:
    status, body, _ = await ask(api, "GET", "/v1/lamps/hall?brightness=1&brightness=2")
    assert (status, body["code"], body["field"]) == (422, "request.invalid_field", "brightness")
    status, body, _ = await ask(api, "GET", "/v1/lamps/hall", json={"brightness": 3})
    assert (status, body["code"]) == (400, "request.malformed")
    status, body, _ = await ask(api, "GET", "/v1/lamps/hall?lamp=kitchen")
    assert (status, body["field"]) == (422, "lamp")


async def test_the_same_key_gives_the_first_answer(api: Api) -> None:
    key = {"Idempotency-Key": "k1"}
    first = await ask(api, "POST", "/v1/lamps", json={"lamp": "a", "brightness": 1}, headers=key)
    again = await ask(api, "POST", "/v1/lamps", json={"lamp": "a", "brightness": 1}, headers=key)
    assert (first[:2], api.samples.done) == (again[:2], 1)
    assert first[0] == 201
    status, body, _ = await ask(api, "POST", "/v1/lamps", json={"lamp": "b", "brightness": 1}, headers=key)
    assert (status, body["code"]) == (409, "idempotency.mismatch")
    status, body, _ = await ask(
        api, "POST", "/v1/lamps", json={"lamp": "b", "brightness": 1}, headers={"Idempotency-Key": "k" * 201}
    )
    assert (status, body["field"]) == (422, "Idempotency-Key")


async def test_a_job_is_accepted_and_found(api: Api) -> None:
    status, body, response = await ask(api, "POST", "/v1/paint")
    assert status == 202
    assert response.headers["Location"] == f"/v1/jobs/{body['job']['id']}"
    while (await api.core.jobs.get(body["job"]["id"])).state != "done":
        await asyncio.sleep(0.01)


async def test_a_crash_is_told_with_its_id_only(api: Api) -> None:
    status, body, response = await ask(api, "POST", "/v1/crash")
    assert (status, body["code"]) == (500, "operation.crashed")
    assert body["id"] in body["detail"]
    assert "secret" not in json.dumps(body)
    assert response.content_type == "application/problem+json"


async def test_a_secret_goes_in_and_never_out(api: Api) -> None:
    status, body, _ = await ask(api, "POST", "/v1/lock", json={"key": "hunter2hunter2"})
    assert (status, body["lamp"]) == (200, "***")
    status, body, _ = await ask(api, "POST", "/v1/lock", json={"key": 5})
    assert (status, body["field"]) == (422, "key")


async def test_who_asks_decides(api: Api) -> None:
    for headers, expected in (
        ({}, "access.forbidden"),  # the test's authoriser has one word for all
        ({"Authorization": "Bearer nonsense"}, "access.unauthenticated"),
        ({"Authorization": "Basic b3duZXI6"}, "access.unauthenticated"),
        ({"Authorization": "Bearer"}, "access.unauthenticated"),
        ({"Authorization": "Bearer " + "x" * 3000}, "access.unauthenticated"),
        ({"Authorization": "Bearer viewer"}, "access.forbidden"),
    ):
        async with api.https.patch(
            f"{api.url}/v1/lamps/hall", json={"brightness": 1}, headers=headers
        ) as response:
            body = await response.json(content_type=None)
        assert (body["code"], response.status) == (expected, 401 if "unauth" in expected else 403)
        assert ("WWW-Authenticate" in response.headers) == (response.status == 401)
    assert api.samples.done == 0


async def test_a_stranger_is_refused_before_the_body_is_read(api: Api) -> None:
    reader, writer = await api.raw()
    writer.write(
        b"PATCH /v1/lamps/hall HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 1000000\r\n\r\n{"
    )
    assert b" 403 " in await asyncio.wait_for(reader.readline(), 5)
    writer.close()


async def test_what_needs_no_token_takes_a_stale_one(api: Api) -> None:
    for headers, role in (
        ({}, "anonymous"),
        ({"Authorization": "Bearer stale"}, "anonymous"),
        (OWNER, "owner"),
    ):
        async with api.https.get(f"{api.url}/v1/free", headers=headers) as response:
            assert (response.status, (await response.json())["lamp"]) == (200, role)


async def test_patience_is_asked_for_in_whole_seconds(api: Api) -> None:
    status, _, response = await ask(api, "GET", "/v1/wait")
    assert (status, response.headers["Retry-After"]) == (429, "3")


async def test_unknown_addresses_and_methods_are_problems_too(api: Api) -> None:
    for method, path, expected in (
        ("GET", "/v1/nothing", "request.not_found"),
        ("GET", "/nothing", "request.not_found"),
        ("GET", "/v1/%E0%A4%A", "request.not_found"),
        ("DELETE", "/v1/lamps", "request.method_not_allowed"),
        ("OPTIONS", "/v1/lamps", "request.method_not_allowed"),
        ("BREW", "/v1/lamps", "request.malformed"),
    ):
        status, body, response = await ask(api, method, path)
        assert (body["code"], body["status"]) == (expected, status)
        assert status != 405 or response.headers["Allow"] == "POST"


async def test_head_answers_without_a_body(api: Api) -> None:
    async with api.https.head(f"{api.url}/v1/lamps/hall", headers=OWNER) as response:
        assert (response.status, await response.read()) == (200, b"")
        assert int(response.headers["Content-Length"]) > 10
