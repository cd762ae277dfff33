"""One box, and the command line in a thread of its own beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from click.testing import CliRunner, Result

from gatewayd.cli.main import main
from tests.support.box import FakeBox, open_box

Gatewayctl = Callable[..., Awaitable[Result]]


@pytest_asyncio.fixture
async def box(tmp_path: Path) -> AsyncIterator[FakeBox]:
    """A box with canned trades; its jobs go on at once unless a test holds them."""
    async with open_box(tmp_path) as running:
        running.trades.hold.set()
        yield running


@pytest.fixture
def gatewayctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gatewayctl:
    """Runs `gatewayctl` with these words against `box`; `typed` is its standard input."""
    for name in ("GATEWAYD_URL", "GATEWAYD_TOKEN", "GATEWAYD_FINGERPRINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GATEWAYD_SOCKET", str(tmp_path / "api.sock"))
    monkeypatch.setenv("TZ", "UTC")

    async def run(*words: str, typed: str | None = None) -> Result:
        result = await asyncio.to_thread(CliRunner().invoke, main, list(words), input=typed)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run
