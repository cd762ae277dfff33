"""Deleting, and the daemon killed in the middle of it: what is for good is gone, the trash is whole."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest

from tests.acceptance.recording import channel, ended, record
from tests.support.daemon import running, until
from tests.support.ts import PacedServer

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(180)]


async def test_killed_between_the_answer_and_the_bytes() -> None:
    with tempfile.TemporaryDirectory(prefix="gwt-") as folder:
        async with running(Path(folder)) as daemon, PacedServer() as server:
            name = await channel(daemon, server)
            items = [await record(daemon, one, 8) for one in (name, "testcard")]
            await asyncio.gather(*(ended(daemon, item, 40) for item in items))
            media = daemon.folder / "media"
            before = {path.name for path in media.glob("*.ts")}
            status, trashed = await daemon.call("DELETE", f"/dvr/recordings/{items[1]}")
            assert (status, trashed["state"]) == (200, "trash")
            status, _ = await daemon.call("DELETE", f"/dvr/recordings/{items[0]}?permanent=true")
            assert status == 200
            await daemon.kill()  # at once: its segments may be there, or half of them
            await daemon.start()

            async def gone() -> bool | None:
                left = {path.name for path in media.glob("*.ts")}
                return left < before or None

            await until(gone, 30)
            assert [row["id"] for row in (await daemon.get("/dvr/recordings?state=trash"))["items"]] == [
                items[1]
            ]
            back = await daemon.post(f"/dvr/recordings/{items[1]}/restore")
            assert back["bytes"] == trashed["bytes"] > 0

            async def settled() -> bool | None:
                left = sum(path.stat().st_size for path in media.glob("*.ts"))
                return left == (await daemon.get("/dvr/storage"))["used"] == back["bytes"] or None

            await until(settled, 30)
            assert (await daemon.call("GET", f"/dvr/recordings/{items[0]}"))[0] == 404
