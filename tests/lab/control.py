"""A small client of the control socket that hostapd and wpa_supplicant share (their ctrl_iface, datagrams).

Independent of gatewayd's own client on purpose: the lab must not lean on what it proves.
"""

import contextlib
import itertools
import os
import socket
import time
from pathlib import Path

_numbers = itertools.count()


class ControlSocket:
    """One socket to one daemon. Use one for commands and another, attached, for events."""

    def __init__(self, peer: Path, *, attach: bool = False) -> None:
        """Connect to the daemon's socket at `peer`. Raises OSError, or TimeoutError when it stays silent."""
        self._own = Path(f"/tmp/gwt-{os.getpid():x}-{next(_numbers)}.sock")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._socket.bind(str(self._own))
            self._socket.connect(str(peer))
            if attach:
                self.request("ATTACH")
        except OSError:
            self.close()
            raise

    def request(self, command: str, timeout: float = 10.0) -> str:
        """Send a command and return the reply, stripped; events in between are dropped."""
        self._socket.send(command.encode())
        while (reply := self._receive(time.monotonic() + timeout)).startswith("<"):
            pass
        return reply

    def event(self, word: str, timeout: float) -> str:
        """The next event line that contains `word`. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while word not in (line := self._receive(deadline)):
            pass
        return line

    def drain(self) -> None:
        """Forget the events that have arrived so far."""
        self._socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(65536)

    def close(self) -> None:
        """Close the socket and remove its path."""
        self._socket.close()
        self._own.unlink(missing_ok=True)

    def _receive(self, deadline: float) -> str:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("nothing on the control socket")
        self._socket.settimeout(left)
        return self._socket.recv(65536).decode(errors="replace").strip()


def wait_for_socket(peer: Path, timeout: float = 15.0) -> None:
    """Wait until a daemon answers PING at `peer`. Raises TimeoutError."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            control = ControlSocket(peer)
        except OSError:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no daemon at {peer}") from None
            time.sleep(0.05)
            continue
        try:
            if control.request("PING") == "PONG":
                return
        finally:
            control.close()
