"""Every bad argument gets its code and its field, and changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.dvr.recordings import FARTHEST, LONGEST, span
from gatewayd.errors import GatewayError, InvalidField
from tests.dvr.home import Home, open_home
from tests.support.clock import START, FakeClock

ADD = {"kind": "http", "url": "http://192.0.2.1/"}
RECORD = {"channel": "testcard", "duration": 60}


def at(**delta: float) -> str:
    return (START + timedelta(**delta)).isoformat()


async def everything(home: Home) -> list[Any]:
    rows = []
    for table in ("sources", "channels", "recordings", "segments", "slices", "gaps", "faults"):
        rows += [tuple(row) for row in await home.core.database.fetch_all(f"SELECT * FROM dvr_{table}")]
    return rows


@pytest.mark.parametrize(
    ("operation", "arguments", "code", "field"),
    [
        ("sources.add", {}, "request.missing_field", "kind"),
        ("sources.add", {"kind": "http"}, "request.missing_field", "url"),
        ("sources.add", {**ADD, "kind": "dvb"}, "request.invalid_field", "kind"),
        ("sources.add", {**ADD, "url": ""}, "request.invalid_field", "url"),
        ("sources.add", {**ADD, "url": 7}, "request.invalid_field", "url"),
        ("sources.add", {**ADD, "url": "http://h/" + "x" * 70_000}, "request.invalid_field", "url"),
        ("sources.add", {**ADD, "url": "testcard:"}, "request.invalid_field", "url"),
        ("sources.add", {**ADD, "name": "x" * 201}, "request.invalid_field", "name"),
        ("sources.add", {**ADD, "colour": "red"}, "request.unknown_field", "colour"),
        ("sources.add", {**ADD, "url": "http://192.0.2.9/"}, "dvr.source_exists", "url"),
        ("sources.remove", {"source": "no"}, "dvr.source_not_found", "source"),
        ("sources.remove", {"source": "testcard"}, "dvr.source_built_in", "source"),
        ("sources.remove", {"source": ""}, "request.invalid_field", "source"),
        ("sources.add", {**ADD, "tuners": 0}, "request.invalid_field", "tuners"),
        ("sources.add", {**ADD, "tuners": 65}, "request.invalid_field", "tuners"),
        ("sources.add", {**ADD, "host": "tuner"}, "request.invalid_field", "host"),
        ("sources.add", {**ADD, "url": "udp://@192.0.2.1:5000"}, "request.invalid_field", "url"),
        ("sources.add", {**ADD, "url": "udp://@239.1.1.1"}, "request.invalid_field", "url"),
        ("sources.add", {**ADD, "url": "udp://@224.0.0.5:5000"}, "dvr.forbidden_address", "url"),
        (
            "sources.add",
            {**ADD, "kind": "m3u", "url": "udp://@239.1.1.1:5000"},
            "request.invalid_field",
            "url",
        ),
        ("sources.add", {"kind": "hdhomerun"}, "request.missing_field", "url"),
        ("sources.add", {"kind": "hdhomerun", "host": "x" * 254}, "request.invalid_field", "host"),
        ("sources.add", {"kind": "hdhomerun", "host": "127.1"}, "dvr.forbidden_address", "url"),
        ("sources.get", {"source": "no"}, "dvr.source_not_found", "source"),
        ("sources.update", {"source": "no"}, "dvr.source_not_found", "source"),
        ("sources.update", {"source": "testcard", "name": "x"}, "dvr.source_built_in", "source"),
        ("sources.update", {"source": "no", "tuners": -1}, "request.invalid_field", "tuners"),
        ("sources.refresh", {"source": "no"}, "dvr.source_not_found", "source"),
        ("sources.refresh", {"source": "testcard"}, "dvr.source_built_in", "source"),
        ("sources.discover", {"seconds": 9}, "request.unknown_field", "seconds"),
        ("channels.update", {"channel": "no"}, "dvr.channel_not_found", "channel"),
        ("channels.update", {"channel": "testcard", "hidden": True}, "dvr.source_built_in", "channel"),
        ("channels.update", {"channel": "192-0-2-9", "name": "x" * 201}, "request.invalid_field", "name"),
        ("channels.update", {"channel": "192-0-2-9", "number": "1" * 17}, "request.invalid_field", "number"),
        ("channels.list", {"source": ""}, "request.invalid_field", "source"),
        ("channels.list", {"limit": 0}, "request.invalid_field", "limit"),
        ("channels.list", {"cursor": "?"}, "request.invalid_field", "cursor"),
        ("recordings.create", {}, "request.missing_field", "channel"),
        ("recordings.create", {**RECORD, "channel": "no"}, "dvr.channel_not_found", "channel"),
        ("recordings.create", {"channel": "testcard"}, "request.invalid_field", "stop"),
        ("recordings.create", {**RECORD, "stop": at(hours=1)}, "request.invalid_field", "stop"),
        ("recordings.create", {**RECORD, "duration": 0}, "request.invalid_field", "duration"),
        ("recordings.create", {**RECORD, "duration": -1}, "request.invalid_field", "duration"),
        ("recordings.create", {**RECORD, "duration": 86_401}, "request.invalid_field", "duration"),
        ("recordings.create", {**RECORD, "duration": 1e300}, "request.invalid_field", "duration"),
        ("recordings.create", {**RECORD, "duration": "60"}, "request.invalid_field", "duration"),
        ("recordings.create", {**RECORD, "start": at(days=400)}, "request.invalid_field", "start"),
        ("recordings.create", {**RECORD, "start": at(days=-2)}, "request.invalid_field", "start"),
        (
            "recordings.create",
            {**RECORD, "start": "0001-01-01T00:00:00+14:00"},
            "request.invalid_field",
            "start",
        ),
        (
            "recordings.create",
            {**RECORD, "start": "9999-12-31T23:59:59-14:00"},
            "request.invalid_field",
            "start",
        ),
        ("recordings.create", {**RECORD, "start": "2026-11-23T12:00:00"}, "request.invalid_field", "start"),
        ("recordings.create", {**RECORD, "start": at(hours=-1)}, "request.invalid_field", "duration"),
        (
            "recordings.create",
            {"channel": "testcard", "stop": at(seconds=0)},
            "request.invalid_field",
            "stop",
        ),
        ("recordings.create", {"channel": "testcard", "stop": at(hours=25)}, "request.invalid_field", "stop"),
        ("recordings.create", {**RECORD, "title": "x" * 201}, "request.invalid_field", "title"),
        ("recordings.create", {**RECORD, "state": "done"}, "request.unknown_field", "state"),
        ("recordings.list", {"state": "asleep"}, "request.invalid_field", "state"),
        ("recordings.list", {"cursor": "e30"}, "request.invalid_field", "cursor"),
        ("recordings.get", {"recording": "no"}, "dvr.recording_not_found", "recording"),
        ("recordings.stop", {"recording": "no"}, "dvr.recording_not_found", "recording"),
        ("recordings.delete", {"recording": "no"}, "dvr.recording_not_found", "recording"),
        ("recordings.delete", {"recording": "x" * 65}, "request.invalid_field", "recording"),
    ],
)
async def test_refused(
    tmp_path: Path, operation: str, arguments: dict[str, Any], code: str, field: str
) -> None:
    async with open_home(tmp_path, tmp_path / "no.sock", clock=FakeClock(), allow_loopback=False) as home:
        await home.call("sources.add", kind="http", url="http://192.0.2.9/")
        before = await everything(home)
        with pytest.raises(GatewayError) as refused:
            await home.call(operation, **arguments)
        assert (refused.value.code, refused.value.field) == (code, field)
        assert len(refused.value.detail) < 400
        assert await everything(home) == before


async def test_what_does_not_run_cannot_be_stopped(tmp_path: Path) -> None:
    async with open_home(tmp_path, tmp_path / "no.sock", clock=FakeClock()) as home:
        item = await home.call("recordings.create", **RECORD, start=at(hours=1))
        with pytest.raises(GatewayError, match=r"dvr\.not_recording"):
            await home.call("recordings.stop", recording=item["id"])
        assert (await home.call("recordings.get", recording=item["id"])) == item


async def test_the_same_key_makes_one_recording(tmp_path: Path) -> None:
    async with open_home(tmp_path, tmp_path / "no.sock", clock=FakeClock()) as home:
        first = await home.core.call("dvr.recordings.create", RECORD, key="k")
        assert await home.core.call("dvr.recordings.create", RECORD, key="k") == first
        assert len((await home.call("recordings.list"))["items"]) == 1


moments = st.datetimes(timezones=st.just(UTC))


@given(st.none() | moments, st.none() | moments, st.none() | st.floats())
def test_any_span_keeps_the_limits_or_is_refused(
    start: datetime | None, stop: datetime | None, duration: float | None
) -> None:
    try:
        begin, end = span(START, start, stop, duration)
    except InvalidField:
        return
    assert end > START
    assert 0 < (end - begin).total_seconds() <= LONGEST
    assert (begin - START).total_seconds() <= FARTHEST
