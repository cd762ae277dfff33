"""A speed test whose server is named by https: what to load is told under TLS, the load is plain HTTP."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gatewayd.diagnostics.speed_model import SpeedtestResult, SpeedtestStart
from gatewayd.diagnostics.speed_server import SpeedServer, serve
from gatewayd.diagnostics.speedtest import LineFacts, SpeedTest
from gatewayd.errors import GatewayError
from gatewayd.system.clock import SystemClock
from tests.diagnostics import far_end
from tests.diagnostics.test_mail_server import resolver


@asynccontextmanager
async def operator(context: ssl.SSLContext) -> AsyncIterator[int]:
    """A speed-test server as `gatewayd speedtest-server --certificate` makes it; its TLS port."""
    plain, secure = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    server = await asyncio.to_thread(SpeedServer, plain.getsockname()[1], seconds=5.0)
    runners = [await serve(server, [plain]), await serve(server, [secure], context)]
    try:
        yield secure.getsockname()[1]
    finally:
        for runner in runners:
            await runner.cleanup()
        server.close()


async def measured(url: str) -> SpeedtestResult:
    async with resolver() as one:

        async def resolvers() -> Sequence[str]:
            return (one,)

        async def line() -> LineFacts:
            return LineFacts()

        test = SpeedTest(url, SystemClock("always"), resolvers=resolvers, line=line)
        wanted = SpeedtestStart(directions=("down",), max_bytes=1_000_000, even_if_busy=True)
        return await test.run(wanted, lambda fraction, message, so_far: None)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    far_end.certificates(tmp_path)
    # aiohttp reads the authorities once, when it is imported.
    trusting = ssl.create_default_context(cafile=tmp_path / "authority.pem")
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", trusting)
    return tmp_path


async def test_the_load_is_plain_and_its_addresses_come_under_tls(folder: Path) -> None:
    async with operator(far_end._tls(folder, "server")) as port:
        found = await measured(f"https://probe.test:{port}")
    assert found.server == "probe.test"
    assert found.idle is not None
    assert found.down is not None
    assert found.down.bytes >= 1_000_000


@pytest.mark.parametrize("name", ["foreign", "later"])
async def test_a_server_with_another_certificate_is_not_measured_against(name: str, folder: Path) -> None:
    async with operator(far_end._tls(folder, name)) as port:
        with pytest.raises(GatewayError, match="certificate is not trusted") as refused:
            await measured(f"https://probe.test:{port}")
    assert refused.value.code == "diagnostics.unreachable"
