"""Writes the OpenAPI document of this very source: `python web/tools/document.py OUT`.

The page's types are made of it, so that a changed operation breaks the page's build. The table of operations
is complete only in a whole house, so a demo is started in a folder of its own and ended again.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import socket
import sys
import tempfile
from pathlib import Path

import msgspec

from gatewayd import __version__, places
from gatewayd.api import openapi
from gatewayd.app import House, Options
from gatewayd.settings import parse

_CONFIG = """
[api]
advertise = false
[wifi]
driver = "simulated"
[dvr]
folder = "media"
"""


async def document(folder: Path) -> bytes:
    """The document as JSON, indented and in one order."""
    settings = parse(_CONFIG)
    where = places.find(demo=True, state_dir=folder, socket=None, media=settings.dvr.folder)
    with socket.socket() as probe:
        probe.bind(("", 0))
        port = probe.getsockname()[1]
    house = House(Options(demo=True, state_dir=folder, port=port, log_level="error"), settings, where)
    living = asyncio.create_task(house.live())
    try:
        waiting = asyncio.create_task(house.ready.wait())
        async with asyncio.timeout(60):
            await asyncio.wait((living, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if living.done():
            living.result()
        assert house.registry is not None  # it is ready
        built = openapi.build(house.registry, __version__)
        return msgspec.json.format(msgspec.json.encode(built, order="sorted"), indent=1)
    finally:
        house.stop()
        await living


def main() -> None:
    """Writes only what differs, so that nothing is built anew for nothing."""
    out = Path(sys.argv[1])
    # The demo greets whoever starts it; nobody is to hear it here.
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        text = asyncio.run(document(Path(folder)))
    out.parent.mkdir(exist_ok=True)
    if not out.exists() or out.read_bytes() != text:
        out.write_bytes(text)


if __name__ == "__main__":
    main()
