"""The web defence: foreign names, foreign pages, peers that dawdle, peers that are too many."""

from __future__ import annotations

import asyncio
import grp
import multiprocessing
import os
import socket
import ssl
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import structlog
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.api.connections import Limits, peer_credentials, plain_address
from gatewayd.api.defence import host_of, same_origin
from gatewayd.api.sockets import open_tcp
from tests.support.api import BOX_ID, Api, open_api, trusting

OWNER = {"Authorization": "Bearer owner"}
CHANGE = {"lamp": "hall", "brightness": 1}


PATHS = ("/", "/docs", "/v1/openapi.json", "/v1/free", "/v1/lamps/x", "/v1/nothing", "/nothing", "/v1/events")


async def test_every_answer_carries_the_headers(api: Api) -> None:
    for path in PATHS:
        for session, base in ((api.https, api.url), (api.local, "http://box")):
            async with session.get(base + path) as response:
                headers = response.headers
            policy = headers["Content-Security-Policy"]
            assert "default-src 'self'" in policy, path
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert headers["Server"] == "gatewayd"
            assert headers["Cache-Control"] == "no-store"
            assert "Access-Control-Allow-Origin" not in headers


HOSTS = {
    "127.0.0.1:{port}": 200,
    "127.0.0.1": 200,
    "localhost:{port}": 200,
    f"{BOX_ID}.local:{{port}}": 200,
    f"{BOX_ID.upper()}.LOCAL.": 200,
    "box.example:{port}": 200,
    "evil.example": 421,
    "evil.example:{port}": 421,
    f"{BOX_ID}.local.evil.example": 421,
    "192.0.2.1": 421,
    "[::1]": 421,
    "": 421,
    "[": 421,
    "127.0.0.1@evil.example": 421,
}


async def test_only_own_names_are_answered(tmp_path: Path) -> None:
    async with open_api(tmp_path, hosts=["box.example"]) as api:
        for host, status in HOSTS.items():
            headers = {"Host": host.format(port=api.server.port)}
            async with api.https.get(f"{api.url}/v1/free", headers=headers) as response:
                assert response.status == status, host
                if status == 421:
                    assert (await response.json(content_type=None))["code"] == "request.forbidden_host"


FOREIGN = (
    "https://127.0.0.1",
    "http://127.0.0.1:{port}",
    "https://localhost:{port}",
    "https://evil.example",
    "null",
    "",
    "https://127.0.0.1:{port}/path",
    "https://user@127.0.0.1:{port}",
    "https://127.0.0.1:99999999",
)


async def test_a_foreign_page_changes_nothing(api: Api) -> None:
    for origin in FOREIGN:
        headers = OWNER | {"Origin": origin.format(port=api.server.port)}
        async with api.https.post(f"{api.url}/v1/lamps", json=CHANGE, headers=headers) as response:
            body = await response.json(content_type=None)
        assert (response.status, body["code"]) == (403, "request.forbidden_origin"), origin
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await api.https.ws_connect(f"{api.url}/v1/events", headers=headers)
        assert refused.value.status == 403
    assert api.samples.done == 0
    for own in ({}, {"Origin": api.url}):
        async with api.https.post(f"{api.url}/v1/lamps", json=CHANGE, headers=OWNER | own) as response:
            assert response.status == 201


@given(st.text())
def test_no_header_breaks_the_parsers(text: str) -> None:
    assert isinstance(host_of(text), str)
    assert not same_origin(text, "https", "evil.example") or "evil.example" in text.lower()


def test_origins_compare_by_scheme_name_and_port() -> None:
    assert same_origin("https://box.local", "https", "box.local:443")
    assert same_origin("https://BOX.local:443", "https", "box.local")
    assert not same_origin("https://box.local:444", "https", "box.local")


async def read_all(reader: asyncio.StreamReader) -> bytes:
    """Until the server closes, at most 5 s."""
    return await asyncio.wait_for(reader.read(), 5)


async def test_a_stalled_body_is_given_up(tmp_path: Path) -> None:
    async with open_api(tmp_path, limits=Limits(body=0.2, linger=0.2)) as api:
        reader, writer = await api.raw()
        writer.write(
            b"POST /v1/lamps HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer owner\r\n"
            b"Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
        )
        answer = await read_all(reader)
        assert b" 408 " in answer.splitlines()[0]
        assert b"request.timeout" in answer
        writer.close()
        assert api.samples.done == 0


