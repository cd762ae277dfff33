"""HLS as servers really offer it: made by ffmpeg, served by aiohttp on loopback, every answer remembered."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

PICTURE = "testsrc=s=320x180:r=25"
TONE = "sine=frequency=1000:sample_rate=48000"
ENCODED = (
    *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25", "-b:v", "600k"),
    *("-c:a", "aac", "-b:a", "64k"),
)


def encode(
    folder: Path, *output: str, seconds: float = 6.0, live: bool = False, codecs: Sequence[str] = ENCODED
) -> subprocess.Popen[bytes]:
    """Starts ffmpeg on a moving picture and a tone; `output` is what follows its codecs."""
    folder.mkdir(parents=True, exist_ok=True)
    pace = ("-re",) if live else ()
    return subprocess.Popen(
        [
            *("ffmpeg", "-v", "error", "-y"),
            *(*pace, "-f", "lavfi", "-i", f"{PICTURE}:d={seconds}"),
            *(*pace, "-f", "lavfi", "-i", f"{TONE}:d={seconds}"),
            *codecs,
            *output,
        ],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


async def encoded(folder: Path, *output: str, seconds: float = 6.0) -> None:
    """As `encode`, and waits for it."""
    process = encode(folder, *output, seconds=seconds)
    assert await asyncio.to_thread(process.wait, 50) == 0


class HlsServer:
    """`async with HlsServer(folder) as server:` serves the folder's files below `server.url`.

    `served` are the (name, body) of whole answers in order. `break_off[name]` is how many bytes come before
    the connection is cut, once; `missing` names are answered 404; `ranges` False ignores Range headers.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.served: list[tuple[str, bytes]] = []
        self.asked: list[str] = []
        self.break_off: dict[str, int] = {}
        self.missing: set[str] = set()
        self.ranges = True
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Of the folder, with a slash at the end."""
        return f"http://127.0.0.1:{self.port}/"

    def media(self, *suffixes: str) -> bytes:
        """All segments served so far, one after the other."""
        wanted = suffixes or (".ts",)
        return b"".join(body for name, body in self.served if name.endswith(wanted))

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/{name:.+}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self.asked.append(name)
        path = self.folder / name
        if name in self.missing or not path.is_file():
            raise web.HTTPNotFound
        body = await asyncio.to_thread(path.read_bytes)
        status, span = 200, request.http_range
        if self.ranges and (span.start is not None or span.stop is not None):
            body, status = body[span], 206
        response = web.StreamResponse(status=status)
        response.content_length = len(body)
        await response.prepare(request)
        cut = self.break_off.pop(name, None)
        with contextlib.suppress(ConnectionError):
            await response.write(body[:cut])
            if cut is not None and request.transport is not None:
                await asyncio.sleep(0.2)  # what was written shall arrive
                request.transport.abort()
            else:
                self.served.append((name, body))
        return response
