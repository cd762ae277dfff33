"""The Wi-Fi part of the daemon as a process of its own, to be killed: ``python -m tests.wifi.runner JSON``.

JSON: ``state`` (folder), ``control``, ``run``, ``binary``, ``interface``, ``address``. It reads one call a
line, ``{"name": ..., "arguments": {...}}``, and answers with one line of JSON. `Runner` is the parent's side.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Self

import structlog

from gatewayd.errors import GatewayError
from gatewayd.tasks import Tasks
from gatewayd.wifi.driver import Driver
from gatewayd.wifi.hostapd import HostapdDriver
from gatewayd.wifi.model import Band
from gatewayd.wifi.render import Places, RadioSettings
from tests.wifi.house import House, open_house

PROJECT = Path(__file__).resolve().parents[2]


class Runner:
    """A running process, as a context manager. All calls block: use threads from a coroutine."""

    def __init__(self, places: dict[str, str]) -> None:
        self._places = places
        self._process: subprocess.Popen[str] | None = None
        self._turn = threading.Lock()

    def __enter__(self) -> Self:
        with (Path(self._places["state"]) / "runner.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.wifi.runner", json.dumps(self._places)],
                cwd=PROJECT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        log = Path(self._places["state"]) / "runner.log"
        print(log.read_text()[-4000:])  # pytest shows it when the test fails
        log.unlink()

    def call(self, name: str, **arguments: Any) -> Any:
        """One operation; its decoded answer. Raises RuntimeError with the error's code."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        with self._turn:
            process.stdin.write(json.dumps({"name": name, "arguments": arguments}) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
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
        if self._process is not None:
            self._process.kill()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
            self._process.wait()
            self._process = None


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
    # Standard output is for answers.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(main(json.loads(sys.argv[1])))
