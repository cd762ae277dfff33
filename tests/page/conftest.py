"""Every test of the page has a real daemon of its own, or asks for one with other settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.support.daemon import Daemon, running


@pytest_asyncio.fixture
async def box(tmp_path: Path) -> AsyncIterator[Daemon]:
    """The demo: a simulated radio, the test card, nobody's yet."""
    async with running(tmp_path) as daemon:
        yield daemon
