"""HLS playlists: what servers write, what they should not, and what nobody should."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gatewayd.dvr.media.hls_playlist import MOST_BYTES, MOST_SEGMENTS, Key, Master, Media, Span, parse
from gatewayd.errors import GatewayError

BASE = "http://tv.example/live/index.m3u8"
TAGS = (
    "#EXTM3U",
    "#EXTINF:",
    "#EXTINF:6.006,",
    "#EXTINF:-1",
    "#EXT-X-TARGETDURATION:6",
    "#EXT-X-TARGETDURATION:1e999",
    "#EXT-X-MEDIA-SEQUENCE:7",
    "#EXT-X-MEDIA-SEQUENCE:-7",
    "#EXT-X-DISCONTINUITY",
    "#EXT-X-ENDLIST",
    "#EXT-X-GAP",
    '#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0x1',
    "#EXT-X-KEY:METHOD=NONE",
    "#EXT-X-KEY:METHOD=AES-128,IV=7",
    '#EXT-X-MAP:URI="i"',
    "#EXT-X-MAP:",
    "#EXT-X-BYTERANGE:100@5",
    "#EXT-X-BYTERANGE:100",
    "#EXT-X-BYTERANGE:x@",
    '#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=9x9,AUDIO="a"',
    '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",URI="s"',
    "seg.ts",
    "file:///etc/shadow",
    "//[",
    "",
)


def media(text: str) -> Media:
    found = parse(("#EXTM3U\n#EXT-X-TARGETDURATION:6\n" + text).encode(), BASE)
    assert isinstance(found, Media)
    return found


def test_a_media_playlist() -> None:
    found = media(
        "#EXT-X-MEDIA-SEQUENCE:41\n"
        '#EXT-X-KEY:METHOD=AES-128,URI="../keys/1,2",IV=0x0A\n'
        '#EXT-X-MAP:URI="init.mp4",BYTERANGE="100@0"\n'
        "#EXTINF:5.5,title, with comma\r\n a.ts \n"
        "#EXT-X-DISCONTINUITY\n#EXTINF:6\n#EXT-X-BYTERANGE:200@50\nb.ts\n"
        "#EXT-X-KEY:METHOD=NONE\n#EXT-X-BYTERANGE:10\n#EXT-X-GAP\nb.ts\n# a comment\n#EXT-X-ENDLIST\n"
    )
    first, second, third = found.segments
    assert first.key == Key("AES-128", "http://tv.example/keys/1,2", bytes(15) + b"\n")
    assert first.section is not None
    assert (first.section.url, first.section.span) == ("http://tv.example/live/init.mp4", Span(0, 100))
    assert (first.url, first.sequence, first.duration) == ("http://tv.example/live/a.ts", 41, 5.5)
    assert (first.fresh, second.fresh, third.fresh) == (False, True, False)
    assert (second.span, third.span) == (Span(50, 250), Span(250, 260))
    assert (third.key, third.absent, third.duration, third.sequence) == (None, True, 6.0, 43)
    assert found.ended


@pytest.mark.parametrize(
    ("variants", "best"),
    [
        ("BANDWIDTH=1\na\n#EXT-X-STREAM-INF:BANDWIDTH=2\nb\n", "b"),
        ('BANDWIDTH=9,CODECS="mp4a.40.2"\na\n#EXT-X-STREAM-INF:BANDWIDTH=2,RESOLUTION=4x4\nb\n', "b"),
        ("BANDWIDTH=2,RESOLUTION=8x8\na\n#EXT-X-STREAM-INF:BANDWIDTH=2,RESOLUTION=4x4\nb\n", "a"),
        ("CODECS=avc1\na\n", "a"),
    ],
)
def test_the_best_variant(variants: str, best: str) -> None:
    found = parse(f"#EXTM3U\n#EXT-X-STREAM-INF:{variants}".encode(), BASE)
    assert isinstance(found, Master)
    assert found.best().url == f"http://tv.example/live/{best}"


def test_sound_that_comes_apart() -> None:
    text = (
        "#EXTM3U\n"
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="x",URI="other.m3u8"\n'
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="y",DEFAULT=YES,URI="main.m3u8"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\nv.m3u8\n'
    )
    found = parse(text.encode(), BASE)
    assert isinstance(found, Master)
    assert found.best().audio == "http://tv.example/live/main.m3u8"
    inside = parse(text.replace(',URI="main.m3u8"', "").encode(), BASE)
    assert isinstance(inside, Master)
    assert inside.best().audio is None  # the default is in the picture's own segments


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "dvr.playlist_invalid"),
        (b"#EXTM3U\n" + b"a" * MOST_BYTES, "dvr.playlist_too_large"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n" + b"s\n" * (MOST_SEGMENTS + 1), "dvr.playlist_invalid"),
        (b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n", "dvr.playlist_invalid"),
        (b"\xff\xfe#EXTM3U", "dvr.playlist_invalid"),
    ],
)
def test_what_is_none(content: bytes, code: str) -> None:
    with pytest.raises(GatewayError) as caught:
        parse(content, BASE)
    assert caught.value.code == code


def parsed(content: bytes) -> Master | Media | str:
    """The playlist, or the code of its refusal."""
    try:
        return parse(content, BASE)
    except GatewayError as error:
        return error.code


@settings(deadline=None)
@example(["#EXT-X-TARGETDURATION:6", "0", "#EXT-X-MEDIA-SEQUENCE:7", "0"])
@given(st.lists(st.sampled_from(TAGS) | st.text(max_size=40), max_size=30))
def test_anything_is_a_playlist_or_named(lines: list[str]) -> None:
    found = parsed("\n".join(["#EXTM3U", *lines]).encode(errors="replace"))
    if isinstance(found, Media):
        assert found.target > 0
        for before, after in zip(found.segments, found.segments[1:], strict=False):
            assert after.sequence == before.sequence + 1
        assert all(segment.url.startswith("http") and segment.duration >= 0 for segment in found.segments)
    elif isinstance(found, Master):
        assert found.best() in found.variants
    else:
        assert found == "dvr.playlist_invalid"


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_bytes_never_crash_it(content: bytes) -> None:
    assert parsed(b"#EXTM3U\n" + content) == "dvr.playlist_invalid"
