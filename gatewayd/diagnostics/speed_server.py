"""`gatewayd speedtest-server`: the far end of a speed test, for an operator to host near his network's edge.

Plain HTTP for the load, so that TLS is not what is measured. `/.well-known/nq` tells the addresses in the
form of the IETF's responsiveness test (draft-ietf-ippm-responsiveness, "test server discovery"), so other
clients of that test can use it, and our client other servers. What one client can take is bounded.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import ssl
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import structlog
from aiohttp import web

log = structlog.get_logger(__name__)

MOST_SECONDS = 20.0
MOST_BYTES = 16 * 1024**3
MOST_STREAMS, MOST_STREAMS_EACH = 512, 40
_POOL = 8 * 1024 * 1024  # bytes that nothing between us can compress, sent again and again


class SpeedServer:
    """The web application and its bounds. `port` is where the load is served, in plain HTTP."""

    def __init__(
        self, port: int, *, seconds: float = MOST_SECONDS, streams_each: int = MOST_STREAMS_EACH
    ) -> None:
        self._port = port
        self._seconds = seconds
        self._each = streams_each
        self._streams: Counter[str] = Counter()
        self._file = os.memfd_create("speedtest")
        os.write(self._file, os.urandom(_POOL))
        # A response reads through a Python file of its own: sendfile(2) takes an offset, so all share one.
        self._content = os.fdopen(self._file, "rb", buffering=0)

    def application(self) -> web.Application:
        """What to serve."""
        made = web.Application()
        made.router.add_get("/.well-known/nq", self._config)
        made.router.add_get("/small", self._small)
        made.router.add_get("/large", self._large)
        made.router.add_post("/upload", self._upload)
        made.on_response_prepare.append(_open_to_pages)
        return made

    def close(self) -> None:
        """Gives back the memory."""
        self._content.close()

    async def _config(self, request: web.Request) -> web.Response:
        host = request.url.host or "localhost"
        base = f"http://[{host}]:{self._port}" if ":" in host else f"http://{host}:{self._port}"
        urls = {"small_download_url": "small", "large_download_url": "large", "upload_url": "upload"}
        return web.json_response(
            {"version": 1, "urls": {name: f"{base}/{path}" for name, path in urls.items()}},
            headers={"Cache-Control": "no-store"},
        )

    async def _small(self, request: web.Request) -> web.Response:
        return web.Response(body=b"1", content_type="application/octet-stream", headers=_RAW)

    async def _large(self, request: web.Request) -> web.StreamResponse:
        with self._place(request):
            response = web.StreamResponse(headers=_RAW)
            response.content_type = "application/octet-stream"
            response.content_length = MOST_BYTES
            await response.prepare(request)
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(self._seconds):
                    await self._pour(request)
            # The promised length is not reached, on purpose: the connection has done its work.
            if request.transport is not None:
                request.transport.abort()
            return response

    async def _pour(self, request: web.Request) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(MOST_BYTES // _POOL):
            if request.transport is None or request.transport.is_closing():
                return
            await loop.sendfile(request.transport, self._content, 0, _POOL)

    async def _upload(self, request: web.Request) -> web.Response:
        with self._place(request):
            got = 0
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._seconds):
                    async for piece in request.content.iter_any():
                        got += len(piece)
                        if got >= MOST_BYTES:
                            break
            return web.json_response({"bytes": got})

    @contextlib.contextmanager
    def _place(self, request: web.Request) -> Iterator[None]:
        who = request.remote or ""
        if self._streams[who] >= self._each or self._streams.total() >= MOST_STREAMS:
            raise web.HTTPTooManyRequests(text="Too many streams at once.\n")
        self._streams[who] += 1
        try:
            yield
        finally:
            self._streams[who] -= 1
            if not self._streams[who]:
                del self._streams[who]


_RAW = {"Cache-Control": "no-store, no-transform"}


async def _open_to_pages(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Access-Control-Allow-Origin"] = "*"  # there is nothing here but noise


async def serve(
    server: SpeedServer, sockets: list[socket.socket], context: ssl.SSLContext | None = None
) -> web.AppRunner:
    """Serves on these sockets until the runner is cleaned up."""
    runner = web.AppRunner(
        server.application(), access_log=None, keepalive_timeout=15.0, shutdown_timeout=0.5
    )
    await runner.setup()
    for sock in sockets:
        await web.SockSite(runner, sock, ssl_context=context).start()
    return runner


def arguments(argv: list[str]) -> argparse.Namespace:
    """The command line behind `speedtest-server`."""
    parser = argparse.ArgumentParser(
        prog="gatewayd speedtest-server", description="The far end of a speed test, for an operator to host."
    )
    parser.add_argument(
        "--port", type=int, default=8080, help="where the load is served in plain HTTP (8080)"
    )
    parser.add_argument("--address", help="listen there only; default: everywhere")
    parser.add_argument("--tls-port", type=int, default=8443, help="the same under TLS, with --certificate")
    parser.add_argument("--certificate", type=Path, metavar="FILE", help="PEM, the whole chain")
    parser.add_argument("--key", type=Path, metavar="FILE", help="PEM; default: in the certificate's file")
    options = parser.parse_args(argv)
    if not (1 <= options.port <= 65535 and 1 <= options.tls_port <= 65535):
        parser.error("a port is a number from 1 to 65535")
    return options


async def run(options: argparse.Namespace) -> None:
    """Serves until SIGTERM or SIGINT. Raises OSError when a port or a file cannot be opened."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    server = await asyncio.to_thread(SpeedServer, options.port)
    runners = [await serve(server, [_listen(options.port, options.address)])]
    if options.certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        await asyncio.to_thread(context.load_cert_chain, options.certificate, options.key)
        runners.append(await serve(server, [_listen(options.tls_port, options.address)], context))
    log.info("speedtest_server.ready", port=options.port)
    try:
        await ended.wait()
    finally:
        for runner in runners:
            await runner.cleanup()
        server.close()


def _listen(port: int, address: str | None) -> socket.socket:
    if address is not None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return socket.create_server((address, port), family=family, backlog=256)
    return socket.create_server(
        ("", port), family=socket.AF_INET6, dualstack_ipv6=socket.has_dualstack_ipv6(), backlog=256
    )


def main(argv: list[str]) -> int:
    """The verb's entry; the exit status."""
    from gatewayd.system import logs

    options = arguments(argv)
    logs.configure()
    try:
        asyncio.run(run(options))
    except OSError as error:
        sys.stderr.write(f"gatewayd speedtest-server: {error}\n")
        return 1
    return 0
