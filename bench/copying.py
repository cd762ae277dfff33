"""`python -m bench.copying URL STREAMS FOLDER`: what anybody would write first, as the bench's peer.

One process; each stream is an aiohttp response whose pieces go to a file as they come. No index, no
analysis, no checksum, no fdatasync.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import aiohttp


async def copy(session: aiohttp.ClientSession, url: str, path: Path) -> None:
    """One stream, until killed."""
    with open(path, "wb") as file:
        async with session.get(url) as response:
            async for piece in response.content.iter_any():
                file.write(piece)


async def main(url: str, streams: int, folder: Path) -> None:
    """All at once."""
    timeout = aiohttp.ClientTimeout(total=None)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        await asyncio.gather(*(copy(session, url, folder / f"copy{number}.ts") for number in range(streams)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])))
