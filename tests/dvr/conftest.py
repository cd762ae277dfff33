"""Television with a fake recorder on a real socket and a clock that stands still until it is moved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.dvr.home import Home, open_home
from tests.support.clock import FakeClock
from tests.support.fake_recorder import FakeRecorder


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def recorder(tmp_path: Path) -> AsyncIterator[FakeRecorder]:
    async with FakeRecorder(tmp_path / "media.sock") as recorder:
        yield recorder


@pytest.fixture
async def home(tmp_path: Path, recorder: FakeRecorder, clock: FakeClock) -> AsyncIterator[Home]:
    async with open_home(tmp_path, recorder.path, clock=clock) as home:
        yield home
