"""Outages, history, self-repair, report and what of them is personal, through the registry."""

from __future__ import annotations

import asyncio
import html.parser
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

import pytest

from gatewayd.callers import ROLES, Caller, Role
from gatewayd.diagnostics import DiagnosticsService, Line, ReportBox, open_line, outage_operations
from gatewayd.diagnostics.history import History
from gatewayd.diagnostics.outage_incidents import Happening, Incident
from gatewayd.diagnostics.personal import DiagnosticsArea
from gatewayd.diagnostics.repair import Rung
from gatewayd.errors import GatewayError, InvalidField
from tests.support.clock import START, FakeClock
from tests.support.core import Core, open_core
from tests.support.world import TARGETS, WAN, FakeWorld

DAY = 86_400


@dataclass
class Home:
    core: Core
    line: Line
    clock: FakeClock
    doctor: DiagnosticsService


class Silent:
    def progress(self, fraction: float, message: str, partial: object = None) -> None:
        """Nobody watches."""


async def _nothing() -> None:
    """A step that does nothing."""


@asynccontextmanager
async def home(folder: Path) -> AsyncIterator[Home]:
    clock = FakeClock()
    world = FakeWorld()
    async with open_core(folder, clock) as core:
        doctor = DiagnosticsService(
            world=world, targets=TARGETS, wan=WAN.name, database=core.database, clock=world.clock
        )
        line = await open_line(
            doctor=doctor, world=world, targets=TARGETS, wan=WAN.name, rungs={"reboot": Rung(_nothing)},
            database=core.database, folder=folder, clock=clock, boot="b", zone=lambda: UTC,
        )  # fmt: skip
        box = ReportBox(id="gw-1", name="<Home> & garden", model="m", version="1")
        core.registry.add(outage_operations(line, lambda: box))
        yield Home(core, line, clock, doctor)
        await line.history.close()


async def past(here: Home, count: int) -> None:
    """Outages of a minute, an hour apart."""
    for number in range(count):
        await here.clock.advance(3600)
        now = here.clock.monotonic()
        incident = Incident(f"01X{number:02}", "internet", ("v4",), "probes", now - 60, announced=True)
        await here.line.journal.write([Happening("began", incident)])
        incident.end = now
        await here.line.journal.write([Happening("ended", incident)])


def caller(role: Role) -> Caller:
    return Caller(id=f"{role}:1", role=role, scopes=ROLES[role], via="portal", fresh=True)


async def test_outages_come_page_by_page_newest_first(tmp_path: Path) -> None:
    async with home(tmp_path) as here:
        await past(here, 5)
        first = await here.core.call("diagnostics.outages.list", {"limit": 3})
        assert [one["id"] for one in first["items"]] == ["01X04", "01X03", "01X02"]
        second = await here.core.call("diagnostics.outages.list", {"limit": 3, "cursor": first["next"]})
        assert [one["id"] for one in second["items"]] == ["01X01", "01X00"]
        assert second["next"] is None
        assert first["items"][0]["seconds"] == 60.0
        with pytest.raises(GatewayError) as refused:
            await here.core.call("diagnostics.outages.list", {"cursor": "nowhere"})
        assert refused.value.code == "diagnostics.outage_not_found"


async def test_the_provider_tells_and_takes_back(tmp_path: Path) -> None:
    async with home(tmp_path) as here:
        works = {"id": "p-1", "sentence": "Works", "start": "2026-11-23T10:00:00Z"}
        portal = caller("portal")
        told = {"reports": [works, {"id": "p-2", "sentence": "A storm"}]}
        await here.core.call("diagnostics.outages.report", told, caller=portal)
        listed = await here.core.call("diagnostics.outages.list", {})
        assert [one["id"] for one in listed["reported"]] == ["p-1", "p-2"]
        await here.core.call("diagnostics.outages.report", {"reports": []}, caller=portal)
        assert (await here.core.call("diagnostics.outages.list", {}))["reported"] == []
        with pytest.raises(GatewayError, match="needs"):
            await here.core.call("diagnostics.outages.report", told, caller=caller("technician"))


