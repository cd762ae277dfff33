"""The Wi-Fi part of the daemon as a process of its own, to be killed: ``python -m tests.wifi.runner JSON``.

JSON: ``state`` (folder), ``control``, ``run``, ``binary``, ``interface``, ``address``. It reads one call a
line, ``{"name": ..., "arguments": {...}}``, and answers with one line of JSON. `Runner` is the parent's side.
With no JSON it is a `Nursery`: to import the daemon takes an emulated processor some seconds, so where many
are killed they are forked from one process that has imported it and does nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any, Self

import structlog

from gatewayd.errors import GatewayError
from gatewayd.tasks import Tasks
from gatewayd.wifi.driver import Driver
from gatewayd.wifi.hostapd import HostapdDriver
from gatewayd.wifi.model import Band
from gatewayd.wifi.render import Places, RadioSettings
from tests.wifi.house import House, open_house

PROJECT = Path(__file__).resolve().parents[2]


class Nursery:
    """A process that has imported the daemon and forks it when asked. A context manager; all calls block."""

    def __enter__(self) -> Self:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.wifi.runner"], cwd=PROJECT, stdin=theirs.fileno()
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._ours.close()
        self._process.wait(10)

    def start(self, places: dict[str, str], log: Path) -> tuple[IO[bytes], IO[bytes], int]:
        """A fresh daemon: its standard input, its standard output, its pid."""
        (their_input, our_input), (our_output, their_output) = os.pipe(), os.pipe()
        with log.open("ab") as errors:
            order = json.dumps(places).encode()
            socket.send_fds(self._ours, [order], [their_input, their_output, errors.fileno()])
        os.close(their_input)
        os.close(their_output)
        pid = int(self._ours.recv(64))
        return os.fdopen(our_input, "wb"), os.fdopen(our_output, "rb"), pid

    def end(self, pid: int) -> None:
        """SIGKILL to one of them, and gone."""
        os.kill(pid, signal.SIGKILL)
        self._ours.send(str(pid).encode())
        self._ours.recv(64)


def nurse() -> None:
    """The own process of a nursery: a message with descriptors asks for a fork, another for its end."""
    orders = socket.socket(fileno=0)
    while True:
        order, descriptors, _, _ = socket.recv_fds(orders, 65536, 3)
        if not order:
            return
        if not descriptors:
            os.waitpid(int(order), 0)
            orders.send(order)
            continue
        pid = os.fork()
        if pid == 0:
            for number, descriptor in enumerate(descriptors):
                os.dup2(descriptor, number)
                os.close(descriptor)
            structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
            try:
                asyncio.run(main(json.loads(order)))
            finally:
                os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)
        orders.send(str(pid).encode())


class Runner:
    """A running process, as a context manager. All calls block: use threads from a coroutine."""

    def __init__(self, places: dict[str, str], nursery: Nursery | None = None) -> None:
        """With a `nursery` it is forked there."""
        self._places = places
        self._nursery = nursery
        self._process: subprocess.Popen[bytes] | None = None
        self._pid = 0
        self._input: IO[bytes]
        self._output: IO[bytes]
        self._turn = threading.Lock()

    def __enter__(self) -> Self:
        log = Path(self._places["state"]) / "runner.log"
        if self._nursery is not None:
            self._input, self._output, self._pid = self._nursery.start(self._places, log)
            return self
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.wifi.runner", json.dumps(self._places)],
                cwd=PROJECT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        self._pid = self._process.pid
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        log = Path(self._places["state"]) / "runner.log"
        print(log.read_text()[-4000:])  # pytest shows it when the test fails
        log.unlink()

    def call(self, name: str, **arguments: Any) -> Any:
        """One operation; its decoded answer. Raises RuntimeError with the error's code."""
        with self._turn:
            self._input.write(json.dumps({"name": name, "arguments": arguments}).encode() + b"\n")
            self._input.flush()
            line = self._output.readline()
        if not line:
            log = Path(self._places["state"]) / "runner.log"
            raise RuntimeError(f"the daemon has ended: {log.read_text()[-2000:]}")
        answer = json.loads(line)
        if "code" in answer:
            raise RuntimeError(answer["code"])
        return answer["answer"]

    def update(self, **fields: Any) -> str:
        """Changes the network `home` and returns the change's id."""
        change: str = self.call("wifi.networks.update", network="home", **fields)["change"]["id"]
        return change

    def wait(self, change: str, *states: str) -> dict[str, Any]:
        """The change, once it is in one of these states. At most 60 s."""
        deadline = time.monotonic() + 60
        while True:
            now: dict[str, Any] = self.call("wifi.changes.get", change=change)
            if now["state"] in states:
                return now
            assert time.monotonic() < deadline, now
            time.sleep(0.02)

    def settle(self) -> None:
        """Waits until the network is on the air. At most 60 s."""
        deadline = time.monotonic() + 60
        while self.call("wifi.networks.get", network="home")["state"] != "on_air":
            assert time.monotonic() < deadline, "not on the air"
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL, and gone."""
        pid, self._pid = self._pid, 0
        if pid == 0:
            return
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        else:
            assert self._nursery is not None
            self._nursery.end(pid)
        for pipe in (self._input, self._output):
            with contextlib.suppress(BrokenPipeError):  # a last call that it did not read
                pipe.close()


async def serve(house: House) -> None:
    """Answers calls from standard input until it ends."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        call = json.loads(line)
        try:
            answer: dict[str, Any] = {"answer": await house.call(call["name"], **call["arguments"])}
        except GatewayError as error:
            answer = {"code": error.code}
        os.write(1, json.dumps(answer).encode() + b"\n")


async def main(places: dict[str, str]) -> None:
    radio = RadioSettings(
        radio="radio0",
        interface=places["interface"],
        address=places["address"],
        band=Band.GHZ_2_4,
        channel=6,
        driver="mac80211_hwsim",
    )

    def build(tasks: Tasks) -> Driver:
        state, control = Path(places["state"]), Path(places["control"])
        return HostapdDriver(
            (radio,),
            binary=places["binary"],
            places=Places(configuration=state / "hostapd", control=control),
            run=Path(places["run"]),
            tasks=tasks,
        )

    async with open_house(Path(places["state"]), build) as house:
        await serve(house)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        nurse()
        sys.exit()
    # Standard output is for answers.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(main(json.loads(sys.argv[1])))
