"""The frame: it opens, it is small, it asks nobody else, it has no barrier."""

from __future__ import annotations

import pytest

from tests.page.visit import visit
from tests.support.daemon import Daemon

pytestmark = [pytest.mark.page, pytest.mark.timeout(120)]
FIRST_LOAD = 250_000  # bytes over the wire, without the player


async def test_the_first_load_is_small(box: Daemon) -> None:
    async with visit(box) as there:
        session = await there.context.new_cdp_session(there.page)
        await session.send("Network.enable")
        loaded: list[float] = []
        session.on("Network.loadingFinished", lambda event: loaded.append(event["encodedDataLength"]))
        await there.own()
        await there.open()
        await there.page.get_by_role("navigation", name="Views").wait_for()
        await there.page.wait_for_load_state("networkidle")
        assert 0 < sum(loaded) <= FIRST_LOAD, sum(loaded)


async def test_without_scripts_there_is_a_plain_sentence(box: Daemon) -> None:
    async with visit(box, java_script_enabled=False) as there:
        await there.open()
        assert "scripts" in await there.page.inner_text("body")
