"""`python -m gatewayd.netd --socket PATH [--allow-uid N]... [--allow-user NAME]... [--interfaces NAME]...`"""

from __future__ import annotations

import argparse
import asyncio
import os
import pwd
import signal
import sys
from pathlib import Path

import structlog

from gatewayd.errors import GatewayError
from gatewayd.netd import limits
from gatewayd.netd.service import ENDABLE, VERBS, Netd
from gatewayd.system import logs
from gatewayd.system.log_reading import ReadLogs, answering
from gatewayd.system.notify import notify
from gatewayd.system.rpc import Server

log = structlog.get_logger(__name__)


def arguments(argv: list[str]) -> argparse.Namespace:
    """The command line. Without --allow-uid and --allow-user only the uid that netd itself has is heard."""
    parser = argparse.ArgumentParser(prog="gatewayd-netd", description="The privileged helper of gatewayd.")
    parser.add_argument("--socket", type=Path, required=True, help="where to listen (a Unix socket)")
    parser.add_argument("--allow-uid", type=int, action="append", default=[], help="who is heard; repeat")
    parser.add_argument(
        "--allow-user", dest="allow_uid", type=_uid, action="append", help="the same by name; repeat"
    )
    parser.add_argument(
        "--interfaces", action="append", default=[], type=_interface,
        help="what link_set, scan, radio_set and the probes may touch; repeat; default: all but loopback",
    )  # fmt: skip
    return parser.parse_args(argv)


def _uid(name: str) -> int:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise argparse.ArgumentTypeError(f"there is no user {name!r}") from None


def _interface(name: str) -> str:
    try:
        return limits.interface(name)
    except GatewayError as error:
        raise argparse.ArgumentTypeError(error.detail) from None


async def serve(
    socket: Path, uids: frozenset[int], interfaces: frozenset[str] | None, ring: logs.Ring
) -> None:
    """Serves until SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    answer = answering(Netd(interfaces).handle, ring)
    server = Server(socket, VERBS | ReadLogs, answer, uids=uids, endable=ENDABLE)
    await server.start()
    log.info("netd.ready", socket=str(socket), uids=sorted(uids))
    notify("READY=1")
    try:
        await stopped.wait()
    finally:
        notify("STOPPING=1")
        await server.close()


def main(argv: list[str] | None = None) -> None:
    """The process's entry."""
    options = arguments(sys.argv[1:] if argv is None else argv)
    ring = logs.Ring()
    logs.configure(ring=ring)
    uids = frozenset(options.allow_uid or [os.getuid()])
    asyncio.run(serve(options.socket, uids, frozenset(options.interfaces) or None, ring))


if __name__ == "__main__":
    main()