@pytest.mark.parametrize(
    "reports",
    [
        [{"id": "a", "sentence": "x" * 301}],
        [{"id": "", "sentence": "x"}],
        [{"id": "a", "sentence": "x"}, {"id": "a", "sentence": "y"}],
        [{"id": "a", "sentence": "x", "start": "2026-11-23T10:00:00Z", "end": "2026-11-23T09:00:00Z"}],
        [{"id": "a", "sentence": "x", "start": "2026-11-23T10:00:00"}],
        [{"id": str(number), "sentence": "x"} for number in range(21)],
    ],
)
async def test_what_the_provider_may_not_say(tmp_path: Path, reports: list[dict[str, str]]) -> None:
    async with home(tmp_path) as here:
        with pytest.raises(GatewayError) as refused:
            await here.core.call("diagnostics.outages.report", {"reports": reports})
        assert refused.value.code == "request.invalid_field"
        assert (await here.core.call("diagnostics.outages.list", {}))["reported"] == []


async def test_availability_counts_what_was_watched(tmp_path: Path) -> None:
    async with home(tmp_path) as here:
        await here.line.watch.start()
        for _ in range(240):
            await here.line.watch.round()
            await here.clock.advance(15)
        found = await here.core.call("diagnostics.availability.get", {"days": 3})
        assert [day["period"] for day in found["days"]] == ["2026-11-21", "2026-11-22", "2026-11-23"]
        assert found["days"][0]["available"] is None
        assert found["days"][2]["watched"] == 239 * 15.0
        assert found["months"][0]["available"] == 1.0


# --- history ---------------------------------------------------------------------------------------------


async def test_measurements_are_thinned_and_never_lost_between_the_steps(tmp_path: Path) -> None:
    clock = FakeClock(START.replace(hour=0))
    history = await History.open(tmp_path, clock)
    try:
        for number in range(40 * 24 * 4):  # 40 days, four an hour
            history.add("dns_ms", float(number % 7))
            await clock.advance(900)
            if number % 960 == 0:
                await history.flush()
        now = clock.now().timestamp()
        await history.flush()
        steps = {
            row["step"]: row["n"]
            for row in await history._database.fetch_all(
                "SELECT step, count(*) AS n FROM samples GROUP BY step"
            )
        }
        assert steps[1] <= 97
        assert steps[300] <= 31 * 96 + 1
        assert steps[3600] == 40 * 24
        step, points = await history.read("dns_ms", now - 40 * DAY, now, None)
        assert step % 3600 == 0
        assert sum(point.measured for point in points) == 40 * 24 * 4
        assert {point.low for point in points} | {point.high for point in points} <= {0.0, 6.0}
        step, points = await history.read("dns_ms", now - 6 * 3600, now, 1800)
        assert step == 1800
        assert [point.measured for point in points] == [2] * 12
        history.forget(now - 10 * DAY)
        await history.flush()
        _, points = await history.read("dns_ms", now - 40 * DAY, now, None)
        assert points[0].time >= now - 11 * DAY
    finally:
        await history.close()


