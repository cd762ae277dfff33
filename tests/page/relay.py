"""A way into a namespace: Chromium and Playwright live outside, the daemon inside."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.lab.netns import Namespace


@asynccontextmanager
async def relay(inside: Namespace, port: int) -> AsyncIterator[None]:
    """Bytes for 127.0.0.1:port here go to 127.0.0.1:port in there, and back. The port is the same on both
    sides: the daemon compares Host and Origin with its own."""
    carried: set[asyncio.Task[None]] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            sock = await asyncio.to_thread(inside.call, socket.create_connection, ("127.0.0.1", port), 5)
            sock.setblocking(False)
            far_reader, far_writer = await asyncio.open_connection(sock=sock)
        except OSError:
            writer.close()
            return
        ways = (reader, far_writer), (far_reader, writer)
        both = [asyncio.ensure_future(_pump(*way)) for way in ways]
        carried.update(both)
        await asyncio.wait(both)
        carried.difference_update(both)

    server = await asyncio.start_server(carry, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
        for task in carried:
            task.cancel()
        await asyncio.gather(*carried, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()
        await writer.wait_closed()