async def test_a_slow_header_is_given_up(tmp_path: Path) -> None:
    async with open_api(tmp_path, limits=Limits(header=0.2)) as api:
        for start in (b"", b"GET /v1/free HTTP/1.1\r\nHost: loc"):
            reader, writer = await api.raw()
            writer.write(start)
            assert await read_all(reader) == b""
            writer.close()


async def test_an_idle_connection_is_closed_and_a_busy_one_kept(tmp_path: Path) -> None:
    async with open_api(tmp_path, limits=Limits(header=0.6, keep_alive=1.5)) as api:
        reader, writer = await api.raw()
        for _ in range(2):
            writer.write(b"GET /v1/free HTTP/1.1\r\nHost: localhost\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in head.splitlines()[0]
            await reader.readuntil(b"}")
            await asyncio.sleep(0.7)  # longer than a first header may take
        assert await read_all(reader) == b""
        writer.close()


async def test_a_handshake_that_never_comes_is_given_up(tmp_path: Path) -> None:
    async with open_api(tmp_path, limits=Limits(handshake=0.2)) as api:
        reader, writer = await asyncio.open_connection("127.0.0.1", api.server.port)
        assert await read_all(reader) == b""
        writer.close()


async def test_silent_connections_are_counted_before_their_handshake(tmp_path: Path) -> None:
    async with open_api(tmp_path, limits=Limits(per_address=2, handshake=30.0)) as api:
        silent = [await asyncio.open_connection("127.0.0.1", api.server.port) for _ in range(3)]
        assert await read_all(silent[0][0]) == b""  # the third took the place of the first
        for _, stream in silent:
            stream.close()
            await stream.wait_closed()
        assert await answers_again(api)


async def answers_again(api: Api) -> bool:
    """Whether places that were taken are given back within 5 s."""
    async with asyncio.timeout(5):
        while True:
            try:
                async with api.https.get(f"{api.url}/v1/free") as response:
                    return response.status == 200
            except aiohttp.ClientError:
                await asyncio.sleep(0.01)


async def test_broken_http_is_a_problem_with_headers(api: Api) -> None:
    start = b"GET /v1/free HTTP/1.1\r\nHost: localhost\r\n"
    for garbage in (
        b"\x00\x01\x02\r\n\r\n",
        start + b"Content-Length: x\r\n\r\n",
        start + b"X: " + b"y" * 20_000 + b"\r\n\r\n",
        start + b"".join(b"X%d: y\r\n" % number for number in range(200)) + b"\r\n",
        start + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    ):
        reader, writer = await api.raw()
        writer.write(garbage)
        answer = await read_all(reader)
        assert b" 400 " in answer.splitlines()[0], garbage[:60]
        assert b"request.malformed" in answer
        assert b"Content-Security-Policy" in answer
        assert b"aiohttp" not in answer
        writer.close()


def test_addresses_are_plain() -> None:
    assert plain_address(("::ffff:192.0.2.1", 1, 0, 0)) == "192.0.2.1"
    assert plain_address(("fe80::1%eth0", 1, 0, 2)) == "fe80::1"
    assert plain_address(None) == ""


def knock(path: str, groups: list[int], queue: Any) -> None:
    """As nobody, in these groups besides: one request over the Unix socket."""
    os.setgroups(groups)
    os.setgid(65534)
    os.setuid(65534)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        sock.sendall(b"GET /v1/lamps/hall HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n")
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
    queue.put(answer)


@pytest.fixture
def shown() -> Iterator[Path]:
    """A folder that everybody can enter: pytest's own are closed to others."""
    with tempfile.TemporaryDirectory(prefix="gatewayd-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming somebody else needs root")
@pytest.mark.parametrize(
    ("groups", "status", "word"), [([], b" 403 ", b"access.forbidden"), ([20], b" 200 ", b"hall")]
)
async def test_others_need_the_group(
    tmp_path: Path, shown: Path, groups: list[int], status: bytes, word: bytes
) -> None:
    async with open_api(tmp_path, admin_group=grp.getgrgid(20).gr_name) as api:
        os.link(api.socket, shown / "api.sock")
        (shown / "api.sock").chmod(0o666)
        context = multiprocessing.get_context("spawn")
        queue = context.Queue()
        child = context.Process(target=knock, args=(str(shown / "api.sock"), groups, queue))
        await asyncio.to_thread(child.start)
        answer = await asyncio.to_thread(queue.get, True, 30)
        await asyncio.to_thread(child.join)
        child.close()
        queue.close()
        await asyncio.to_thread(queue.join_thread)
    assert status in answer.splitlines()[0]
    assert word in answer


def test_the_kernel_tells_who_is_there() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        uid, groups = peer_credentials(ours)
    assert uid == os.geteuid()
    assert groups >= {os.getegid(), *os.getgroups()}


async def test_the_socket_is_for_its_group_only(api: Api) -> None:
    assert api.socket.stat().st_mode & 0o777 == 0o660


async def test_plain_http_is_sent_on_to_tls(tmp_path: Path) -> None:
    plain = open_tcp(0, "127.0.0.1")
    port = plain.getsockname()[1]
    async with open_api(tmp_path, redirect=plain) as api, aiohttp.ClientSession() as session:
        base = f"http://127.0.0.1:{port}"
        async with session.get(f"{base}/docs?x=1", allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (308, f"{api.url}/docs?x=1")
        async with session.get(base, headers={"Host": "evil.example"}, allow_redirects=False) as response:
            assert response.status == 421
        async with session.post(f"{base}/v1/lamps", json=CHANGE, allow_redirects=False) as response:
            assert response.status == 405


async def test_old_tls_is_refused(api: Api) -> None:
    context = trusting()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("127.0.0.1", api.server.port, ssl=context)


async def test_a_defect_in_a_route_is_told_with_its_id(tmp_path: Path) -> None:
    async def crash(request: web.Request) -> web.StreamResponse:
        raise RuntimeError("hunter2")

    async def breaks_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = 1000
        await response.prepare(request)
        await response.write(b"half of it")
        raise RuntimeError("hunter2")

    async def late(request: web.Request) -> web.StreamResponse:
        raise TimeoutError

    extra = [web.get("/v1/crash", crash), web.get("/v1/half", breaks_off), web.get("/v1/late", late)]
    async with open_api(tmp_path, extra=lambda callers: extra) as api:
        for path in ("crash", "late"):
            async with api.https.get(f"{api.url}/v1/{path}") as response:
                body = await response.json(content_type=None)
            assert (response.status, body["code"]) == (500, "operation.crashed")
            assert body["id"] in body["detail"]
            assert "hunter2" not in str(body)
        async with api.https.get(f"{api.url}/v1/half") as response:
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()


async def test_the_access_log_holds_neither_query_nor_token(api: Api) -> None:
    configured = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(10))
    try:
        with structlog.testing.capture_logs() as logs:
            async with api.https.get(f"{api.url}/v1/lamps/hall?tags=private", headers=OWNER) as response:
                assert response.status == 200
    finally:
        structlog.configure(wrapper_class=configured)
    requests = [line for line in logs if line["event"] == "api.request"]
    assert [(line["method"], line["path"], line["status"], line["log_level"]) for line in requests] == [
        ("GET", "/v1/lamps/hall", 200, "debug")
    ]
    assert "private" not in str(logs)
    assert "owner" not in str(logs)


@pytest.mark.parametrize(
    "body", [b"zz\r\n{}\r\n0\r\n\r\n", b"5\r\n{}\r\n", b"-1\r\n", b"ffffffffffffffffff\r\n{}"]
)
async def test_broken_chunks_are_the_peers_fault(tmp_path: Path, body: bytes) -> None:
    async with open_api(tmp_path, limits=Limits(body=0.5, linger=0.2)) as api:
        reader, writer = await api.raw()
        writer.write(
            b"POST /v1/lamps HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer owner\r\n"
            b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + body
        )
        status = (await read_all(reader)).splitlines()[0]
        assert b" 400 " in status or b" 408 " in status
        assert api.samples.done == 0
        writer.close()


async def test_a_body_that_breaks_off_changes_nothing(api: Api) -> None:
    reader, writer = await asyncio.open_unix_connection(str(api.socket))
    writer.write(
        b"POST /v1/lamps HTTP/1.1\r\nHost: box\r\n"
        b"Content-Type: application/json\r\nContent-Length: 99\r\n\r\n"
        b'{"lamp": "hall", "brightness": 1}'
    )
    writer.write_eof()
    await read_all(reader)
    writer.close()
    assert api.samples.done == 0


async def test_an_expectation_is_met_or_refused(api: Api) -> None:
    for expected, status in ((b"100-continue", b" 100 "), (b"the-impossible", b" 417 ")):
        reader, writer = await api.raw()
        writer.write(
            b"POST /v1/lamps HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer owner\r\nExpect: "
            + expected
            + b"\r\nContent-Type: application/json\r\nContent-Length: 33\r\n\r\n"
        )
        assert status in await asyncio.wait_for(reader.readline(), 5)
        writer.close()
