"""The time by which ranges are judged, and what is told of them while a source opens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from gatewayd.dvr.media import agenda as module
from gatewayd.dvr.media.agenda import LEAD, Agenda
from gatewayd.dvr.media.messages import Gap, Range, RangeDone
from tests.support.recorder import RecorderProcess, http_channel


class _Clock:
    """The two clocks, set by hand."""

    def __init__(self) -> None:
        self.wall, self.ticks = 1_000_000.0, 50.0

    def time(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.ticks

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.ticks += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    made = _Clock()
    monkeypatch.setattr(module, "time", made)
    return made


def spans(clock: _Clock, *times: tuple[float, float]) -> tuple[Range, ...]:
    return tuple(
        Range(id=str(number), start=clock.wall + start, stop=clock.wall + stop)
        for number, (start, stop) in enumerate(times)
    )


@pytest.mark.parametrize("step", [-86_400.0, 3600.0, 1_000_000_000.0])
def test_a_step_of_wall_time_neither_ends_nor_prolongs_a_running_range(clock: _Clock, step: float) -> None:
    agenda = Agenda("one", spans(clock, (0, 100)), {})
    clock.passes(10)
    clock.wall += step
    assert agenda.look() is False
    assert agenda.due()
    assert agenda.until_stop() == pytest.approx(90)
    clock.passes(89)
    assert agenda.ended() == []
    clock.passes(2)
    assert [span.id for span in agenda.ended()] == ["0"]


def test_the_next_range_follows_the_clock_that_was_set(clock: _Clock) -> None:
    first, second = spans(clock, (0, 100), (1000, 1100))
    agenda = Agenda("one", (first, second), {})
    clock.passes(50)
    clock.wall += 850  # it is 900 now; the first still has 50 to go
    clock.passes(51)
    assert agenda.ended() == [first]
    assert agenda.look() is True
    assert agenda.opens() == pytest.approx(1000 - 951 - LEAD)
    assert agenda.look() is False  # nothing was set since
    clock.passes(60)
    assert agenda.wanted() == second.start


def test_ranges_that_the_journal_calls_done_are_done_until_they_are_prolonged(clock: _Clock) -> None:
    (span,) = spans(clock, (-50, 100))
    agenda = Agenda("one", (span,), {("one", "0"): span.stop, ("two", "0"): 0.0})
    assert agenda.undone() == []
    assert agenda.until_stop() == 0.0
    assert agenda.opens() is None
    agenda.ranges = (Range(id="0", start=span.start, stop=span.stop + 10),)
    assert agenda.due()


@asynccontextmanager
async def accepting() -> AsyncIterator[int]:
    """A server that takes connections and never says anything; its port."""
    writers = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await reader.read()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    for writer in writers:
        writer.close()
    server.close()
    await asyncio.sleep(0.05)


async def test_a_range_that_ends_while_its_source_opens_is_told_at_once(tmp_path: Path) -> None:
    async with accepting() as port, RecorderProcess(tmp_path) as recorder:
        now = time.time()
        first, last = Range(id="a", start=now, stop=now + 4), Range(id="b", start=now, stop=now + 6)
        await recorder.desire(http_channel("one", f"http://127.0.0.1:{port}/x.ts", first, last))
        await recorder.done("b")
        assert time.time() - last.stop < 3  # an opening takes 10 s to be given up
        done = {entry.range: entry.time for entry in await recorder.journal(RangeDone)}
        assert done["a"] - first.stop < 1.5
        assert done["b"] - last.stop < 1.5
        gaps = await recorder.journal(Gap)
        assert (gaps[0].start, gaps[-1].stop) == (now, last.stop)


def test_a_source_is_opened_a_little_before_unless_another_has_its_tuner(clock: _Clock) -> None:
    (span,) = spans(clock, (10, 100))
    early, prompt = (
        Agenda("one", (msgspec.structs.replace(span, prompt=word),), {}) for word in (False, True)
    )
    clock.passes(10 - LEAD)
    assert early.due()
    assert not prompt.due()
    assert prompt.opens() == pytest.approx(LEAD)
    clock.passes(LEAD)
    assert prompt.due()
