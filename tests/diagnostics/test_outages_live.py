"""The outage watch against real faults: box, provider and world in namespaces, time four times as fast."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from gatewayd.diagnostics.repair_steps import bounce_wan
from gatewayd.netd import NetdClient
from gatewayd.system.clock import SystemClock
from tests.support.internet import ROOT, TARGETS, Internet
from tests.support.netd import netd_process

pytestmark = [pytest.mark.netns, pytest.mark.timeout(90)]
SPEED = 4.0


class Watcher:
    """The watch as a process in the box, and the events that it has told."""

    def __init__(self, internet: Internet, folder: Path) -> None:
        self.events: list[dict[str, Any]] = []
        self._process = internet.box.popen(
            sys.executable, "-m", "tests.diagnostics.watch_in_namespace", str(folder), json.dumps(TARGETS),
            str(SPEED), "eth0", cwd=ROOT, stdout=subprocess.PIPE,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(b"{"):
                self.events.append(json.loads(line))

    def wait(self, topic: str, count: int, seconds: float) -> dict[str, Any]:
        """The `count`-th event of a topic."""
        deadline = time.monotonic() + seconds
        while True:
            found = [event for event in self.events if event["topic"] == topic]
            if len(found) >= count:
                return found[count - 1]
            assert time.monotonic() < deadline, (topic, self.events)
            time.sleep(0.05)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture(scope="module")
def internet() -> Iterator[Internet]:
    with Internet() as made:
        yield made


FAULTS: dict[str, Callable[[Internet], AbstractContextManager[None]]] = {
    "carrier": Internet.link_down,
    "probes": Internet.upstream_down,
}


@pytest.mark.parametrize("cause", FAULTS)
def test_a_real_outage_has_one_alarm_and_one_clear(internet: Internet, tmp_path: Path, cause: str) -> None:
    watcher = Watcher(internet, tmp_path)
    try:
        ready = watcher.wait("ready", 1, 30)
        assert (ready["v4"], ready["dns"]) == ("online", "online")
        pulled = time.time()
        with FAULTS[cause](internet):
            began = watcher.wait("diagnostics.outage_began", 1, 30)["outage"]
            if cause == "carrier":
                # 5 s of the watch's; whatever the machine is busy with, far from five failed rounds.
                assert time.time() - pulled < 20 / SPEED + 3
        assert (began["scope"], began["cause"], began["end"]) == ("internet", cause, None)
        ended = watcher.wait("diagnostics.outage_ended", 1, 30)["outage"]
        assert ended["id"] == began["id"]
        assert ended["end"] is not None
        print(f"{cause:8} noticed after {began['seconds']:.0f} s, over after {ended['seconds']:.0f} s")
        assert len([one for one in watcher.events if one["topic"].endswith(("began", "ended"))]) == 2
    finally:
        watcher.close()


class _Brief(SystemClock):
    """Five seconds are over in half a second."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 10)


def test_the_real_wan_goes_down_and_comes_up_again(internet: Internet, tmp_path: Path) -> None:
    seen: list[str] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            (link,) = json.loads(internet.box.ip("-j", "link", "show", "eth0"))
            seen.append("up" if "UP" in link["flags"] else "down")

    async def bounce() -> None:
        door = NetdClient(tmp_path / "netd.sock")
        try:
            await bounce_wan(door, "eth0", _Brief("always")).take()
        finally:
            await door.close()

    with netd_process(tmp_path / "netd.sock", inside=internet.box):
        looking = threading.Thread(target=look)
        looking.start()
        try:
            asyncio.run(bounce())
            time.sleep(0.3)
        finally:
            over.set()
            looking.join()
    assert "down" in seen
    assert seen[-1] == "up"
