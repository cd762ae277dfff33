"""hostapd's control socket: datagrams, one Unix socket for each BSS.

Facts from hostapd 2.10: a client binds a path of its own, since replies go to the sender's address; a
command is answered by one datagram (`OK`, `FAIL`, `UNKNOWN COMMAND` or text); after `ATTACH` events
(`<3>AP-STA-CONNECTED ...`) come on the same socket between the replies. So commands and events each
have a socket here, and a command waits for its reply before the next is sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Self

COMMAND_SECONDS = 5.0
PING_SECONDS = 20.0
MAX_REPLY = 16384
_CREDENTIALS = struct.Struct("3i")
_PRIORITY = re.compile(r"^<\d>")
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)
_PLAIN = {"n": "\n", "r": "\r", "t": "\t", "e": "\x1b"}


class ControlError(Exception):
    """The socket is gone, or no reply came in time. The text names the command, never its arguments."""


class CommandRefused(ControlError):
    """hostapd answered `FAIL` or `UNKNOWN COMMAND`."""


class Control:
    """One client socket bound to a path of its own in `folder`. Open it with `open`; `close` it."""

    def __init__(self, client: socket.socket, path: Path) -> None:
        self._socket = client
        self._path = path
        self._turn = asyncio.Lock()
        self.peer_pid: int | None = None
        """The process that sent the last reply, as the kernel tells it."""

    @classmethod
    async def open(cls, server: Path, folder: Path) -> Self:
        """Connects to hostapd's socket at `server`. Raises ControlError when nobody listens there."""
        path = folder / f"wifi-{os.getpid()}-{secrets.token_hex(4)}"
        client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            client.setblocking(False)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            client.bind(str(path))
            path.chmod(0o660)  # hostapd may run as another user, and must be able to answer
            client.connect(str(server))
        except OSError as error:
            client.close()
            path.unlink(missing_ok=True)
            raise ControlError(f"nobody answers on {server.name}: {error.strerror}") from error
        return cls(client, path)

    def close(self) -> None:
        """Closes the socket and removes its path."""
        self._socket.close()
        self._path.unlink(missing_ok=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    async def ask(self, command: str, *, seconds: float | None = None) -> str:
        """Sends one command and returns the reply, stripped. Raises ControlError, CommandRefused.

        Waits `seconds`, COMMAND_SECONDS without.
        """
        seconds = COMMAND_SECONDS if seconds is None else seconds
        word = command.partition(" ")[0]
        async with self._turn:
            self._drop_late_replies()
            try:
                async with asyncio.timeout(seconds):
                    await asyncio.get_running_loop().sock_sendall(self._socket, command.encode())
                    reply = await self._receive()
            except TimeoutError as error:
                raise ControlError(f"hostapd did not answer {word} within {seconds:.0f} s") from error
            except OSError as error:
                raise ControlError(f"hostapd is gone ({word}: {error.strerror})") from error
        if reply in ("FAIL", "UNKNOWN COMMAND"):
            raise CommandRefused(f"hostapd refused {word}")
        return reply

    async def order(self, command: str, *, seconds: float | None = None) -> None:
        """Sends a command that is answered by OK. Raises ControlError on any other answer."""
        if await self.ask(command, seconds=seconds) != "OK":
            raise CommandRefused(f"hostapd did not say OK to {command.partition(' ')[0]}")

    async def events(self, attached: Callable[[], Awaitable[None]] | None = None) -> AsyncIterator[str]:
        """Attaches, awaits `attached`, and yields each event since then, without its priority. Raises
        ControlError when hostapd is gone.

        Use a socket of its own for it. It asks PING now and then, since a datagram socket does not
        tell that its peer has died.
        """
        await self.order("ATTACH")
        if attached is not None:
            await attached()
        while True:
            try:
                async with asyncio.timeout(PING_SECONDS):
                    text = await self._receive()
            except TimeoutError:
                with contextlib.suppress(OSError):
                    self._socket.send(b"PING")
                try:
                    async with asyncio.timeout(COMMAND_SECONDS):
                        text = await self._receive()
                except TimeoutError as error:
                    raise ControlError("hostapd does not answer any more") from error
            except OSError as error:
                raise ControlError(f"hostapd is gone: {error.strerror}") from error
            if _PRIORITY.match(text):
                yield _PRIORITY.sub("", text)

    def _drop_late_replies(self) -> None:
        # The reply to a command that timed out must not pass for the reply to the next one.
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(MAX_REPLY)

    async def _receive(self) -> str:
        loop = asyncio.get_running_loop()
        while True:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(MAX_REPLY, socket.CMSG_SPACE(_CREDENTIALS.size))
                break
            except BlockingIOError:
                readable = loop.create_future()
                loop.add_reader(self._socket, _settle, readable)
                try:
                    await readable
                finally:
                    loop.remove_reader(self._socket)
        for level, kind, value in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                self.peer_pid = _CREDENTIALS.unpack(value[: _CREDENTIALS.size])[0]
        return data.decode(errors="replace").strip()


def _settle(readable: asyncio.Future[None]) -> None:
    if not readable.done():
        readable.set_result(None)


def fields(reply: str) -> dict[str, str]:
    """The `name=value` lines of a reply (STATUS, STA-FIRST after its first line)."""
    pairs = (line.partition("=") for line in reply.splitlines())
    return {name: value for name, separator, value in pairs if separator}


def unescape(text: str) -> bytes:
    r"""An SSID as hostapd prints it, as bytes: `\"`, `\\`, `\n`, `\r`, `\t`, `\e` and `\xNN` undone."""

    def plain(match: re.Match[str]) -> str:
        escape = match[1]
        return chr(int(escape[1:], 16)) if len(escape) == 3 else _PLAIN.get(escape, escape)

    return _ESCAPE.sub(plain, text).encode("latin-1", errors="replace")
