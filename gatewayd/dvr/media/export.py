"""Exports: finished files of another shape, in a folder of their own, for a day.

Each is written by a worker of its own into a descriptor that we open; nothing but that file is writable
for it, and it may not become larger than what was allowed. Exports go before recordings lack space.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
import structlog

from gatewayd.dvr.media.jobs import MAX_FRAME, ExportEnded, ExportJob, ExportNews, Failed
from gatewayd.dvr.media.messages import Exported, ExportFormat, ExportProgress
from gatewayd.dvr.media.room import Room
from gatewayd.dvr.media.workers import worker_environment
from gatewayd.errors import GatewayError
from gatewayd.system.files import ensure_folder, sync_folder

log = structlog.get_logger(__name__)

FOLDER = "exports"
KEPT = 24 * 3600.0
"""Seconds for which a file is kept."""
SWEEP = 60.0
SILENT = 120.0
"""Seconds without a word after which a worker is given up: it tells of itself with every block it reads."""
MOST_WAITING = 8
OVERHEAD = 16 * 1024 * 1024
"""Bytes by which a file may be larger than what it is made of; other containers are leaner than TS."""
WORKER = "gatewayd.dvr.media.worker_export"
_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
Spans = tuple[tuple[str, int, int], ...]


@dataclass
class _Running:
    total: int
    task: asyncio.Task[Exported]
    done: int = 0


class Exports:
    """The folder, and what is being written there: one at a time, the others wait."""

    def __init__(self, folder: Path, room: Room, *, worker: str = WORKER) -> None:
        self._folder = folder / FOLDER
        self._room = room
        self._worker = worker
        self._turn = asyncio.Lock()
        self._running: dict[str, _Running] = {}
        self._pids: set[int] = set()

    @property
    def pids(self) -> tuple[int, ...]:
        """Of living workers."""
        return tuple(self._pids)

    async def run(self, export: str, spans: Spans, shape: ExportFormat) -> Exported:
        """Writes one file; returns when it is whole and on the disk.

        Raises GatewayError `dvr.disk_full`, `dvr.disk_failed`, `dvr.too_many`, `dvr.worker_died`,
        `dvr.worker_too_slow`, `dvr.media_unreadable`, `dvr.segment_not_found`, `dvr.export_cancelled`.
        """
        if not _ID.fullmatch(export) or export in self._running:
            raise GatewayError("helper.refused", "An export is named by a new ULID.")
        if len(self._running) >= MOST_WAITING:
            raise GatewayError("dvr.too_many", f"{MOST_WAITING} exports run or wait already.")
        total = sum(stop - start for _, start, stop in spans)
        task = asyncio.ensure_future(self._in_turn(export, spans, shape, total))
        self._running[export] = _Running(total, task)
        try:
            return await task
        except asyncio.CancelledError:
            task.cancel()  # the connection of who asked is gone
            await asyncio.gather(task, return_exceptions=True)
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise
            raise GatewayError("dvr.export_cancelled", "The export was cancelled.") from None
        finally:
            del self._running[export]

    def progress(self, export: str) -> ExportProgress:
        """How far one is."""
        running = self._running.get(export)
        if running is None:
            return ExportProgress(known=False)
        return ExportProgress(known=True, done=running.done, total=running.total)

    async def cancel(self, export: str) -> None:
        """Ends one; its file is gone when this returns."""
        running = self._running.get(export)
        if running is not None:
            running.task.cancel()
            await asyncio.gather(running.task, return_exceptions=True)

    async def drop(self) -> int:
        """Ends all, removes all files; the bytes freed. Raises GatewayError `dvr.disk_failed`."""
        for export in tuple(self._running):
            await self.cancel(export)
        return await asyncio.to_thread(self._remove_all)

    async def keep(self) -> None:
        """Removes files whose day is over; supervise it."""
        while True:
            await asyncio.to_thread(self._sweep)
            await asyncio.sleep(SWEEP)

    async def _in_turn(self, export: str, spans: Spans, shape: ExportFormat, total: int) -> Exported:
        async with self._turn:
            most = total + total // 20 + OVERHEAD
            if await asyncio.to_thread(self._room.left) < most:
                raise GatewayError("dvr.disk_full", f"An export of {total} bytes does not fit on the disk.")
            part = self._folder / f"{export}.part"
            final = self._folder / f"{export}.{shape}"
            output = await asyncio.to_thread(_create, part)
            try:
                ended = await self._written(ExportJob(spans=spans, format=shape, output=output), most, export)
                size = await asyncio.to_thread(_finish, output, part, final)
            except BaseException:
                await asyncio.to_thread(part.unlink, missing_ok=True)
                raise
            finally:
                os.close(output)
        log.info("media.exported", export=export, format=shape, bytes=size, joints=ended.joints)
        return Exported(
            file=str(final.absolute()),
            bytes=size,
            streams=ended.streams,
            skipped=ended.skipped,
            joints=ended.joints,
            expires=time.time() + KEPT,
        )

    async def _written(self, job: ExportJob, most: int, export: str) -> ExportEnded:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", self._worker, str(most)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=(job.output,),
            env=worker_environment(),
        )
        self._pids.add(process.pid)
        try:
            assert process.stdin is not None
            body = msgspec.msgpack.encode(job)
            process.stdin.write(len(body).to_bytes(4, "big") + body)
            await process.stdin.drain()
            while True:
                news = await _news(process)
                if isinstance(news, ExportEnded):
                    return news
                if isinstance(news, Failed):
                    raise GatewayError(news.code, news.detail)
                self._running[export].done = news.done
        except TimeoutError:
            detail = f"The media worker said nothing for {SILENT:g} s and was ended."
            raise GatewayError("dvr.worker_too_slow", detail) from None
        except (asyncio.IncompleteReadError, ConnectionError, ValueError, msgspec.MsgspecError) as error:
            log.warning("media.worker_died", export=export, error=repr(error))
            raise GatewayError(
                "dvr.worker_died", "The media worker died in the middle of its job."
            ) from error
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            self._pids.discard(process.pid)

    def prepare(self) -> None:
        """Makes the folder and removes what an earlier process left half done; once, before all. Blocks."""
        ensure_folder(self._folder, mode=0o750)
        for part in self._folder.glob("*.part"):
            part.unlink(missing_ok=True)

    def _remove_all(self) -> int:
        freed = 0
        try:
            for path in self._folder.iterdir():
                freed += path.stat().st_size
                path.unlink(missing_ok=True)
            sync_folder(self._folder)
        except OSError as error:
            raise GatewayError("dvr.disk_failed", f"Exports cannot be deleted: {error.strerror}.") from error
        return freed

    def _sweep(self) -> None:
        files = sorted((path.stat().st_mtime, path) for path in self._folder.glob("*.[tm]*"))
        for changed, path in files:
            if changed < time.time() - KEPT or self._room.left() < 0:
                path.unlink(missing_ok=True)
                log.info("media.export_removed", file=path.name)


async def _news(process: asyncio.subprocess.Process) -> ExportNews:
    assert process.stdout is not None
    async with asyncio.timeout(SILENT):
        size = int.from_bytes(await process.stdout.readexactly(4), "big")
        if size > MAX_FRAME:
            raise ValueError(f"a frame of {size} bytes")
        news: ExportNews = msgspec.msgpack.decode(await process.stdout.readexactly(size), type=ExportNews)
    return news


def _create(part: Path) -> int:
    return os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)


def _finish(output: int, part: Path, final: Path) -> int:
    os.fdatasync(output)
    part.rename(final)
    sync_folder(final.parent)
    return os.fstat(output).st_size
