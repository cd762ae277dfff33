"""M3U playlists, good, odd and hostile."""

from __future__ import annotations

import contextlib
import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.dvr.addresses import stream_kind, usable
from gatewayd.dvr.naming import name_channels
from gatewayd.dvr.playlist import MOST_BYTES, MOST_ENTRIES, Entry, parse
from gatewayd.errors import GatewayError

BASE = "http://tuner.example/lists/all.m3u"
FULL = (
    '#EXTINF:-1 tvg-id="one.example" tvg-chno="7" tvg-logo="http://l/1.png" '
    'group-title="News, local",One, the first\nhttp://tuner.example/1\n'
)


class PlaylistRefused(Exception):
    """A refusal with one of the playlist's own codes."""


def read(text: str | bytes) -> tuple[Entry, ...]:
    content = text.encode() if isinstance(text, str) else text
    try:
        return parse(content, BASE, lambda url: usable(url, allow_loopback=False)).entries
    except GatewayError as error:
        if error.code in ("dvr.playlist_invalid", "dvr.playlist_too_large"):
            raise PlaylistRefused(error.code) from error
        raise


def test_every_attribute_is_taken() -> None:
    assert read("#EXTM3U\n" + FULL) == (
        Entry(
            "One, the first", "http://tuner.example/1", "7", "one.example", "http://l/1.png", "News, local"
        ),
    )


@pytest.mark.parametrize(
    "content",
    [
        ("\ufeff#EXTM3U\r\n" + FULL.replace("\n", "\r\n")).encode(),
        ("#EXTM3U\n" + FULL).encode("utf-16"),
        ("\n\n#EXTM3U x-tvg-url=\n#PLAYLIST:x\n\n" + FULL + "\n\n#EXTVLCOPT:a=b").encode(),
        FULL.encode(),
    ],
)
def test_marks_and_line_ends_do_not_matter(content: bytes) -> None:
    assert [entry.name for entry in read(content)] == ["One, the first"]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("#EXTINF:-1,Plain", "Plain"),
        ('#EXTINF:-1 tvg-name="Told",', "Told"),
        ('#EXTINF:-1 tvg-id="id.only"', "id.only"),
        ('#EXTINF:-1 group-title="broken,Name', "Name"),
        ("#EXTINF:-1,\x07  ", "5"),
        ("", "5"),
    ],
)
def test_a_name_is_always_found(line: str, name: str) -> None:
    assert read(f"#EXTM3U\n{line}\nhttp://h/a/5?token=x")[0].name == name


def test_windows_text_is_read() -> None:
    assert read("#EXTM3U\n#EXTINF:-1,Télé\nhttp://h/1".encode("cp1252"))[0].name == "Télé"


def test_addresses_are_resolved_against_the_playlist() -> None:
    text = "#EXTM3U\n5.ts\n/root.ts\n//other.example/x\nhttp://a/b|User-Agent=x"
    assert [entry.url for entry in read(text)] == [
        "http://tuner.example/lists/5.ts",
        "http://tuner.example/root.ts",
        "http://other.example/x",
        "http://a/b",
    ]


def test_what_cannot_be_recorded_is_counted() -> None:
    text = (
        "#EXTM3U\nudp://@224.0.0.1:5000\nrtsp://127.0.0.1/1\nhttp://127.0.0.1/\nhttp://[::1/\nhttp://good/\n"
        "file:///etc\nrtmp://h/1\n" + "x" * 20_000
    )
    found = parse(text.encode(), BASE, lambda url: usable(url, allow_loopback=False))
    assert [entry.url for entry in found.entries] == ["http://good/"]
    assert found.skipped == 7


def test_every_kind_of_stream_is_taken() -> None:
    text = (
        "#EXTM3U\nudp://@239.1.1.1:5000\nrtp://239.1.1.2:5000\nrtsp://h/1\nhttps://h/2.m3u8?a=b\nhttp://h/3"
    )
    assert [stream_kind(entry.url) for entry in read(text)] == ["udp", "udp", "rtsp", "hls", "http"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "dvr.playlist_invalid"),
        (b"#EXTM3U\n", "dvr.playlist_invalid"),
        (b"#EXTM3U\nrtmp://h/1\n", "dvr.playlist_invalid"),
        (b"<html><a href='http://h/1'>", "dvr.playlist_invalid"),
        (b"G@\x00\x10" * 47, "dvr.playlist_invalid"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n1.ts\n", "dvr.playlist_invalid"),
        (b"#EXTM3U\n" + b"http://h/1\n" * (MOST_ENTRIES + 1), "dvr.playlist_too_large"),
        (b"#EXTM3U\n" + b" " * MOST_BYTES, "dvr.playlist_too_large"),
    ],
)
def test_what_is_no_playlist_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(PlaylistRefused, match=f"^{code}$"):
        read(content)


def test_the_most_entries_are_read() -> None:
    assert len(read(b"#EXTM3U\n" + b"#EXTINF:-1,A\nhttp://h/1\n" * MOST_ENTRIES)) == MOST_ENTRIES


@pytest.mark.parametrize(
    "content",
    [
        b"#EXTM3U\n" + b"#EXTINF:-1,A\nrtmp://h/1\n" * 10_000,
        b"#EXTM3U\n" + b"\n" * (MOST_BYTES - 8),
        b"#EXTM3U\n" + b"x" * (MOST_BYTES - 8),
        b"#EXTM3U\n" + random.Random(1).randbytes(1_000_000).replace(b"\x00", b"\n"),
    ],
    ids=["entries", "blank", "one line", "noise"],
)
def test_a_large_playlist_costs_little_more_than_its_bytes(content: bytes) -> None:
    tracemalloc.start()
    try:
        with contextlib.suppress(PlaylistRefused):
            read(content)
        assert tracemalloc.get_traced_memory()[1] < len(content) + 2_000_000
    finally:
        tracemalloc.stop()


pieces = st.sampled_from(
    [
        "#EXTM3U",
        "#EXTINF:",
        "-1",
        ",",
        '"',
        "tvg-id=",
        'a="b"',
        "http://",
        "[",
        "/x",
        "\n",
        "\r\n",
        "\x00",
        "é",
    ]
)


@given(st.one_of(st.binary(max_size=400), st.lists(pieces, max_size=40).map(lambda p: "".join(p).encode())))
def test_anything_is_read_or_refused(content: bytes) -> None:
    """Only the codes of this module come out, and nothing that could not be recorded."""
    with contextlib.suppress(PlaylistRefused):
        entries = read(content)
        assert entries
        for entry in entries:
            assert 0 < len(entry.name) <= 200
            assert usable(entry.url, allow_loopback=False)


@given(st.lists(st.text(max_size=60), max_size=30), st.sets(st.sampled_from(["a", "a-2", "channel"])))
def test_channel_ids_are_unique_and_readable(names: list[str], taken: set[str]) -> None:
    before = set(taken)
    ids = [name for name, _ in name_channels([Entry(name, "http://h/") for name in names], taken)]
    assert len(set(ids)) == len(ids)
    assert before.isdisjoint(ids)
    assert all(identifier.isascii() and 0 < len(identifier) <= 64 for identifier in ids)
