"""`gatewayd`: arguments, then app.run."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from gatewayd import __version__


def arguments(argv: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="gatewayd",
        description="The daemon of a household's gateway.",
        epilog="`gatewayd speedtest-server --help`: the far end of a speed test, for an operator to host.",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (/etc/gatewayd/gatewayd.toml)")
    parser.add_argument(
        "--demo", action="store_true", help="no root, no radio, no tuner: everything under --state-dir"
    )
    parser.add_argument("--state-dir", type=Path, metavar="DIR", help="where the state lives")
    parser.add_argument("--port", type=int, metavar="N", help="HTTPS port (443; demo: 8443)")
    parser.add_argument("--socket", type=Path, metavar="PATH", help="the API's Unix socket")
    parser.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error"), help="(info; demo: warning)"
    )
    parser.add_argument("--version", action="version", version=f"gatewayd {__version__}")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    """The process's entry; exit status 0 after a signal, 1 when it could not start, 2 for usage."""
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["speedtest-server"]:
        from gatewayd.diagnostics import speed_server

        sys.exit(speed_server.main(words[1:]))
    options = arguments(words)
    if options.demo:
        sys.dont_write_bytecode = True  # a demo writes nowhere but under its state folder
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    from gatewayd import app

    again = app.run(
        app.Options(
            config=options.config,
            demo=options.demo,
            state_dir=options.state_dir,
            port=options.port,
            socket=options.socket,
            log_level=options.log_level or ("warning" if options.demo else "info"),
        )
    )
    if again and "NOTIFY_SOCKET" not in os.environ:  # systemd starts us again by itself
        os.execv(sys.executable, [sys.executable, "-m", "gatewayd", *words])  # noqa: S606 - ourselves


if __name__ == "__main__":
    main()
