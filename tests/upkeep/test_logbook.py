"""The log as people read it: newest first pages, following, filters, bounds."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from gatewayd.errors import GatewayError
from gatewayd.system import logs
from gatewayd.system.log_reading import ReadLogs, answering
from gatewayd.system.logs import Ring
from gatewayd.system.rpc import Server
from gatewayd.upkeep.logbook import Filter, Logbook, other, own
from gatewayd.upkeep.redact import Redactor


async def _nothing() -> frozenset[str]:
    return frozenset({"correct horse"})


def book(ring: Ring) -> Logbook:
    return Logbook({"gatewayd": own(ring)}, Redactor(), _nothing)


def filled(count: int) -> Ring:
    ring = Ring()
    for number in range(count):
        ring.add("info" if number % 2 else "warning", "a.thing", f"number={number}")
    return ring


async def test_the_newest_then_what_follows() -> None:
    ring = filled(10)
    page = await book(ring).page(Filter(), None, 3)
    assert [item.text for item in page.items] == ["number=7", "number=8", "number=9"]
    again = await book(ring).page(Filter(), page.next, 3)
    assert (again.items, again.gap) == ((), False)
    for number in range(10, 15):
        ring.add("info", "a.thing", f"number={number}")
    first = await book(ring).page(Filter(), again.next, 3)
    rest = await book(ring).page(Filter(), first.next, 3)
    assert [item.text for item in (*first.items, *rest.items)] == [f"number={n}" for n in range(10, 15)]


async def test_filters() -> None:
    ring = filled(10)
    ring.add("error", "b.Thing", "why=rain")
    page = await book(ring).page(Filter(level="warning", contains="NUMBER"), None, 100)
    assert [item.text for item in page.items] == [f"number={n}" for n in range(0, 10, 2)]
    page = await book(ring).page(Filter(contains="b.thing"), None, 100)
    assert [item.level for item in page.items] == ["error"]
    later = datetime.now(UTC) + timedelta(seconds=60)
    assert (await book(ring).page(Filter(since=later), None, 100)).items == ()


async def test_following_past_what_does_not_fit_the_filter() -> None:
    ring = filled(10)
    page = await book(ring).page(Filter(), None, 1)
    for number in range(50):
        ring.add("debug", "noise", f"{number}")
    ring.add("error", "b.thing", "")
    page = await book(ring).page(Filter(level="error"), page.next, 1)
    assert [item.event for item in page.items] == ["b.thing"]


async def test_what_is_no_longer_kept_is_a_gap() -> None:
    ring = filled(1)
    page = await book(ring).page(Filter(), None, 1)
    for _ in range(5000):
        ring.add("info", "noise", "")
    page = await book(ring).page(Filter(), page.next, 1)
    assert page.gap
    other = await book(filled(2)).page(Filter(), page.next, 10)  # the daemon was restarted
    assert other.gap
    assert len(other.items) == 2
    with pytest.raises(GatewayError, match="cursor"):
        await book(ring).page(Filter(), "bad", 1)


async def test_no_secret_is_shown_nor_found_by_searching() -> None:
    ring = Ring()
    ring.add("info", "wifi.joined", "mac=02:1f:aa:bb:cc:dd said=correct horse")
    (item,) = (await book(ring).page(Filter(), None, 10)).items
    assert "correct" not in item.text
    assert "02:1f" not in item.text
    assert (await book(ring).page(Filter(contains="correct"), None, 10)).items == ()


def test_records_are_bounded() -> None:
    ring = Ring()
    ring(
        None, "info", {"event": "e" * 10_000, "level": "info", "word": "w" * 10_000, "exception": "x" * 9000}
    )
    (record,) = ring.records()
    assert len(record.event) <= 300
    assert len(record.text) <= 4000


def test_the_ring_takes_more_than_is_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAYD_LOG_LEVEL", "info")
    monkeypatch.setattr(logging.getLogger(), "handlers", [*logging.getLogger().handlers])
    before = structlog.get_config()
    ring = Ring()
    try:
        logs.configure("warning", ring)
        log = structlog.get_logger("here")
        log.debug("not.at.all")
        log.info("kept.only", port=1)
        log.warning("both.of.them", port=2)
    finally:
        structlog.configure(**before)
    assert [(record.level, record.event, record.text) for record in ring.records()] == [
        ("info", "kept.only", "port=1"),
        ("warning", "both.of.them", "port=2"),
    ]
    printed = capsys.readouterr().err
    assert "both.of.them" in printed
    assert "kept.only" not in printed


async def test_several_processes_are_one_log(tmp_path: Path) -> None:
    """By time; who does not answer is passed over and read on later."""
    mine, theirs = filled(2), Ring()
    path = tmp_path / "far.sock"
    both = Logbook({"gatewayd": own(mine), "recorder": other(path)}, Redactor(), _nothing)
    alone = await both.page(Filter(), None, 10)
    assert [item.process for item in alone.items] == ["gatewayd"] * 2

    async def refuses(_verb: Any) -> Any:
        raise AssertionError("nobody asks for anything else")

    server = Server(path, ReadLogs, answering(refuses, theirs), uids=frozenset({os.getuid()}))
    await server.start()
    try:
        theirs.add("info", "far.one", "")
        mine.add("info", "near.one", "")
        theirs.add("error", "far.two", "")
        page = await both.page(Filter(), alone.next, 2)
        rest = await both.page(Filter(), page.next, 10)
        assert [item.event for item in (*page.items, *rest.items)] == ["far.one", "near.one", "far.two"]
        assert not page.gap
        only = await both.page(Filter(level="error"), None, 10, "recorder")
        assert [item.event for item in only.items] == ["far.two"]
        for number in range(3000):
            theirs.add("info", "much", f"{number} " + "x" * 1000)
        page = await both.page(Filter(), None, 1000, "recorder")
        assert page.items[-1].text.startswith("2999 ")
        assert len(page.items) > 300  # what one frame holds
    finally:
        await server.close()
    with pytest.raises(GatewayError, match="gatewayd, recorder"):
        await both.page(Filter(), None, 10, "nobody")
