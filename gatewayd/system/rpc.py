"""Messages between our own processes: msgpack frames over a Unix socket, peers checked by uid.

A frame is a 4-byte big-endian length and a msgpack array `[id, kind, body]`. A call (kind 0) carries
a tagged struct and is answered by a frame with the same id: kind 1 the answer, kind 2 the error.
Kind 3 is a push from the server and has id 0. Kind 4 (its body nil) says that nobody waits for the call of
that id any more; where the server knows that call as one to end, it ends it and answers nothing.
The server decodes with the caller's own union of structs, so a message that is not one of its verbs never
reaches a handler.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
import structlog

from gatewayd.errors import ERRORS, GatewayError

log = structlog.get_logger(__name__)

MAX_FRAME = 4 * 1024 * 1024
CALL, ANSWER, ERROR, PUSH, CANCEL = range(5)
_LENGTH = struct.Struct(">I")
_CREDENTIALS = struct.Struct("3i")
T = TypeVar("T")


class Peer(NamedTuple):
    """SO_PEERCRED of the other end, as the kernel tells it (unix(7))."""

    pid: int
    uid: int
    gid: int


class ErrorBody(msgspec.Struct, frozen=True):
    """A GatewayError on the wire."""

    code: str
    detail: str
    field: str | None = None


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """One message; `body` is decoded by who knows its type."""

    id: int
    kind: int
    body: msgspec.Raw


def peer_of(writer: asyncio.StreamWriter) -> Peer:
    """The credentials of the process at the other end of a connected Unix socket."""
    sock = writer.get_extra_info("socket")
    raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return Peer(*_CREDENTIALS.unpack(raw))


async def read_frame(reader: asyncio.StreamReader, limit: int = MAX_FRAME) -> Frame:
    """The next frame. Raises IncompleteReadError at the end, msgspec or ValueError on a bad one."""
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    if length > limit:
        raise ValueError(f"a frame of {length} bytes; the limit is {limit}")
    return msgspec.msgpack.decode(await reader.readexactly(length), type=Frame)


def frame_bytes(identifier: int, kind: int, body: Any) -> bytes:
    """One encoded frame, its length in front."""
    raw = msgspec.msgpack.encode(Frame(identifier, kind, msgspec.Raw(msgspec.msgpack.encode(body))))
    return _LENGTH.pack(len(raw)) + raw


class Server:
    """Listens on `path` and answers calls of the tagged union `verbs` through `handler`.

    Only peers whose uid is in `uids` are heard. Calls of one connection run concurrently, at most
    `concurrency` at once. A frame that cannot be decoded is answered with `helper.refused` when its
    id could be read; otherwise the connection is closed. The handler raises GatewayError to refuse.
    Calls of the kinds in `endable` are cancelled when their caller gives them up; others run to their end.
    """

    def __init__(
        self,
        path: Path,
        verbs: Any,
        handler: Callable[[Any], Awaitable[Any]],
        *,
        uids: frozenset[int],
        mode: int = 0o660,
        concurrency: int = 16,
        endable: tuple[type[Any], ...] = (),
    ) -> None:
        self._path = path
        self._decoder = msgspec.msgpack.Decoder(verbs)
        self._handler = handler
        self._uids = uids
        self._mode = mode
        self._concurrency = concurrency
        self._endable = endable
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._connections: set[asyncio.Task[Any]] = set()

    async def start(self, sock: socket.socket | None = None) -> None:
        """Binds (a stale socket file is removed) or takes `sock`, already listening."""
        if sock is not None:
            self._server = await asyncio.start_unix_server(self._connected, sock=sock, limit=2**16)
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        before = os.umask(0o777 & ~self._mode)
        try:
            self._server = await asyncio.start_unix_server(self._connected, path=str(self._path))
        finally:
            os.umask(before)

    async def close(self) -> None:
        """Stops listening and drops every connection."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    @property
    def clients(self) -> int:
        """How many peers are connected."""
        return len(self._writers)

    def push(self, body: Any) -> None:
        """Sends to every connected peer; one that does not read is cut off rather than waited for."""
        frame = frame_bytes(0, PUSH, body)
        for writer in tuple(self._writers):
            if writer.transport.get_write_buffer_size() > MAX_FRAME:
                writer.transport.abort()
            else:
                writer.write(frame)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        calls: dict[asyncio.Task[None], Frame] = {}
        try:
            peer = peer_of(writer)
            if peer.uid not in self._uids:
                log.warning("rpc.refused_peer", socket=str(self._path), uid=peer.uid, pid=peer.pid)
                return
            self._writers.add(writer)
            await self._serve(reader, writer, calls)
        except asyncio.CancelledError:
            pass  # close() ends us; asyncio would log a cancelled connection task as an error
        finally:
            self._writers.discard(writer)
            self._connections.discard(task)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            writer.close()

    async def _serve(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        calls: dict[asyncio.Task[None], Frame],
    ) -> None:
        slots = asyncio.Semaphore(self._concurrency)
        while True:
            try:
                frame = await read_frame(reader)
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            except (ValueError, msgspec.MsgspecError) as error:
                log.warning("rpc.bad_frame", socket=str(self._path), reason=str(error))
                return
            if frame.kind == CANCEL:
                self._end(frame.id, calls)
                continue
            await slots.acquire()
            call = asyncio.create_task(self._answer(frame, writer))
            calls[call] = frame
            call.add_done_callback(lambda done: calls.pop(done, None))
            call.add_done_callback(lambda _done: slots.release())

    def _end(self, identifier: int, calls: dict[asyncio.Task[None], Frame]) -> None:
        for call, frame in calls.items():
            if frame.id == identifier and self._is_endable(frame):
                call.cancel()

    def _is_endable(self, frame: Frame) -> bool:
        try:
            return isinstance(self._decoder.decode(frame.body), self._endable)
        except msgspec.MsgspecError:
            return False

    async def _answer(self, frame: Frame, writer: asyncio.StreamWriter) -> None:
        try:
            if frame.kind != CALL:
                raise GatewayError("helper.refused", f"kind {frame.kind} is not a call")
            answer = frame_bytes(frame.id, ANSWER, await self._handler(self._decoder.decode(frame.body)))
        except GatewayError as error:
            answer = frame_bytes(frame.id, ERROR, ErrorBody(error.code, error.detail, error.field))
        except msgspec.MsgspecError as error:
            answer = frame_bytes(frame.id, ERROR, ErrorBody("helper.refused", str(error)))
        except Exception:  # the crash boundary of a helper process: logged, answered, never fatal
            log.exception("rpc.crashed", socket=str(self._path))
            answer = frame_bytes(
                frame.id, ERROR, ErrorBody("helper.refused", "the helper failed; see its log")
            )
        with contextlib.suppress(ConnectionError):
            writer.write(answer)
            await writer.drain()


