"""An RTSP server on loopback: what ffmpeg pushes into it (ANNOUNCE, RECORD) it plays to who asks.

Or, given a transport stream, it plays that as RTP payload 33, at its own pace. All over TCP.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import struct
import subprocess
import time
from types import TracebackType
from typing import Self

from tests.support.hls import PICTURE, TONE

_TS_SDP = (
    b"v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=control:*\r\nm=video 0 RTP/AVP 33\r\na=control:t\r\n"
)
_HEADER = re.compile(rb"([A-Za-z-]+):\s*([^\r]*)\r\n")


class RtspServer:
    """`async with RtspServer() as server:` listens on 127.0.0.1; `server.url` is the channel.

    With `stream`, that is played (`bitrate` bit/s, `sent` is what each player got); else `push` has ffmpeg
    send one.
    `password` asks for Digest; `redirect` answers DESCRIBE with that address; `asked` lists the methods.
    """

    def __init__(self, stream: bytes = b"", *, bitrate: int = 2_000_000, password: str = "") -> None:
        self.stream = stream
        self.bitrate = bitrate
        self.password = password
        self.redirect = ""
        self.asked: list[str] = []
        self.sent: list[bytearray] = []
        self.players: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.sdp = _TS_SDP if stream else b""
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._pushing: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The channel's address."""
        return f"rtsp://127.0.0.1:{self.port}/channel"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pushing is not None:
            self._pushing.kill()
            await asyncio.to_thread(self._pushing.wait)
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def push(self, *codecs: str, seconds: float = 60) -> None:
        """Has ffmpeg send a picture and a tone in real time; returns when they come."""
        chosen = codecs or ("-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-c:a", "aac")
        self._pushing = subprocess.Popen(
            [
                *("ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", f"{PICTURE}:d={seconds}"),
                *("-re", "-f", "lavfi", "-i", f"{TONE}:d={seconds}", "-pix_fmt", "yuv420p", *chosen),
                *("-f", "rtsp", "-rtsp_transport", "tcp", self.url),
            ],
            stdin=subprocess.DEVNULL,
        )
        async with asyncio.timeout(20):
            while "RECORD" not in self.asked:
                await asyncio.sleep(0.05)

    def drop(self) -> None:
        """Cuts off who plays."""
        for writer in tuple(self.players):
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while True:
                first = await reader.readexactly(1)
                if first == b"$":
                    head = await reader.readexactly(3)
                    body = await reader.readexactly(head[1] << 8 | head[2])
                    self._relay(first + head + body)
                else:
                    await self._answer(first + await reader.readuntil(b"\r\n\r\n"), reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.players.discard(writer)
            self._tasks.discard(task)
            writer.close()

    def _relay(self, packet: bytes) -> None:
        for player in self.players:
            player.write(packet)

    async def _answer(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, _, rest = head.partition(b"\r\n")
        method, uri = line.decode().split()[:2]
        headers = {name.lower().decode(): value.decode() for name, value in _HEADER.findall(rest)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.asked.append(method)
        status, extra, content = "200 OK", [f"CSeq: {headers.get('cseq', '0')}"], b""
        pushing = "record" in headers.get("transport", "") or method in ("OPTIONS", "ANNOUNCE", "RECORD")
        if self.password and not pushing and not self._allowed(method, uri, headers):
            status = "401 Unauthorized"
            extra.append('WWW-Authenticate: Basic realm="tv"')
            extra.append('WWW-Authenticate: Digest realm="tv", nonce="n0nce", algorithm=MD5')
        elif method == "ANNOUNCE":
            self.sdp = body
        elif method == "DESCRIBE" and self.redirect:
            status = "302 Found"
            extra.append(f"Location: {self.redirect}")
        elif method == "DESCRIBE":
            content = self.sdp
            extra += ["Content-Type: application/sdp", f"Content-Base: {self.url}/"]
        elif method == "SETUP":
            extra += [f"Transport: {headers['transport']}", "Session: 12345678;timeout=60"]
        extra.append(f"Content-Length: {len(content)}")
        writer.write("\r\n".join([f"RTSP/1.0 {status}", *extra]).encode() + b"\r\n\r\n" + content)
        if method == "PLAY" and status == "200 OK":
            self.players.add(writer)
            if self.stream:
                task = asyncio.create_task(self._play(writer))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def _allowed(self, method: str, uri: str, headers: dict[str, str]) -> bool:
        given = dict(re.findall(r'(\w+)="([^"]*)"', headers.get("authorization", "")))

        def md5(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()

        secret = md5(f"user:tv:{self.password}")
        return given.get("response") == md5(f"{secret}:n0nce:{md5(f'{method}:{uri}')}")

    async def _play(self, writer: asyncio.StreamWriter) -> None:
        sent = bytearray()
        self.sent.append(sent)
        began, sequence, position = time.monotonic(), 65_500, 0
        while not writer.is_closing():
            due = int((time.monotonic() - began) * self.bitrate / 8)
            while position < due:
                payload = self.stream[position % len(self.stream) :][: 7 * 188]
                position += len(payload)
                stamp = int(position / (self.bitrate / 8) * 90_000) & 0xFFFFFFFF
                packet = struct.pack(">BBHII", 0x80, 33, sequence & 0xFFFF, stamp, 4711) + payload
                sequence += 1
                writer.write(b"$\x00" + len(packet).to_bytes(2, "big") + packet)
                sent += payload
            await asyncio.sleep(0.02)
