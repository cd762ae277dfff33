"""The control socket's client against a peer on real sockets that behaves and misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.wifi.control import CommandRefused, Control, ControlError, fields, unescape

Answer = Callable[[str], list[str]]


class Peer:
    """Answers each command with the datagrams that `answer` names."""

    def __init__(self, path: Path, answer: Answer) -> None:
        self.heard: list[str] = []
        self.clients: list[str] = []
        self.closed = False
        self._answer = answer
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._readable)

    def _readable(self) -> None:
        data, client = self._socket.recvfrom(4096)
        self.heard.append(data.decode())
        self.clients.append(client)
        for reply in self._answer(data.decode()):
            self.say(reply, client)

    def say(self, text: str, client: str) -> None:
        self._socket.sendto(text.encode(), client)

    def close(self) -> None:
        if self.closed:
            return
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        self.closed = True


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="gwt-") as name:
        yield Path(name)


@contextlib.contextmanager
def peer(folder: Path, answer: Answer) -> Iterator[Peer]:
    one = Peer(folder / "wlan0", answer)
    try:
        yield one
    finally:
        one.close()


async def test_a_reply_is_stripped_and_its_sender_known(folder: Path) -> None:
    with peer(folder, lambda command: [f"{command} heard\n"]):
        async with await Control.open(folder / "wlan0", folder) as control:
            assert await control.ask("PING") == "PING heard"
            assert control.peer_pid == os.getpid()


async def test_our_own_path_goes_with_us(folder: Path) -> None:
    with peer(folder, lambda _: ["OK\n"]):
        async with await Control.open(folder / "wlan0", folder) as control:
            await control.order("SET x y")
            assert len(list(folder.glob("wifi-*"))) == 1
        assert list(folder.glob("wifi-*")) == []


async def test_refusals_name_the_command_but_not_what_it_carried(folder: Path) -> None:
    with peer(folder, lambda command: ["FAIL\n" if "sae" in command else "UNKNOWN COMMAND\n"]):
        async with await Control.open(folder / "wlan0", folder) as control:
            for command in ("SET sae_password swordfish", "SWORD fish"):
                with pytest.raises(CommandRefused) as refused:
                    await control.order(command)
                assert command.split()[0] in str(refused.value)
                assert "fish" not in str(refused.value)


async def test_nobody_listens(folder: Path) -> None:
    with pytest.raises(ControlError, match="nobody answers on wlan0"):
        await Control.open(folder / "wlan0", folder)
    assert list(folder.iterdir()) == []


async def test_a_peer_that_is_gone_or_silent(folder: Path) -> None:
    with peer(folder, lambda _: []) as silent:
        control = await Control.open(folder / "wlan0", folder)
        with pytest.raises(ControlError, match="did not answer STATUS"):
            await control.ask("STATUS", seconds=0.05)
        silent.close()
        with pytest.raises(ControlError, match="gone"):
            await control.ask("PING")
        control.close()


async def test_a_late_reply_is_not_taken_for_the_next(folder: Path) -> None:
    with peer(folder, lambda command: [] if command == "SLOW" else [f"answer to {command}"]) as slow:
        async with await Control.open(folder / "wlan0", folder) as control:
            with pytest.raises(ControlError):
                await control.ask("SLOW", seconds=0.05)
            slow.say("answer to SLOW", slow.clients[0])
            assert await control.ask("NEXT") == "answer to NEXT"


async def test_commands_wait_their_turn(folder: Path) -> None:
    with peer(folder, lambda command: [f"answer to {command}"]):
        async with await Control.open(folder / "wlan0", folder) as control:
            commands = [f"GET {number}" for number in range(20)]
            replies = await asyncio.gather(*(control.ask(command) for command in commands))
            assert replies == [f"answer to {command}" for command in commands]


async def test_events_come_without_priority_and_without_replies(folder: Path) -> None:
    events = ["<3>AP-STA-CONNECTED 02:00:00:00:01:00", "PONG\n", "<2>AP-ENABLED "]
    with peer(folder, lambda command: ["OK\n", *events] if command == "ATTACH" else ["PONG\n"]):
        async with await Control.open(folder / "wlan0", folder) as control:
            heard = []
            async for event in control.events():
                heard.append(event)
                if len(heard) == 2:
                    break
            assert heard == ["AP-STA-CONNECTED 02:00:00:00:01:00", "AP-ENABLED"]


def test_fields() -> None:
    told = fields("02:00:00:00:01:00\nflags=[AUTH]\nssid[0]=a=b\n\n")
    assert told == {"flags": "[AUTH]", "ssid[0]": "a=b"}


@given(st.binary(max_size=32))
def test_names_survive_how_hostapd_prints_them(ssid: bytes) -> None:
    assert unescape(printf_encode(ssid)) == ssid


def printf_encode(data: bytes) -> str:
    """As hostapd's printf_encode."""
    special = {0x22: '\\"', 0x5C: "\\\\", 0x1B: "\\e", 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t"}
    return "".join(special.get(c) or (chr(c) if 32 <= c < 127 else f"\\x{c:02x}") for c in data)
