"""`python -m gatewayd.dvr.media`: the recorder process (gatewayd-media)."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
from pathlib import Path

import structlog

from gatewayd.dvr.media.recorder import RESERVE, Recorder
from gatewayd.system.files import ensure_folder
from gatewayd.system.notify import notify

log = structlog.get_logger("gatewayd.dvr.media")

_FIRST_FD = 3  # SD_LISTEN_FDS_START, sd_listen_fds(3)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line; `allow_uid` defaults to the uid that we run as."""
    parser = argparse.ArgumentParser(prog="gatewayd-media", description="The recorder of gatewayd.")
    parser.add_argument("--socket", type=Path, required=True, help="control socket")
    parser.add_argument("--folder", type=Path, required=True, help="where segments and the journal are")
    parser.add_argument("--idle-exit", type=float, metavar="SECONDS", help="end when unused for this long")
    parser.add_argument("--allow-uid", type=int, action="append", metavar="N", help="who may call (own uid)")
    parser.add_argument("--reserve", type=int, default=RESERVE, metavar="BYTES", help="disk left free")
    return parser.parse_args(argv)


async def run(options: argparse.Namespace) -> None:
    """Records until SIGTERM, SIGINT or idle."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    uids = frozenset(options.allow_uid or [os.getuid()])
    recorder = Recorder(options.socket, options.folder, uids=uids, reserve=options.reserve)
    await recorder.start(activated())
    notify("READY=1")
    log.info("media.ready", folder=str(options.folder), pid=os.getpid())
    try:
        await _until_unused(recorder, stop, options.idle_exit)
    finally:
        notify("STOPPING=1")
        await recorder.close()
    log.info("media.stopped")


def activated() -> socket.socket | None:
    """The listening socket that systemd passed, if it did (sd_listen_fds(3))."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
        return None
    os.set_inheritable(_FIRST_FD, False)
    return socket.socket(fileno=_FIRST_FD)


async def _until_unused(recorder: Recorder, stop: asyncio.Event, idle_exit: float | None) -> None:
    if idle_exit is None:
        await stop.wait()
        return
    left = idle_exit
    step = max(0.05, min(1.0, idle_exit / 4))
    while left > 0:
        try:
            async with asyncio.timeout(step):
                await stop.wait()
                return
        except TimeoutError:
            left = left - step if recorder.idle else idle_exit
    log.info("media.unused", seconds=idle_exit)


def main() -> None:
    """The process; exit status 0 after a signal or when idle."""
    options = arguments()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy comes later; it needs no threads of its own
    os.umask(0o027)
    ensure_folder(options.folder, mode=0o750)
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
