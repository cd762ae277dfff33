"""Peers that take and give nothing: slow headers, slow bodies, TLS that never goes on. A process of its own.

    python -m tests.support.attack PORT HEADERS BODIES STALLED ADDRESSES

Opens that many connections from that many loopback addresses, keeps each alive as long as the box lets it,
and prints one line of JSON: how long each kind lived, in seconds, and how many were never let in.
"""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import ssl
import sys

GIVE_UP = 40.0
DRIP = 1.0
HEADER = b"GET /v1/info HTTP/1.1\r\nHost: localhost\r\n"
BODY = (
    b"POST /v1/access/claim/finish HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 100000\r\n\r\n{"
)


def context() -> ssl.SSLContext:
    """TLS that believes anybody."""
    made = ssl.create_default_context()
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    return made


class Attack:
    """All of it; `lives` are seconds by kind."""

    def __init__(self, port: int, addresses: int) -> None:
        self._port = port
        self._addresses = addresses
        self._tls = context()
        self._turn = asyncio.Semaphore(100)
        self.lives: dict[str, list[float]] = {"header": [], "body": [], "stalled": []}
        self.refused = 0

    async def one(self, kind: str, number: int) -> None:
        """One connection until it is closed, or for 40 s."""
        source = f"127.0.{1 + number % self._addresses // 250}.{1 + number % self._addresses % 250}"
        loop = asyncio.get_running_loop()
        sock = socket.socket()
        sock.setblocking(False)
        sock.bind((source, 0))
        writer = None
        try:
            async with self._turn:
                await loop.sock_connect(sock, ("127.0.0.1", self._port))
                began = loop.time()
                tls = None if kind == "stalled" else self._tls
                reader, writer = await asyncio.open_connection(
                    sock=sock, ssl=tls, server_hostname=None if tls is None else "localhost"
                )
                if kind == "stalled":
                    writer.write(b"\x16\x03\x01\x02\x00\x01")  # a ClientHello begins
            await asyncio.wait_for(self._drip(kind, reader, writer), GIVE_UP)
            self.lives[kind].append(loop.time() - began)
        except (OSError, EOFError):
            self.refused += 1
        except TimeoutError:
            self.lives[kind].append(GIVE_UP)
        finally:
            sock.close() if writer is None else writer.close()

    async def _drip(self, kind: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if kind != "stalled":
            writer.write(HEADER if kind == "header" else BODY)
        closed = asyncio.ensure_future(self._closed(reader))
        try:
            while not closed.done():
                await asyncio.wait({closed}, timeout=DRIP)
                if not closed.done() and kind != "stalled":
                    writer.write(b"X-Slow: 1\r\n" if kind == "header" else b" ")
        finally:
            closed.cancel()

    async def _closed(self, reader: asyncio.StreamReader) -> None:
        try:
            while await reader.read(4096):
                pass
        except OSError:
            pass


async def main(port: int, headers: int, bodies: int, stalled: int, addresses: int) -> None:
    """Runs the attack and tells."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 8192)), hard))
    attack = Attack(port, addresses)
    kinds = ["header"] * headers + ["body"] * bodies + ["stalled"] * stalled
    print("begun", flush=True)
    await asyncio.gather(*(attack.one(kind, number) for number, kind in enumerate(kinds)))
    print(json.dumps({"lives": attack.lives, "refused": attack.refused}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*(int(word) for word in sys.argv[1:6])))
