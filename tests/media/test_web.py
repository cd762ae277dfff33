"""An address that does not say what is behind it."""

from __future__ import annotations

import time
from pathlib import Path

from aiohttp import web

from gatewayd.dvr.media.messages import Range, SourceFailed
from tests.support.hls import HlsServer, encoded
from tests.support.recorder import RecorderProcess, http_channel


async def test_a_playlist_behind_a_plain_address_is_recorded(tmp_path: Path) -> None:
    async with HlsServer(tmp_path / "hls") as server, RecorderProcess(tmp_path) as recorder:
        await encoded(
            server.folder, "-f", "hls", "-hls_time", "1", "-hls_list_size", "0", "film.m3u8", seconds=2
        )
        lines = (server.folder / "film.m3u8").read_text().splitlines()
        absolute = [line if line.startswith("#") else server.url + line for line in lines]

        async def live(request: web.Request) -> web.Response:
            return web.Response(
                body="\n".join(absolute).encode(), headers={"Content-Type": "audio/x-mpegurl; charset=utf-8"}
            )

        app = web.Application()
        app.router.add_get("/live", live)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            now = time.time()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}/live"
            await recorder.desire(http_channel("one", url, Range(id="a", start=now, stop=now + 4)))
            await recorder.done("a")
        finally:
            await runner.cleanup()
        located = await recorder.locate("one", now, now + 4)
        assert recorder.read(located.slices) == server.media() != b""
        failures = {entry.code for entry in await recorder.journal(SourceFailed)}
        assert failures <= {"dvr.source_ended"}  # the film is over before the recording
