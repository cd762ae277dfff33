"""One house with an agent for a whole file; each test leaves it as it found it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.portal.inproc import Desk, Office, open_office


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    async with open_office(tmp_path_factory.mktemp("office")) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def desk(office: Office) -> AsyncIterator[Desk]:
    """The controller's desk; what a test configures is taken back."""
    before = dict(office.stored._rows)
    office.stand_ins.notes.clear()
    yield office.desk
    async with office.database.unit() as unit:
        for path in office.stored._rows.keys() - before.keys():
            office.stored.delete(unit, path)
        for path, params in before.items():
            if office.stored.row(path) != params:
                office.stored.put(unit, path, params)
    office.stand_ins.hidden.clear()
    await office.core.notifier.look()
    office.stand_ins.notes.clear()