class Client:
    """Calls a Server. Connects at the first call and again after a drop; safe for concurrent calls.

    Raises GatewayError `helper.unavailable` when the socket is not there, drops in mid-call or does not
    answer in time; the server's own GatewayError otherwise.
    """

    def __init__(self, path: Path, *, timeout: float = 10.0) -> None:
        self._path = path
        self._timeout = timeout
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._pending: dict[int, asyncio.Future[msgspec.Raw]] = {}
        self._next = 1
        self._connecting = asyncio.Lock()
        self._pushes: asyncio.Queue[msgspec.Raw | None] = asyncio.Queue(maxsize=1024)

    async def call(self, message: Any, reply: type[T], *, timeout: float | None = None) -> T:
        """Sends one verb and decodes the answer as `reply`. When this is cancelled the server is told so."""
        seconds = self._timeout if timeout is None else timeout
        name = type(message).__name__
        identifier, self._next = self._next, self._next + 1
        try:
            async with asyncio.timeout(seconds):
                writer = await self._connected()
                future: asyncio.Future[msgspec.Raw] = asyncio.get_running_loop().create_future()
                self._pending[identifier] = future
                try:
                    writer.write(frame_bytes(identifier, CALL, message))
                    await writer.drain()
                    return msgspec.msgpack.decode(await future, type=reply)
                finally:
                    self._pending.pop(identifier, None)
        except TimeoutError:
            raise GatewayError("helper.unavailable", f"{name}: no answer within {seconds:g} s") from None
        except OSError as error:
            raise GatewayError("helper.unavailable", f"{name}: {error}") from error
        except asyncio.CancelledError:
            if self._writer is not None and not self._writer.is_closing():
                self._writer.write(frame_bytes(identifier, CANCEL, None))
            raise

    async def connect(self) -> None:
        """Connects now. Raises GatewayError `helper.unavailable`."""
        try:
            await self._connected()
        except OSError as error:
            raise GatewayError("helper.unavailable", str(error)) from error

    async def pushes(self, kind: type[T]) -> AsyncIterator[T]:
        """The server's pushes, oldest first, until the connection drops; connect first."""
        while (raw := await self._pushes.get()) is not None:
            yield msgspec.msgpack.decode(raw, type=kind)

    async def close(self) -> None:
        """Drops the connection; calls under way end with `helper.unavailable`."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _connected(self) -> asyncio.StreamWriter:
        async with self._connecting:
            if self._writer is None or self._writer.is_closing():
                reader, self._writer = await asyncio.open_unix_connection(str(self._path))
                self._pushes = asyncio.Queue(maxsize=1024)
                self._reading = asyncio.create_task(self._read(reader, self._writer, self._pushes))
            return self._writer

    async def _read(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        pushes: asyncio.Queue[msgspec.Raw | None],
    ) -> None:
        try:
            while True:
                self._take(await read_frame(reader), pushes)
        except (asyncio.IncompleteReadError, ConnectionError, ValueError, msgspec.MsgspecError):
            pass
        finally:
            writer.close()
            if self._writer is writer:
                self._writer = None
            for future in self._pending.values():
                if not future.done():
                    future.set_exception(ConnectionResetError("the helper closed the connection"))
            if pushes.full():
                pushes.get_nowait()
            pushes.put_nowait(None)

    def _take(self, frame: Frame, pushes: asyncio.Queue[msgspec.Raw | None]) -> None:
        if frame.kind == PUSH:
            if pushes.full():
                pushes.get_nowait()  # a slow listener loses the oldest: it reads the journal anyway
            pushes.put_nowait(frame.body)
            return
        future = self._pending.get(frame.id)
        if future is None or future.done():
            return
        if frame.kind == ANSWER:
            future.set_result(frame.body)
            return
        body = msgspec.msgpack.decode(frame.body, type=ErrorBody)
        code = body.code if body.code in ERRORS else "helper.refused"
        future.set_exception(GatewayError(code, body.detail, field=body.field))
