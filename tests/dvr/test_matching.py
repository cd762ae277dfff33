"""Channels keep their ids whatever a provider does to their names, numbers and addresses."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.dvr.lineup import Known
from gatewayd.dvr.matching import match
from gatewayd.dvr.playlist import Entry

ONE = Entry("One", "http://h/1", "1", "one.tv")
TWO = Entry("Two", "http://h/2", "2", "two.tv")
BARE = Entry("Bare", "http://h/3")


def known(*entries: Entry) -> list[Known]:
    return [Known(entry.url.rpartition("/")[2], entry) for entry in entries]


@pytest.mark.parametrize(
    "now",
    [
        ONE._replace(name="One HD", number="101", url="http://other/9"),  # its guide id stays
        ONE._replace(guide_id=None),
        ONE._replace(guide_id="1.new"),  # name and number stay
        ONE._replace(guide_id=None, name="Uno", url="http://h/1"),
        Entry("One", "http://h/new?token=x"),  # only its name stays
        Entry("Uno", "http://h/1"),  # only its address stays
    ],
)
def test_a_channel_that_changed_is_the_same(now: Entry) -> None:
    assert match(known(ONE, TWO), [TWO, now]).kept == [(0, "2"), (1, "1")]


@pytest.mark.parametrize(
    "now",
    [
        Entry("Other", "http://h/9", "1"),  # a number alone is given to another easily
        Entry("Other", "http://h/1", "9", "other.tv"),  # the address now has another entry of the guide
    ],
)
def test_another_channel_in_its_place_is_another(now: Entry) -> None:
    found = match(known(ONE, BARE), [now, BARE])
    assert (found.kept, found.added, found.gone) == ([(1, "3")], [0], ["1"])


def test_twins_are_told_apart_by_their_addresses() -> None:
    sd, hd = ONE._replace(url="http://h/sd"), ONE._replace(url="http://h/hd")
    found = match(known(sd, hd), [hd._replace(category="x"), sd._replace(category="x")])
    assert found.kept == [(0, "hd"), (1, "sd")]


words = st.sampled_from(["a", "b", "c", ""])
entries = st.lists(
    st.builds(
        Entry,
        name=words,
        url=words,
        number=st.none() | words,
        guide_id=st.none() | words,
    ),
    max_size=8,
)


@given(entries, entries)
def test_every_id_and_every_entry_is_used_once(before: list[Entry], now: list[Entry]) -> None:
    stored = [Known(str(at), entry) for at, entry in enumerate(before)]
    found = match(stored, now)
    positions, ids = [position for position, _ in found.kept], [channel for _, channel in found.kept]
    assert sorted(positions + found.added) == list(range(len(now)))
    assert sorted(ids + found.gone) == sorted(channel.id for channel in stored)


@given(entries, st.integers(0, 99))
def test_another_order_changes_nothing(before: list[Entry], seed: int) -> None:
    stored = [Known(str(at), entry) for at, entry in enumerate(before)]
    now = random.Random(seed).sample(before, len(before))
    found = match(stored, now)
    assert (found.added, found.gone) == ([], [])
    assert all(stored[int(channel)].entry == now[position] for position, channel in found.kept)
