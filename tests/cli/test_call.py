"""`call` reaches everything; jobs are followed; `watch` goes on."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.cli.conftest import Gatewayctl
from tests.support.box import FakeBox, Noted

GATEWAYCTL = str(Path(sys.executable).with_name("gatewayctl"))


class Started:
    """`gatewayctl` as a process of its own; `seen` is what it has printed so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.seen = ""

    async def until(self, text: str) -> None:
        """Reads on until it has printed `text`."""
        assert self.process.stdout is not None
        while text not in self.seen:
            chunk = await asyncio.wait_for(self.process.stdout.read(4096), 20)
            assert chunk, f"it ended after {self.seen!r}"
            self.seen += chunk.decode()


@asynccontextmanager
async def started(box: FakeBox, *words: str) -> AsyncIterator[Started]:
    """Starts `gatewayctl` and, if need be, kills it in the end."""
    process = await asyncio.create_subprocess_exec(
        GATEWAYCTL,
        *words,
        env={**os.environ, "GATEWAYD_SOCKET": str(box.socket), "PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        # A shell that runs the tests in the background has them, and so us, ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        yield Started(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_any_operation_is_called_by_its_name(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    called = await gatewayctl("call", "dvr.recordings.stop", '{"recording": "r 9/ü"}')
    assert json.loads(called.stdout)["id"] == "r 9/ü"
    piped = await gatewayctl("call", "dvr.recordings.list", "-", typed='{"state": "failed"}')
    assert json.loads(piped.stdout) == {"items": [], "next": None}
    assert box.trades.asked == [("dvr.recordings.list", {"state": "failed"})]


async def test_what_the_box_refuses_it_refuses_here(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    cases = {
        ("wifi.networks.update", '{"network": "home", "nope": 1}'): ("request.unknown_field", "nope"),
        ("wifi.networks.update", "{}"): ("request.missing_field", "network"),
        ("dvr.recordings.list", '{"nope": 1}'): ("request.unknown_field", "nope"),
        ("nope.nope", "{}"): ("operation.unknown", None),
    }
    for words, (code, field) in cases.items():
        refused = await gatewayctl("--json", "call", *words)
        assert refused.exit_code == 1
        problem = json.loads(refused.stdout)
        assert (problem["code"], problem.get("field")) == (code, field), words


async def test_a_mutation_with_the_same_key_happens_once(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    words = ("call", "--key", "k1", "upkeep.restart", '{"target": "daemon"}')
    first, again = await gatewayctl(*words), await gatewayctl(*words)
    assert first.stdout == again.stdout
    assert len(box.trades.asked) == 1
    await gatewayctl("call", "upkeep.restart", '{"target": "daemon"}')
    await gatewayctl("call", "upkeep.restart", '{"target": "daemon"}')
    assert len(box.trades.asked) == 3  # without a key each call is one of its own


async def test_a_job_is_followed_to_its_result(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    box.trades.hold.clear()
    running = asyncio.ensure_future(gatewayctl("call", "diagnostics.run"))
    while not any(job.state == "running" for job in await box.core.jobs.list(None, 5)):
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.2)
    assert not running.done()
    box.trades.hold.set()
    assert json.loads((await running).stdout)["verdict"] == "DNS_TIMEOUT"
    as_json = await gatewayctl("--json", "call", "diagnostics.run")
    assert json.loads(as_json.stdout)["job"]["state"] == "done"


async def test_a_job_is_followed_through_a_restart_of_the_api(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    box.trades.hold.clear()
    running = asyncio.ensure_future(gatewayctl("call", "diagnostics.run"))
    while not box.core.bus._readers:  # the event stream of the follower
        await asyncio.sleep(0.02)
    await box.close()
    box.trades.hold.set()  # its end is not heard by anybody
    await asyncio.sleep(0.2)
    assert not running.done()
    await box.serve()
    assert json.loads((await running).stdout)["verdict"] == "DNS_TIMEOUT"


async def test_one_need_not_wait_for_a_job(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    box.trades.hold.clear()
    called = await gatewayctl("--json", "call", "--no-wait", "diagnostics.run")
    job = json.loads(called.stdout)["job"]
    assert job["state"] == "queued"
    cancelled = await gatewayctl("jobs", "cancel", job["id"])
    assert cancelled.stdout == "diagnostics.run is cancelled.\n"
    shown = await gatewayctl("jobs", "show", "--wait", job["id"])
    assert shown.exit_code == 1
    assert "The job was cancelled." in shown.stderr
    assert job["id"] in (await gatewayctl("jobs", "list")).stdout


async def test_a_job_that_fails_tells_why(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    box.trades.broken = True
    failed = await gatewayctl("call", "diagnostics.run")
    assert failed.exit_code == 1
    assert failed.stderr == "The helper is away.\n  (code helper.unavailable)\n"
    as_json = await gatewayctl("--json", "call", "diagnostics.run")
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout)["job"]["error"]["code"] == "helper.unavailable"


async def test_a_diagnosis_ends_with_its_verdict_and_remedy(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    diagnosed = await gatewayctl("diagnose")
    assert diagnosed.exit_code == 0
    assert "✓ link" in diagnosed.stdout
    assert "✗ dns" in diagnosed.stdout
    assert "DNS_TIMEOUT" in diagnosed.stdout
    assert "Restart the modem" in diagnosed.stdout


async def test_ctrl_c_cancels_the_job_in_the_box(box: FakeBox) -> None:
    box.trades.hold.clear()
    async with started(box, "call", "diagnostics.run") as command:
        while not any(job.state == "running" for job in await box.core.jobs.list(None, 5)):
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)  # it opens its event stream
        command.process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(command.process.wait(), 20) == 130
    (job,) = await box.core.jobs.list(None, 5)
    assert job.state == "cancelled"


async def test_a_terminal_sees_what_a_job_is_doing(box: FakeBox) -> None:
    box.trades.hold.clear()
    leader, follower = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        GATEWAYCTL,
        "diagnose",
        env={**os.environ, "GATEWAYD_SOCKET": str(box.socket), "TERM": "xterm", "COLUMNS": "100"},
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    seen = ""
    while "Asking the resolvers" not in seen:
        seen += (await asyncio.to_thread(os.read, leader, 4096)).decode(errors="replace")
    box.trades.hold.set()
    while "high confidence" not in seen:
        seen += (await asyncio.to_thread(os.read, leader, 4096)).decode(errors="replace")
    assert await asyncio.wait_for(process.wait(), 20) == 0
    os.close(leader)


async def test_watch_prints_events_of_its_topics_only(box: FakeBox) -> None:
    async with started(box, "--json", "watch", "wifi") as command:
        while not box.core.bus._readers:
            await asyncio.sleep(0.02)
        box.core.bus.publish(Noted(text="one"))
        await command.until("\n")
    frame = json.loads(command.seen)
    assert (frame["type"], frame["data"]) == ("wifi.changed", {"text": "one"})


async def test_watch_takes_up_where_it_left_off(box: FakeBox) -> None:
    async with started(box, "watch", "wifi.*") as command:
        while not box.core.bus._readers:
            await asyncio.sleep(0.02)
        box.core.bus.publish(Noted(text="before"))
        await command.until("before")
        await box.close()
        await command.until("Trying again")
        box.core.bus.publish(Noted(text="meanwhile"))
        await box.serve()
        await command.until("meanwhile")
    assert command.seen.count("before") == 1
