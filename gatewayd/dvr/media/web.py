"""The engine for http and https: a transport stream, or an HLS playlist where an address hides one.

Providers give addresses without `.m3u8` that answer with a playlist, some only after a redirect: what the
answer says of itself decides.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from gatewayd.dvr.media.engine import Engine, Flow
from gatewayd.dvr.media.http import HlsAnswered
from gatewayd.dvr.media.messages import Source

log = structlog.get_logger(__name__)


class WebEngine:
    """`http` opens streams; `hls` gives the engine that opens playlists, and is asked for it only then."""

    def __init__(self, http: Engine, hls: Callable[[], Engine]) -> None:
        self._http = http
        self._hls = hls

    @asynccontextmanager
    async def open(self, source: Source) -> AsyncIterator[Flow]:
        """See Engine."""
        async with AsyncExitStack() as stack:
            try:
                flow = await stack.enter_async_context(self._http.open(source))
            except HlsAnswered:
                log.info("media.hls_found")
                flow = await stack.enter_async_context(self._hls().open(source))
            yield flow
