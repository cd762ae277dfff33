"""The worked example of the documentation, run as it is printed."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from tests.support.box import Noted, open_box

PAGE = Path(__file__).parents[2] / "docs" / "client.md"
AROUND = """
import gatewayd.client
from gatewayd.client import Found

async def discover():
    return [Found("", "test", "v1", "unclaimed", ("127.0.0.1",), {port})]

gatewayd.client.discover = discover
input = lambda _: "{code}"
"""


def write_program(file: Path, *, port: int, code: str) -> None:
    """The example, with one box to discover and a code that somebody types."""
    found = re.search(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    file.write_text(AROUND.format(port=port, code=code) + found[1])


async def test_the_printed_app_works(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        opened = await box.access.open_at_start()
        assert opened is not None
        program = tmp_path / "app.py"
        await asyncio.to_thread(write_program, program, port=box.port, code=opened.code)
        app = await asyncio.create_subprocess_exec(
            *(sys.executable, "-u", str(program)),
            cwd=tmp_path,
            env={"PYTHONPATH": str(PAGE.parents[1]), "PATH": "/usr/bin:/bin"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert app.stdout is not None
        while not box.core.bus._readers and app.returncode is None:
            await asyncio.sleep(0.02)
        box.core.bus.publish(Noted(text="hello"))
        told = [await asyncio.wait_for(app.stdout.readline(), 20)]
        while b"hello" not in told[-1] and told[-1]:
            told.append(await asyncio.wait_for(app.stdout.readline(), 20))
        assert told[-1] == b"wifi.changed {'text': 'hello'}\n"
        assert len(told) > 1  # the networks came before
        (session, label), *_ = await box.access.sessions()
        assert (label, session.key is not None) == ("My app", True)
        async with box.core.database.unit() as unit:
            box.access.revoke(unit, session.id)
        _, complaint = await asyncio.wait_for(app.communicate(), 20)
        assert b"This session has ended." in complaint
