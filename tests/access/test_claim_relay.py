"""A real relay with a key of its own between an app and the box: key confirmation fails, on both sides."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from gatewayd.api.tls import BoxTls, spki_sha256
from gatewayd.callers import INTERNAL
from gatewayd.client.pake import ClaimByCode, WrongBox
from gatewayd.system.clock import SystemClock
from tests.support.house import OpenHouse, open_house

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(120)]


class App:
    """What an app does, over TLS of its own: it knows the key that it saw, and nothing else."""

    def __init__(self, base: str) -> None:
        self._base = base
        self.seen = ""
        self._pin = b""

    async def look(self) -> None:
        """One handshake: from now on only the certificate that was seen is spoken to."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        port = int(self._base.rpartition(":")[2])
        _, writer = await asyncio.open_connection("localhost", port, ssl=context)
        shown = writer.get_extra_info("ssl_object").getpeercert(True)
        writer.close()
        await writer.wait_closed()
        self._pin = hashlib.sha256(shown).digest()
        key = x509.load_der_x509_certificate(shown).public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        self.seen = spki_sha256(key)

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        connector = aiohttp.TCPConnector(ssl=aiohttp.Fingerprint(self._pin))
        async with (
            aiohttp.ClientSession(self._base, connector=connector) as session,
            session.post(f"/v1/access/claim/{path}", json=body) as response,
        ):
            return response.status, await response.json(content_type=None)

    async def claim(self, code: str) -> tuple[int, Any]:
        await self.look()
        _, start = await self.post("start", {})
        app = ClaimByCode(code, box=start["id"], salt=start["salt"], fingerprint=self.seen)
        _, answer = await self.post("start", {"message": app.message})
        confirmation = app.confirm(answer["message"])
        status, granted = await self.post(
            "finish", {"exchange": answer["exchange"], "confirmation": confirmation, "label": "App"}
        )
        app.check(granted.get("confirmation"))
        return status, granted


@asynccontextmanager
async def relay(folder: Path, box: str, *, honest: bool) -> AsyncIterator[tuple[str, list[Any]]]:
    """Hands on every request and answer; when it is not `honest`, it lies that all went well."""
    identity = BoxTls(folder, SystemClock("always"), box="gw-relay000")
    await identity.load()
    passed: list[Any] = []

    async def hand_on(request: web.Request) -> web.Response:
        async with (
            aiohttp.ClientSession(box, connector=aiohttp.TCPConnector(ssl=False)) as session,
            session.post(request.path, data=await request.read(), headers=_json()) as response,
        ):
            body = await response.read()
            passed.append((request.path, response.status))
            if response.status == 403 and not honest:
                lie = {"token": "gwt_lie", "confirmation": "A" * 43}
                return web.json_response(lie, status=201)
            return web.Response(status=response.status, body=body, content_type="application/json")

    app = web.Application()
    app.router.add_post("/{tail:.*}", hand_on)
    runner = web.AppRunner(app)
    await runner.setup()
    context: ssl.SSLContext = identity.context
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield f"https://localhost:{runner.addresses[0][1]}", passed
    finally:
        await runner.cleanup()


def _json() -> dict[str, str]:
    return {"Content-Type": "application/json"}


async def opened(house: OpenHouse) -> str:
    answer = await house.registry.dispatch("access.pairing.open", {}, INTERNAL)
    return str(msgspec.json.decode(answer.body)["code"])


async def test_a_relay_fails_where_a_straight_line_does_not() -> None:
    with tempfile.TemporaryDirectory(prefix="gwt-") as folder:
        async with open_house(Path(folder) / "box") as house:
            for honest in (True, False):
                code = await opened(house)
                async with relay(Path(folder) / "relay", house.base, honest=honest) as (base, passed):
                    with pytest.raises(WrongBox):
                        await App(base).claim(code)
                assert passed[-1] == ("/v1/access/claim/finish", 403)
            status, granted = await App(house.base).claim(await opened(house))
            assert status == 201
            async with (
                house.http(granted["token"]) as session,
                session.get("/v1/access/sessions") as response,
            ):
                assert response.status == 200
                assert len((await response.json())["items"]) == 2