async def test_a_damaged_history_is_moved_aside_and_the_box_starts(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    await asyncio.to_thread(file.write_bytes, b"this is no database" * 400)
    history = await History.open(tmp_path, FakeClock())
    history.add("dns_ms", 1.0)
    await history.flush()
    assert len(list(tmp_path.glob("history.damaged-*"))) == 1
    assert await history.erase() == 3
    assert list(tmp_path.glob("history.damaged-*")) == []
    await history.close()


async def test_history_through_its_operation(tmp_path: Path) -> None:
    async with home(tmp_path) as here:
        assert (await here.core.call("diagnostics.history.get", {}))["series"] == []
        here.line.history.add("dns_ms", 7.0)  # told at once, though it is written only once in a minute
        assert (await here.core.call("diagnostics.history.get", {}))["series"] == ["dns_ms"]
        await here.clock.advance(1)
        found = await here.core.call("diagnostics.history.get", {"series": "dns_ms", "seconds": 60})
        assert found["series"] == ["dns_ms"]
        assert [(one["mean"], one["count"]) for one in found["points"]] == [(7.0, 1)]
        for arguments, code in (
            ({"series": "nothing"}, "diagnostics.series_not_found"),
            ({"series": "dns_ms", "seconds": 86_400.0, "step": 1}, "diagnostics.too_many_points"),
            ({"series": "dns_ms", "seconds": 1.0}, "request.invalid_field"),
        ):
            with pytest.raises(GatewayError) as refused:
                await here.core.call("diagnostics.history.get", arguments)
            assert refused.value.code == code


# --- self-repair -----------------------------------------------------------------------------------------


async def test_self_repair_is_chosen_as_a_whole(tmp_path: Path) -> None:
    async with home(tmp_path) as here:
        assert await here.core.call("diagnostics.repair.get", {}) == {
            "steps": [], "possible": ["reboot"], "taken": [],
        }  # fmt: skip
        await here.core.call("diagnostics.repair.update", {"steps": ["reboot", "reboot"]})
        assert (await here.core.call("diagnostics.repair.get", {}))["steps"] == ["reboot"]
        for steps in (["bounce_wan"], ["explode"]):
            with pytest.raises(GatewayError) as refused:
                await here.core.call("diagnostics.repair.update", {"steps": steps})
            assert isinstance(refused.value, InvalidField) or refused.value.code == "request.invalid_field"
        assert (await here.core.call("diagnostics.repair.get", {}))["steps"] == ["reboot"]
        with pytest.raises(GatewayError, match="needs"):
            await here.core.call("diagnostics.repair.update", {"steps": []}, caller=caller("technician"))


# --- the report ------------------------------------------------------------------------------------------


class Reader(html.parser.HTMLParser):
    """Every tag and attribute of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


async def test_the_report_holds_evidence_and_its_page_needs_nothing_beside_it(tmp_path: Path) -> None:
    async with home(tmp_path) as here:
        await here.doctor.run(Silent())
        await past(here, 3)
        evil = "<script>alert(1)</script>"
        await here.core.call("diagnostics.outages.report", {"reports": [{"id": "p", "sentence": evil}]})
        for value in (5.0, 9.0):
            here.line.history.add("dns_ms", value)
            await here.clock.advance(3600)
        answer = await here.core.call("diagnostics.report.get", {"format": "html", "days": 7})
        report, page = answer["report"], answer["page"]
        assert report["diagnosis"]["evidence"]
        assert len(report["outages"]) == 3
        assert len(report["days"]) == 7
        assert [len(series["points"]) for series in report["measured"]] == [2]
        read = Reader()
        read.feed(page)
        assert not {"script", "link", "img", "iframe", "object"} & set(read.tags)
        assert not [name for name, _ in read.attributes if name.startswith("on") or name in ("src", "href")]
        assert not re.search(r"url\(|@import|https?://", page)
        assert evil in read.text
        assert "<Home> & garden" in read.text
        for check in report["diagnosis"]["evidence"]:
            assert check["detail"] in read.text
        assert "svg" in read.tags
        bare = await here.core.call("diagnostics.report.get", {})
        assert bare["page"] is None


async def test_a_box_that_knows_nothing_yet_has_a_report_too(tmp_path: Path) -> None:
    async with home(tmp_path) as here:
        answer = await here.core.call("diagnostics.report.get", {"format": "html"})
        assert answer["report"]["diagnosis"] is None
        assert "Nobody has asked for a diagnosis yet." in answer["page"]
        assert "The connection was not watched." in answer["page"]


# --- personal data ---------------------------------------------------------------------------------------


async def test_what_is_personal_is_told_erased_and_forgotten(tmp_path: Path) -> None:
    async with home(tmp_path) as here:
        await past(here, 3)
        here.line.history.add("dns_ms", 1.0)
        area = DiagnosticsArea(here.core.database, here.line.history)
        told = await area.export()
        assert len(told["outages"]) == 3
        assert len(told["measurements"]) == 3
        async with here.core.database.unit() as unit:
            area.forget(unit, "history", here.clock.now().timestamp() - 5400)
        assert len((await area.export())["outages"]) == 2
        erased = {one.item: one.count for one in await area.erase()}
        assert (erased["outages"], erased["measurements"]) == (2, 3)
        told = await area.export()
        assert [told[name] for name in ("outages", "reported", "measurements", "watched")] == [[]] * 4


async def test_erasing_leaves_the_guards_of_self_repair(tmp_path: Path) -> None:
    async with home(tmp_path) as here:
        async with here.core.database.unit() as unit:
            unit.execute(
                "INSERT INTO repairs (id, step, outage, verdict, boot, ran, began, state, note)"
                " VALUES ('r', 'reboot', 'o', 'LINK_DOWN', 'b', 900, 5, 'helped', 'note')"
            )
        await DiagnosticsArea(here.core.database, here.line.history).erase()
        (left,) = await here.line.repairs._past()
        assert (left.step, left.outage, left.boot, left.ran) == ("reboot", "", "b", 900.0)
