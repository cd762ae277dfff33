"""The recorder's side of the ingest worker: bytes of another container in, a transport stream out."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Literal

import msgspec
import structlog

from gatewayd.dvr.media.engine import Beat, Flow
from gatewayd.dvr.media.feed import Piece
from gatewayd.dvr.media.jobs import IngestJob
from gatewayd.dvr.media.workers import worker_environment
from gatewayd.errors import GatewayError

log = structlog.get_logger(__name__)

Container = Literal["mpegts", "mp4", "aac", "mp3", "ac3"]
WARM_SECONDS = 60.0
"""How long the worker is kept without a source."""
_BOXES = {b"ftyp", b"styp", b"moof", b"moov", b"sidx", b"emsg", b"prft"}
_PIPE = 1 << 20
_PLENTY = 64 * 1024
"""A reading of this size may have left bytes behind: read on before the next beat."""
_SYNC = 0x47


def container_of(head: bytes) -> Container:
    """The container that begins so, of those that a segment of HLS may have.

    Raises GatewayError `dvr.not_a_transport_stream`.
    """
    if len(head) > 188 and head[0] == head[188] == _SYNC:
        return "mpegts"
    if head[4:8] in _BOXES:
        return "mp4"
    if head.startswith(b"ID3") or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0):
        return "aac"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return "mp3"
    if head.startswith(b"\x0b\x77"):
        return "ac3"
    raise GatewayError("dvr.not_a_transport_stream", "The segments hold neither MPEG-TS nor fMP4 nor sound.")


class Ingest:
    """One worker process for all sources that must be remuxed; started for the first of them."""

    def __init__(self, beat: Beat) -> None:
        self._beat = beat
        self._starting = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._control: socket.socket | None = None
        self._sessions = 0
        self._cooling: asyncio.TimerHandle | None = None

    @property
    def pids(self) -> tuple[int, ...]:
        """The worker's process id, if it lives."""
        process = self._process
        return (process.pid,) if process is not None and process.returncode is None else ()

    async def close(self) -> None:
        """Ends the worker."""
        if self._cooling is not None:
            self._cooling.cancel()
        if self._control is not None:
            self._control.close()
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    @asynccontextmanager
    async def remux(
        self, sources: Sequence[AsyncIterator[Piece]], formats: Sequence[Container]
    ) -> AsyncIterator[Flow]:
        """The transport stream that the worker makes of these sources together.

        Where a source begins anew the worker goes on: the same container is expected. The flow raises
        the source's GatewayError when it breaks, `dvr.worker_died` when the worker does,
        `dvr.media_unreadable` when it cannot make anything of the source.
        """
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM) for _ in sources]
        async with self._session(IngestJob(formats=tuple(formats)), [theirs for _, theirs in pairs]) as flow:
            filling = [
                asyncio.create_task(_fill(source, ours, flow), name="ingest")
                for source, (ours, _) in zip(sources, pairs, strict=True)
            ]
            try:
                yield flow
            finally:
                for task in filling:
                    task.cancel()
                await asyncio.gather(*filling, return_exceptions=True)

    @asynccontextmanager
    async def packets(self, sdp: bytes) -> AsyncIterator[tuple[Flow, socket.socket]]:
        """The transport stream made of the RTP packets that are sent, one at a time, into the socket."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with ours:
            async with self._session(IngestJob(formats=("sdp",), sdp=sdp), [theirs]) as flow:
                yield flow, ours

    @asynccontextmanager
    async def _session(self, job: IngestJob, inputs: list[socket.socket]) -> AsyncIterator[RemuxFlow]:
        self._sessions += 1
        if self._cooling is not None:
            self._cooling.cancel()
        output, written = os.pipe2(os.O_CLOEXEC)
        report, reported = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            try:
                with contextlib.suppress(OSError):  # beyond the user's limit: more wake-ups, no harm
                    fcntl.fcntl(output, fcntl.F_SETPIPE_SZ, _PIPE)
                control = await self._start()
                order = msgspec.msgpack.encode(job)
                fds = [written, reported, *(theirs.fileno() for theirs in inputs)]
                try:
                    socket.send_fds(control, [order], fds)
                except OSError as error:
                    raise _died() from error
            finally:
                for theirs in inputs:
                    theirs.close()
                os.close(written)
                os.close(reported)
            flow = RemuxFlow(self._beat, report)
            transport = await flow.attach(output)
            try:
                yield flow
            finally:
                flow.close()
                transport.close()
        finally:
            os.close(report)
            self._sessions -= 1
            if not self._sessions:
                self._cooling = asyncio.get_running_loop().call_later(WARM_SECONDS, self._cool)

    async def _start(self) -> socket.socket:
        async with self._starting:
            if self._process is not None and self._process.returncode is None and self._control is not None:
                return self._control
            if self._control is not None:
                self._control.close()
            self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    *("-m", "gatewayd.dvr.media.worker_ingest"),
                    stdin=theirs.fileno(),
                    stdout=asyncio.subprocess.DEVNULL,
                    env=worker_environment(),
                )
            return self._control

    def _cool(self) -> None:
        if self._control is not None:
            self._control.close()  # the worker ends with it
            self._control = None


class RemuxFlow:
    """What the worker makes for one source, read once a beat."""

    def __init__(self, beat: Beat, report: int) -> None:
        self._beat = beat
        self._report = report
        self._struck = asyncio.Event()
        self._reader = asyncio.StreamReader(limit=_PIPE)
        self._transport: asyncio.ReadTransport | None = None
        self._cause: GatewayError | None = None
        beat.join(self._struck.set)

    async def attach(self, output: int) -> asyncio.ReadTransport:
        """Takes over the pipe that the worker writes into."""
        self._transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(self._reader), os.fdopen(output, "rb", buffering=0)
        )
        return self._transport

    def broke(self, cause: GatewayError) -> None:
        """The source broke: that is why the stream will end."""
        self._cause = cause

    async def read(self, patience: float) -> bytes:
        """See Flow."""
        self._struck.clear()
        await self._struck.wait()
        transport = self._transport
        assert transport is not None
        if not transport.is_closing() and not transport.is_reading():
            transport.resume_reading()
        async with asyncio.timeout(patience):
            data = await self._reader.read(_PIPE)
        if not data:
            self._judge()
        elif len(data) < _PLENTY and not transport.is_closing():
            transport.pause_reading()
        return data

    def close(self) -> None:
        """Leaves the beat."""
        self._beat.leave(self._struck.set)

    def _judge(self) -> None:
        """Why the stream ended. Raises GatewayError unless the source had simply ended."""
        try:
            reason = os.read(self._report, 1000)
        except BlockingIOError:
            reason = b""
        if self._cause is not None:
            raise self._cause
        if not reason:
            raise _died()
        if reason != b"-":
            detail = f"The stream cannot be read: {reason.decode(errors='replace')}."
            raise GatewayError("dvr.media_unreadable", detail)


def _died() -> GatewayError:
    return GatewayError("dvr.worker_died", "The media worker died while it remuxed the stream.")


async def _fill(source: AsyncIterator[Piece], ours: socket.socket, flow: RemuxFlow) -> None:
    """Moves a source's bytes to the worker, as fast as it takes them."""
    loop = asyncio.get_running_loop()
    ours.setblocking(False)
    with ours:
        try:
            async for piece in source:
                if isinstance(piece, bytes):
                    await loop.sock_sendall(ours, piece)
        except GatewayError as error:
            flow.broke(error)
        except OSError:
            return  # the worker has ended; the flow tells why
