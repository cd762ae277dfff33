"""Rules that hold for every test: no blocked event loop, no task left behind, no silent lab skip."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
import structlog
from blockbuster import BlockBuster
from hypothesis import HealthCheck, settings

pytest_plugins = ("tests.lab.plugin",)
# A machine that is busy with other tests is slow, not wrong: no example is timed.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(20))


@pytest.fixture(autouse=True)
def _nothing_blocks() -> Iterator[None]:
    """A blocking call of ours inside an event loop fails the test that made it."""
    guard = BlockBuster(scanned_modules=["gatewayd"])
    for name in ("os.stat", "os.mkdir", "os.unlink", "os.rename", "os.replace", "os.scandir", "os.listdir"):
        guard.functions.pop(name, None)  # single look-ups in a page cache: cheaper than a thread
    guard.activate()
    yield
    guard.deactivate()


@pytest_asyncio.fixture(autouse=True)
async def _no_task_is_left() -> AsyncIterator[None]:
    """A task that outlives its test belongs to nobody."""
    before = asyncio.all_tasks()
    yield
    for _ in range(50):
        left = asyncio.all_tasks() - before - {asyncio.current_task()}
        if not left:
            return
        await asyncio.sleep(0.01)
    names = ", ".join(sorted(repr(task) for task in left))
    pytest.fail(f"tasks left behind: {names}")


@pytest.fixture
def is_root() -> bool:
    """Whether the tests run as root."""
    return os.geteuid() == 0
