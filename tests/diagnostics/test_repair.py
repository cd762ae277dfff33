"""Self-repair: its guards, whatever happens to clocks and boots; its steps, its crashes, its outcomes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewayd.diagnostics.model import Diagnosis
from gatewayd.diagnostics.outage_incidents import Incident
from gatewayd.diagnostics.outage_model import STEPS, OutageScope, Step
from gatewayd.diagnostics.repair import Repairs, Rung
from gatewayd.diagnostics.repair_guard import HELPABLE, HOUR, Past, next_step
from gatewayd.diagnostics.repair_steps import bounce_wan, restart_modem
from gatewayd.diagnostics.words import Verdict
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.netd.simulated import SimulatedNetwork
from gatewayd.settings import RepairSettings
from gatewayd.store.database import Database
from gatewayd.system.clock import SystemClock
from tests.support.clock import FakeClock
from tests.support.ports import free_port
from tests.support.store import open_database

NEVER = ("ISP_UPSTREAM_DOWN", "CAPTIVE_PORTAL", "WALLED_GARDEN", "OK_CLOUD_DOWN", "V6_DOWN", "OK", "UNSTABLE")

# --- the guards ------------------------------------------------------------------------------------------


def test_only_listed_verdicts_are_acted_on() -> None:
    assert set().union(*HELPABLE.values()) <= set(get_args(Verdict))
    for verdict in NEVER:
        assert next_step(STEPS, verdict, "o", [], "boot", 1e6) is None


def test_the_ladder_is_climbed_from_the_gentlest_rung() -> None:
    past: list[Past] = []
    at = 1000.0
    for step in STEPS:
        assert next_step(STEPS, "ADDR_NO_LEASE", "o", past, "boot", at) == step
        past.append(Past(step, "o", "boot", at, "did_not_help"))
        assert next_step(STEPS, "ADDR_NO_LEASE", "o", past, "boot", at + 599) is None
        at += 600
    assert next_step(STEPS, "ADDR_NO_LEASE", "o", past, "boot", at) is None
    assert next_step(STEPS, "ADDR_NO_LEASE", "another", past, "boot", at) == "renew_lease"
    assert next_step(STEPS, "ADDR_NO_LEASE", "o", past, "boot", at + 6 * HOUR) == "renew_lease"


Events = st.lists(
    st.tuples(
        st.floats(1, 30_000),  # seconds until the next look
        st.sampled_from(["", "", "", "power cut"]),
        st.sampled_from(["ADDR_NO_LEASE", "LINK_DOWN", "GW_NO_ARP", *NEVER]),
        st.sampled_from(["o1", "o2", "o3"]),
        st.sampled_from(["did_not_help", "helped", "failed", "interrupted"]),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(Events, st.frozensets(st.sampled_from(STEPS), min_size=1))
def test_no_story_of_boots_and_outages_gets_past_the_guards(
    story: list[tuple[float, str, str, str, str]], allowed: frozenset[Step]
) -> None:
    """Steps are counted on a time that only this test knows; the guard sees boots and their seconds."""
    past: list[Past] = []
    true, booted, boot = 0.0, 0.0, 0
    taken: list[tuple[float, Step, str]] = []
    for wait, happens, verdict, outage, state in story:
        true += wait
        if happens:
            boot, booted = boot + 1, true
        step = next_step(allowed, verdict, outage, past, f"boot-{boot}", true - booted)
        if step is None:
            continue
        assert step in allowed
        assert verdict not in NEVER
        past.append(Past(step, outage, f"boot-{boot}", true - booted, state))  # type: ignore[arg-type]
        if step != "reboot" or state != "failed":
            taken.append((true, step, verdict))
        if step == "reboot" and state != "failed":
            boot, booted = boot + 1, true + 1.0
    every = [at for at, _, _ in taken]
    assert all(later - before >= 600 - 1e-6 for before, later in itertools.pairwise(every))
    reboots = [at for at, step, _ in taken if step == "reboot"]
    assert all(later - before >= 6 * HOUR - 1e-6 for before, later in itertools.pairwise(reboots))
    assert all(third - first >= 24 * HOUR - 1e-6 for first, third in zip(reboots, reboots[2:], strict=False))


# --- the service -----------------------------------------------------------------------------------------


@dataclass
class Bench:
    """Repairs over a real state, with rungs that the test watches."""

    database: Database
    clock: FakeClock
    verdict: Verdict = "ADDR_NO_LEASE"
    confidence: str = "high"
    boot: str = "boot-1"
    incident: Incident = field(
        default_factory=lambda: Incident("o1", "internet", ("v4",), "lease", start=900.0)
    )
    works: bool = False
    cures: Step | None = None
    taken: list[Step] = field(default_factory=list)
    diagnoses: int = 0
    broken: set[Step] = field(default_factory=set)
    hangs: set[Step] = field(default_factory=set)
    mended: int = 0
    helper_away: bool = False

    def repairs(self) -> Repairs:
        return Repairs(
            database=self.database,
            clock=self.clock,
            boot=self.boot,
            lasting=lambda: () if self.works else (self.incident,),
            probe=self._probe,
            diagnose=self._diagnose,
            rungs={step: Rung(self._rung(step), self._mend) for step in STEPS},
        )

    async def _probe(self, scope: OutageScope) -> bool:
        assert scope == self.incident.scope
        return self.works

    async def _diagnose(self) -> Diagnosis:
        self.diagnoses += 1
        return Diagnosis(
            verdict=self.verdict,
            layer="address",
            confidence=self.confidence,  # type: ignore[arg-type]
            remedy="",
        )

    async def _mend(self) -> None:
        if self.helper_away:
            raise GatewayError("helper.unavailable", "The helper is not up yet.")
        self.mended += 1

    def _rung(self, step: Step) -> Callable[[], Awaitable[None]]:
        async def take() -> None:
            self.taken.append(step)
            if step in self.broken:
                raise GatewayError("diagnostics.repair_failed", "It is recording.")
            if step in self.hangs:
                await asyncio.Event().wait()
            self.works = self.cures == step

        return take

    async def allow(self, *steps: Step) -> None:
        async with self.database.unit() as unit:
            self.repairs().allow(unit, steps)

    async def for_(self, seconds: float, repairs: Repairs | None = None) -> Repairs:
        """Lets the supervised loop run for so long."""
        repairs = repairs or self.repairs()
        running = asyncio.create_task(repairs.run())
        for _ in range(int(seconds / 5)):
            await self._quiet()
            await self.clock.advance(5)
        await self._quiet()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return repairs

    async def _quiet(self) -> None:
        """Until the task waits for the clock: the database has a thread of its own."""
        for _ in range(400):
            before = self.clock._count
            await asyncio.sleep(0.002)
            if self.clock._count == before and any(not future.done() for *_, future in self.clock._sleepers):
                return

    async def states(self) -> list[tuple[str, str]]:
        return [(one.step, one.state) for one in reversed(await self.repairs().newest(20))]


@asynccontextmanager
async def bench(folder: Path) -> AsyncIterator[Bench]:
    clock = FakeClock()
    await clock.advance(10_000)
    async with open_database(folder) as database:
        made = Bench(database, clock)
        made.incident.start = clock.monotonic() - 120
        yield made


async def test_nothing_is_done_or_even_asked_until_somebody_allows_it(tmp_path: Path) -> None:
    async with bench(tmp_path) as here:
        await here.for_(600)
        assert (here.taken, here.diagnoses) == ([], 0)


async def test_steps_are_taken_one_by_one_until_one_helps(tmp_path: Path) -> None:
    async with bench(tmp_path) as here:
        await here.allow("renew_lease", "bounce_wan", "reboot")
        here.cures = "bounce_wan"
        await here.for_(1500)
        assert await here.states() == [("renew_lease", "did_not_help"), ("bounce_wan", "helped")]
        first, second = reversed(await here.repairs().newest(5))
        assert (second.began - first.began).total_seconds() >= 600
        assert first.verdict == "ADDR_NO_LEASE"
        assert second.seconds is not None
        assert second.seconds <= 10


@pytest.mark.parametrize("verdict", NEVER)
async def test_never_against_a_fault_that_is_not_ours(tmp_path: Path, verdict: Verdict) -> None:
    async with bench(tmp_path) as here:
        await here.allow(*STEPS)
        here.verdict = verdict
        await here.for_(300)
        assert here.taken == []
        assert 0 < here.diagnoses <= 3


async def test_never_on_a_guess_nor_before_a_minute_nor_for_ipv6_alone(tmp_path: Path) -> None:
    async with bench(tmp_path) as here:
        await here.allow(*STEPS)
        here.confidence = "low"
        await here.for_(150)
        here.confidence = "high"
        here.incident.scope = "v6"
        await here.for_(150)
        here.incident.scope = "unstable"
        await here.for_(150)
        here.incident.scope = "internet"
        here.incident.start = here.clock.monotonic() - 20
        await here.for_(30)
        assert here.taken == []


async def test_a_step_that_cannot_be_taken_says_why_and_one_that_hangs_ends(tmp_path: Path) -> None:
    async with bench(tmp_path) as here:
        await here.allow("renew_lease")
        here.broken = {"renew_lease"}
        await here.for_(60)
        (only,) = await here.repairs().newest(5)
        assert (only.state, only.note) == ("failed", "It is recording.")


async def test_the_restart_of_the_box_is_survived_and_judged(tmp_path: Path) -> None:
    for works, state in ((True, "helped"), (False, "did_not_help")):
        folder = tmp_path / state
        folder.mkdir()
        async with bench(folder) as here:
            await here.allow("reboot")
            running = asyncio.create_task(here.repairs().run())
            await here._quiet()
            assert here.taken == ["reboot"]
            running.cancel()  # the machine goes down
            await asyncio.gather(running, return_exceptions=True)
            here.clock = FakeClock(here.clock.now() + timedelta(seconds=50))
            here.boot, here.works = "boot-2", works
            await here.for_(400)
            assert await here.states() == [("reboot", state)]
            here.works = False
            here.incident = Incident("o2", "internet", ("v4",), "lease", start=0.0)
            await here.for_(700)
            assert here.taken == ["reboot"]  # not within six hours, whatever outage it is


async def test_a_clock_set_forward_buys_no_second_restart(tmp_path: Path) -> None:
    async with bench(tmp_path) as here:
        await here.allow("reboot")
        await here.for_(300)
        assert here.taken == ["reboot"]
        here.clock.step(365 * 86_400)
        here.incident.id = "o2"
        await here.for_(700)
        assert here.taken == ["reboot"]


async def test_a_crash_in_the_middle_of_a_step_leaves_the_wan_up_and_is_written_down(tmp_path: Path) -> None:
    async with bench(tmp_path) as here:
        await here.allow("bounce_wan")
        here.hangs = {"bounce_wan"}
        running = asyncio.create_task(here.repairs().run())
        async with asyncio.timeout(10):
            while not here.taken:
                await asyncio.sleep(0.01)
        assert await here.states() == [("bounce_wan", "running")]  # written before it was begun
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        here.works = here.helper_away = True
        with pytest.raises(GatewayError):
            await here.repairs().run()
        assert await here.states() == [("bounce_wan", "running")]  # not forgotten: the WAN may be down
        here.helper_away = False
        await here.for_(20)
        assert await here.states() == [("bounce_wan", "interrupted")]
        assert here.mended == 1
        await here.for_(20)
        assert here.mended == 1


async def test_steps_that_this_box_cannot_take_are_refused(tmp_path: Path) -> None:
    async with bench(tmp_path) as here:
        repairs = here.repairs()
        del repairs._rungs["restart_modem"]
        with pytest.raises(InvalidField) as refused:
            repairs.allow(here.database.unit(), ["restart_modem"])
        assert refused.value.field == "steps"
        assert "repair.modem_url" in refused.value.detail


# --- the steps themselves --------------------------------------------------------------------------------


async def test_the_wan_comes_up_again_also_when_the_step_is_cut_off() -> None:
    door, clock = SimulatedNetwork(), FakeClock()
    taking = asyncio.ensure_future(bounce_wan(door, "wan0", clock).take())
    await asyncio.sleep(0.01)
    assert door.down == {"wan0"}
    taking.cancel()
    await asyncio.gather(taking, return_exceptions=True)
    assert door.down == set()


async def test_the_modem_is_called_as_the_settings_say(tmp_path: Path) -> None:
    seen: list[tuple[str, str, str | None]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((request.method, await request.text(), request.headers.get("Authorization")))
        if request.path == "/moved":
            raise web.HTTPFound("/restart")
        return web.Response(status=200 if request.path == "/restart" else 403)

    application = web.Application()
    application.router.add_route("*", "/{name}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    secret = tmp_path / "authorization"
    secret.write_text("Basic dXNlcjpwYXNz\n")
    base = f"http://127.0.0.1:{port}"
    try:
        good = restart_modem(
            RepairSettings(
                modem_url=f"{base}/restart", modem_body="go=1", modem_authorization_file=str(secret)
            )
        )
        assert good is not None
        await good.take()
        assert seen == [("POST", "go=1", "Basic dXNlcjpwYXNz")]
        for path, told in (("/no", "403"), ("/moved", "302")):
            bad = restart_modem(RepairSettings(modem_url=base + path, modem_method="GET"))
            assert bad is not None
            with pytest.raises(GatewayError, match=told):
                await bad.take()
        assert len(seen) == 3  # no redirect was followed
    finally:
        await runner.cleanup()
    gone = restart_modem(RepairSettings(modem_url=f"http://user:hunter2@127.0.0.1:{port}/"))
    assert gone is not None
    with pytest.raises(GatewayError) as refused:
        await gone.take()
    assert "hunter2" not in refused.value.detail
    assert restart_modem(RepairSettings()) is None


def test_the_clock_of_the_guards_is_the_kernels() -> None:
    """`monotonic` counts from the boot: what the guards take for granted."""
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    assert abs(SystemClock("always").monotonic() - uptime) < 5
