"""The bus: numbered, bounded, honest about what was lost."""

from __future__ import annotations

from typing import ClassVar

from hypothesis import given
from hypothesis import strategies as st

from gatewayd.events import Bus, EventData, Gap
from tests.support.clock import FakeClock


class Rang(EventData, frozen=True, kw_only=True):
    topic: ClassVar[str] = "bell.rang"
    number: int


class Fell(EventData, frozen=True, kw_only=True):
    topic: ClassVar[str] = "cup.fell"


async def read(subscription: object, count: int) -> list[tuple[str, int]]:
    found = []
    for _ in range(count):
        event = await anext(subscription)  # type: ignore[call-overload]
        found.append((event.type, event.data.number if isinstance(event.data, Rang) else event.seq))
    return found


async def test_topics_and_numbers() -> None:
    bus = Bus(FakeClock())
    with bus.subscribe("bell.*") as bells:
        bus.publish(Fell())
        bus.publish(Rang(number=7))
        event = await anext(bells)
    assert (event.seq, event.type, event.epoch) == (2, "bell.rang", bus.epoch)


async def test_a_slow_reader_loses_the_oldest_and_is_told() -> None:
    bus = Bus(FakeClock())
    with bus.subscribe(size=2) as slow:
        for number in range(5):
            bus.publish(Rang(number=number))
        gap = await anext(slow)
        assert isinstance(gap.data, Gap)
        assert gap.data.missed == 3
        assert await read(slow, 2) == [("bell.rang", 3), ("bell.rang", 4)]


async def test_resume_after_a_drop() -> None:
    bus = Bus(FakeClock(), memory=3)
    for number in range(1, 6):
        bus.publish(Rang(number=number))
    with bus.subscribe(since=3, epoch=bus.epoch) as reader:
        assert await read(reader, 2) == [("bell.rang", 4), ("bell.rang", 5)]
    with bus.subscribe(since=1, epoch=bus.epoch) as late:
        gap = await anext(late)
        assert isinstance(gap.data, Gap)
        assert gap.data.missed == 1
        assert await read(late, 3) == [("bell.rang", 3), ("bell.rang", 4), ("bell.rang", 5)]


async def test_another_epoch_or_a_number_from_the_future_is_a_gap() -> None:
    bus = Bus(FakeClock())
    bus.publish(Rang(number=1))
    for since, epoch in ((1, "another"), (99, None)):
        with bus.subscribe(since=since, epoch=epoch) as reader:
            gap = await anext(reader)
            assert isinstance(gap.data, Gap)
            assert gap.data.missed is None


async def test_closing_ends_the_iteration() -> None:
    bus = Bus(FakeClock())
    reader = bus.subscribe()
    bus.publish(Rang(number=1))
    reader.close()
    assert [event.seq async for event in reader] == [1]


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 5))
async def test_what_is_read_and_what_is_missed_add_up(reads: list[int], size: int) -> None:
    """However a reader and a writer interleave: each event is read once, in order, or counted as missed."""
    bus = Bus(FakeClock())
    seen = missed = 0
    last = 0
    with bus.subscribe(size=size) as reader:
        for count in reads:
            bus.publish(Rang(number=0))
            for _ in range(count):
                if not reader._queue and reader._missed == 0:
                    break
                event = await anext(reader)
                if isinstance(event.data, Gap):
                    missed += event.data.missed or 0
                else:
                    assert event.seq > last
                    last, seen = event.seq, seen + 1
        left = len(reader._queue) + (reader._missed or 0)
    assert seen + missed + left == len(reads)
