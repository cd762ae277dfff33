"""The recorder's side of its PyAV workers: spawned on demand, one job each, killed when too slow."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import structlog

from gatewayd.dvr.media.jobs import (
    MAX_FRAME,
    DigestEnded,
    DigestJob,
    Failed,
    Job,
    Outcome,
    ProbeEnded,
    ProbeJob,
    ThumbnailEnded,
    ThumbnailJob,
)
from gatewayd.dvr.media.messages import Digested, Probed
from gatewayd.errors import GatewayError

log = structlog.get_logger(__name__)

PROBE_BYTES = 2 * 1024 * 1024
WARM_SECONDS = 60.0
"""How long a worker without a job is kept."""


def worker_environment() -> dict[str, str]:
    """Nothing of our environment but what Python needs to find the same code."""
    kept = ("PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "LANG", "COVERAGE_PROCESS_START")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"OPENBLAS_NUM_THREADS": "1"}


async def spawn(module: str, *arguments: str, talks: bool) -> asyncio.subprocess.Process:
    """Starts one of our own modules as a child; its log goes where ours goes."""
    pipe = asyncio.subprocess.PIPE if talks else asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=pipe,
        env=worker_environment(),
    )


class WarmWorker:
    """One worker process for short jobs; jobs wait for one another.

    A worker that dies fails the job it had (`dvr.worker_died`), one that exceeds a job's time is killed
    (`dvr.worker_too_slow`); the next job gets a new one.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._cooling: asyncio.TimerHandle | None = None

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of living workers."""
        process = self._process
        return (process.pid,) if process is not None and process.returncode is None else ()

    async def probe(self, path: Path, seconds: float) -> Probed:
        """Looks at the beginning of a segment. Raises GatewayError `dvr.media_unreadable`."""
        outcome = await self._do(ProbeJob(path=str(path), limit=PROBE_BYTES), seconds)
        assert isinstance(outcome, ProbeEnded)
        return outcome.result

    async def digest(self, spans: Sequence[tuple[str, int, int]], seconds: float) -> Digested:
        """Hashes spans of files. Raises GatewayError `dvr.segment_not_found` when bytes are missing."""
        outcome = await self._do(DigestJob(spans=tuple(spans)), seconds)
        assert isinstance(outcome, DigestEnded)
        return outcome.result

    async def thumbnail(self, job: ThumbnailJob, seconds: float) -> ThumbnailEnded:
        """A small picture. Raises GatewayError `dvr.media_unreadable`."""
        outcome = await self._do(job, seconds)
        assert isinstance(outcome, ThumbnailEnded)
        return outcome

    async def close(self) -> None:
        """Kills the worker."""
        if self._cooling is not None:
            self._cooling.cancel()
        await self._end()

    async def _do(self, job: Job, seconds: float) -> ProbeEnded | DigestEnded | ThumbnailEnded:
        async with self._turn:
            if self._cooling is not None:
                self._cooling.cancel()
            try:
                async with asyncio.timeout(seconds):
                    outcome = await self._exchange(job)
            except TimeoutError:
                await self._end()
                raise GatewayError(
                    "dvr.worker_too_slow", f"The media worker was ended after {seconds:g} s."
                ) from None
            except (asyncio.IncompleteReadError, ConnectionError, ValueError, msgspec.MsgspecError) as error:
                log.warning("media.worker_died", error=repr(error))
                await self._end()
                raise GatewayError(
                    "dvr.worker_died", "The media worker died in the middle of its job."
                ) from error
            except asyncio.CancelledError:
                await self._end()  # it would answer the wrong question next time
                raise
            self._cooling = asyncio.get_running_loop().call_later(WARM_SECONDS, self._cool)
        if isinstance(outcome, Failed):
            raise GatewayError(outcome.code, outcome.detail)
        return outcome

    async def _exchange(self, job: Job) -> Outcome:
        process = self._process
        if process is None or process.returncode is not None:
            process = self._process = await spawn("gatewayd.dvr.media.worker", talks=True)
        assert process.stdin is not None
        assert process.stdout is not None
        body = msgspec.msgpack.encode(job)
        process.stdin.write(len(body).to_bytes(4, "big") + body)
        await process.stdin.drain()
        length = int.from_bytes(await process.stdout.readexactly(4), "big")
        if length > MAX_FRAME:
            raise ValueError(f"an answer of {length} bytes")
        outcome: Outcome = msgspec.msgpack.decode(await process.stdout.readexactly(length), type=Outcome)
        return outcome

    def _cool(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()  # the worker ends at the end of its input

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
