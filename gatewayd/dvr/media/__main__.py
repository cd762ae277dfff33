"""`python -m gatewayd.dvr.media`: the recorder process (gatewayd-media)."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
from pathlib import Path

import structlog

from gatewayd.dvr.media.recorder import RESERVE, Recorder
from gatewayd.system.activation import inherited
from gatewayd.system.files import ensure_folder
from gatewayd.system.logs import Ring, configure
from gatewayd.system.notify import notify

log = structlog.get_logger("gatewayd.dvr.media")


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line; `allow_uid` defaults to the uid that we run as."""
    parser = argparse.ArgumentParser(prog="gatewayd-media", description="The recorder of gatewayd.")
    parser.add_argument("--socket", type=Path, required=True, help="control socket")
    parser.add_argument("--folder", type=Path, required=True, help="where segments and the journal are")
    parser.add_argument("--idle-exit", type=float, metavar="SECONDS", help="end when unused for this long")
    parser.add_argument("--allow-uid", type=int, action="append", metavar="N", help="who may call (own uid)")
    parser.add_argument("--reserve", type=int, default=RESERVE, metavar="BYTES", help="disk left free")
    return parser.parse_args(argv)


async def run(options: argparse.Namespace, ring: Ring) -> None:
    """Records until SIGTERM, SIGINT or idle."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    uids = frozenset(options.allow_uid or [os.getuid()])
    recorder = Recorder(options.socket, options.folder, uids=uids, reserve=options.reserve, ring=ring)
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
    """The listening socket that systemd passed, if it did."""
    return next((sock for socks in inherited().values() for sock in socks), None)


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
    ring = Ring()
    configure(ring=ring)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy comes later; it needs no threads of its own
    os.umask(0o027)
    ensure_folder(options.folder, mode=0o750)
    asyncio.run(run(options, ring))


if __name__ == "__main__":
    main()
