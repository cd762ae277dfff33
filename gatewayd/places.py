"""Where things are: in production, in development, in the demo."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import Struct

from gatewayd.errors import GatewayError

LONGEST_SOCKET = 107
"""Bytes of a Unix socket's path (unix(7): sun_path has 108 with the closing NUL)."""


class Places(Struct, frozen=True, kw_only=True):
    """Folders and sockets. `managed` means that systemd runs the other processes."""

    state: Path
    run: Path
    api_socket: Path
    netd_socket: Path
    media_socket: Path
    media: Path
    managed: bool


def find(*, demo: bool, state_dir: Path | None, socket: Path | None, media: str) -> Places:
    """The places for these options. Raises GatewayError `settings.invalid` when a path is too long."""
    managed = not demo and state_dir is None and "NOTIFY_SOCKET" in os.environ
    if state_dir is None and demo:
        home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        state_dir = Path(home) / "gatewayd"
    own = state_dir is not None
    state = (state_dir or Path("/var/lib/gatewayd")).absolute()
    run = state / "run" if own else Path("/run/gatewayd")
    places = Places(
        state=state,
        run=run,
        api_socket=(socket or run / "api.sock").absolute(),
        netd_socket=run / "netd.sock" if not managed else Path("/run/gatewayd-netd/control.sock"),
        media_socket=run / "media.sock" if not managed else Path("/run/gatewayd-media/control.sock"),
        media=state / media if own and not Path(media).is_absolute() else Path(media),
        managed=managed,
    )
    for path in (places.api_socket, places.netd_socket, places.media_socket):
        if len(os.fsencode(path)) > LONGEST_SOCKET:
            raise GatewayError(
                "settings.invalid",
                f"{path}: a socket's path has at most {LONGEST_SOCKET} bytes; choose a shorter --state-dir",
            )
    return places
