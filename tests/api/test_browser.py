"""The browser's way in: cookies, the value beside them, origins, tickets; and what closes at once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gatewayd.client.proof import AppKey
from tests.support.api import trusting
from tests.support.box import FakeBox, Noted, open_box

SESSION = "/v1/access/session"


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[FakeBox]:
    async with open_box(tmp_path) as opened:
        yield opened


@dataclass
class Page:
    """A page of the box in a browser: its cookies, as a browser would send them."""

    box: FakeBox
    http: aiohttp.ClientSession
    cookies: dict[str, str]
    granted: dict[str, Any]
    set_cookie: list[str]

    def headers(self, **more: str) -> dict[str, str]:
        """What a browser sends from the box's own page."""
        return {
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "Origin": self.box.url,
            "X-CSRF-Token": self.granted["csrf"],
        } | {name.replace("_", "-"): value for name, value in more.items()}

    async def ask(self, method: str, path: str, *, without: str = "", **more: Any) -> tuple[int, Any]:
        headers = self.headers(**more.pop("headers", {}))
        headers.pop(without, None)
        async with self.http.request(method, self.box.url + path, headers=headers, **more) as response:
            return response.status, await response.json(content_type=None)


@pytest.fixture
async def page(box: FakeBox) -> AsyncIterator[Page]:
    async with box.core.database.unit() as unit:
        code = box.access.open_pairing(unit).code
    connector = aiohttp.TCPConnector(ssl=trusting())
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as http:
        body = {"code": code, "label": "Browser", "cookie": True}
        headers = {"Origin": box.url}
        url = f"{box.url}/v1/access/claim/finish"
        async with http.post(url, json=body, headers=headers) as response:
            granted = await response.json()
            assert response.status == 201, granted
            lines = response.headers.getall("Set-Cookie")
        cookies = dict(line.split(";")[0].split("=", 1) for line in lines)
        yield Page(box, http, cookies, granted, lines)
    await asyncio.sleep(0.03)


async def test_the_token_is_in_a_cookie_that_no_script_can_read(page: Page) -> None:
    assert page.granted["token"] is None
    assert (page.granted["token_type"], page.granted["refresh_token"]) == ("Cookie", None)
    session, csrf = page.set_cookie
    for flag in ("Path=/", "Secure", "HttpOnly", "SameSite=Strict"):
        assert flag in session.split("; ")
    assert not re.search("(?i)domain", session)
    assert session.startswith("__Host-gatewayd=gwt_")
    assert "HttpOnly" not in csrf
    assert page.cookies["__Host-gatewayd-csrf"] == page.granted["csrf"]
    status, me = await page.ask("GET", SESSION)
    assert (status, me["role"], me["fresh"]) == (200, "owner", True)


async def test_a_change_needs_the_value_beside_the_cookie(page: Page) -> None:
    for without, headers in (
        ("X-CSRF-Token", {}),
        ("", {"X_CSRF_Token": ""}),
        ("", {"X_CSRF_Token": "A" * 22}),
        ("", {"X_CSRF_Token": page.granted["csrf"] + "A"}),
    ):
        for path in ("/v1/tickets", "/v1/access/logout"):
            headers = {name.replace("_", "-"): value for name, value in headers.items()}
            status, body = await page.ask("POST", path, without=without, headers=headers)
            assert (status, body["code"]) == (403, "access.csrf")
    assert (await page.ask("GET", SESSION, without="X-CSRF-Token"))[0] == 200
    assert (await page.ask("POST", "/v1/tickets"))[0] == 201


async def test_a_change_names_the_very_page_that_it_comes_from(page: Page) -> None:
    for origin in ("null", "https://evil.example", page.box.url.replace("https", "http"), page.box.url + "0"):
        status, body = await page.ask("POST", "/v1/tickets", headers={"Origin": origin})
        assert (status, body["code"]) == (403, "request.forbidden_origin")
    status, body = await page.ask("POST", "/v1/tickets", without="Origin")
    assert (status, body["code"]) == (403, "request.forbidden_origin")


async def test_a_cookie_is_no_bearer_and_a_bearer_no_cookie(page: Page) -> None:
    token = page.cookies["__Host-gatewayd"]
    async with page.http.get(
        page.box.url + SESSION, headers={"Authorization": f"Bearer {token}"}
    ) as response:
        assert response.status == 401
    opened = (await page.ask("POST", "/v1/access/pairing/open"))[1]
    status, granted = await page.ask("POST", "/v1/access/claim/finish", json={"code": opened["code"]})
    assert (status, granted["token_type"]) == (201, "Bearer")
    page.cookies["__Host-gatewayd"] = granted["token"]
    assert (await page.ask("GET", SESSION))[0] == 401


async def test_signing_out_takes_the_cookies_away_and_ends_the_session(page: Page) -> None:
    async with page.http.post(page.box.url + "/v1/access/logout", headers=page.headers()) as response:
        assert response.status == 200
        for line in response.headers.getall("Set-Cookie"):
            assert "Max-Age=0" in line
    assert (await page.ask("GET", SESSION))[0] == 401
    assert await page.box.access.sessions() == []


async def test_it_is_a_session_like_any_other(page: Page) -> None:
    sessions = (await page.ask("GET", "/v1/access/sessions"))[1]["items"]
    assert [(each["label"], each["current"], each["bound"]) for each in sessions] == [
        ("Browser", True, False)
    ]
    assert sessions[0]["address"] == "127.0.0.1"
    path = f"/v1/access/sessions/{page.granted['session']}"
    assert (await page.ask("DELETE", path))[0] == 200
    assert (await page.ask("GET", SESSION))[0] == 401


async def test_a_stale_cookie_does_not_keep_from_signing_in(page: Page) -> None:
    page.cookies["__Host-gatewayd"] = "gwt_stale"
    status, _ = await page.ask("POST", "/v1/access/claim/start")
    assert status == 200
    status, body = await page.ask("POST", "/v1/access/login", json={"name": "x", "password": "y"})
    assert body["code"] == "access.login_wrong"


async def listen(page: Page, query: str = "", **headers: str) -> aiohttp.ClientWebSocketResponse:
    """A stream of what the tests publish."""
    url = page.box.url.replace("https", "wss") + f"/v1/events?topics=wifi.*{query}"
    return await page.http.ws_connect(url, headers=headers)


async def test_a_page_listens_by_its_cookie_and_another_page_does_not(page: Page) -> None:
    cookie = page.headers()["Cookie"]
    async with await listen(page, Cookie=cookie, Origin=page.box.url) as socket:
        page.box.core.bus.publish(Noted(text="hello"))
        assert (await socket.receive_json(timeout=5))["data"] == {"text": "hello"}
    for headers, status in (
        ({"Cookie": cookie, "Origin": "https://evil.example"}, 403),
        ({"Cookie": cookie}, 401),
        ({"Origin": page.box.url}, 401),
    ):
        with pytest.raises(aiohttp.WSServerHandshakeError) as error:
            await listen(page, **headers)
        assert error.value.status == status


async def test_a_ticket_opens_one_stream(page: Page) -> None:
    ticket = (await page.ask("POST", "/v1/tickets"))[1]["ticket"]
    async with await listen(page, f"&ticket={ticket}"):
        pass
    for query in (f"&ticket={ticket}", "&ticket=", "&ticket=gwk_x"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as error:
            await listen(page, query)
        assert error.value.status == 401
    other = (await page.ask("POST", "/v1/tickets"))[1]["ticket"]
    async with page.http.get(f"{page.box.url}{SESSION}?ticket={other}") as response:
        assert response.status in (401, 422)  # for streams only


@pytest.mark.parametrize("kind", ["cookie", "ticket", "tool"])
async def test_an_open_stream_closes_within_a_second_of_the_end(page: Page, kind: str) -> None:
    headers, query, ended = {}, "", f"/v1/access/sessions/{page.granted['session']}"
    if kind == "cookie":
        headers = {"Cookie": page.headers()["Cookie"], "Origin": page.box.url}
    elif kind == "ticket":
        query = f"&ticket={(await page.ask('POST', '/v1/tickets'))[1]['ticket']}"
    else:
        fields = {"name": "Tool", "scopes": ["events:read"]}
        made = (await page.ask("POST", "/v1/tokens", json=fields))[1]
        headers, ended = {"Authorization": f"Bearer {made['token']}"}, f"/v1/tokens/{made['id']}"
    async with await listen(page, query, **headers) as socket:
        assert (await page.ask("DELETE", ended))[0] == 200
        message = await socket.receive(timeout=1.0)
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert message.data == aiohttp.WSCloseCode.POLICY_VIOLATION


async def test_a_proof_is_asked_for_with_a_nonce_and_told_the_next(page: Page) -> None:
    key, url = AppKey.generate(), f"{page.box.url}/v1/access/claim/finish"
    opened = (await page.ask("POST", "/v1/access/pairing/open"))[1]
    body = {"code": opened["code"]}
    proof = key.prove("POST", url, nonce=None)
    async with page.http.post(url, json=body, headers={"DPoP": proof}) as response:
        assert (response.status, (await response.json(content_type=None))["code"]) == (
            401,
            "access.dpop_nonce",
        )
        assert 'error="use_dpop_nonce"' in response.headers["WWW-Authenticate"]
        nonce = response.headers["DPoP-Nonce"]
    proof = key.prove("POST", url, nonce=nonce)
    async with page.http.post(url, json=body, headers={"DPoP": proof}) as response:
        granted = await response.json()
        assert (response.status, granted["token_type"]) == (201, "DPoP")
        assert response.headers["DPoP-Nonce"] == nonce
    token, me = granted["token"], page.box.url + SESSION
    good = key.prove("GET", me, nonce=nonce, token=token)
    for authorization, proofs, code in (
        (f"DPoP {token}", [good], None),
        (f"DPoP {token}", [good], "access.dpop_invalid"),
        (f"Bearer {token}", [], "access.unauthenticated"),
        (f"DPoP {token}", [], "access.dpop_invalid"),
        (f"DPoP {token}", [key.prove("GET", me, nonce=nonce, token=token)] * 2, "access.dpop_invalid"),
        (f"DPoP {token}", [key.prove("GET", url, nonce=nonce, token=token)], "access.dpop_invalid"),
    ):
        headers = [("Authorization", authorization), *(("DPoP", each) for each in proofs)]
        async with page.http.get(me, headers=headers) as response:
            answer = await response.json(content_type=None)
            assert answer.get("code") == code
            if code == "access.dpop_invalid":
                assert 'error="invalid_dpop_proof"' in response.headers["WWW-Authenticate"]
