"""HLS through the real recorder: ffmpeg makes it, aiohttp serves it, the folder holds what was served."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest

from gatewayd.dvr.media.messages import (
    DesiredChannel,
    Gap,
    Probe,
    Probed,
    Range,
    SegmentClosed,
    SegmentOpened,
    Source,
    SourceFailed,
    StreamErrors,
)
from tests.support.hls import HlsServer, encode, encoded
from tests.support.recorder import RecorderProcess, until

SHORT = ("-f", "hls", "-hls_time", "1", "-hls_list_size", "0", "-hls_playlist_type", "vod")


def hls_channel(url: str, *ranges: Range, allow_loopback: bool = True) -> DesiredChannel:
    source = Source(kind="hls", url=url, allow_loopback=allow_loopback)
    return DesiredChannel(id="one", source=source, ranges=ranges)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[HlsServer]:
    (tmp_path / "hls").mkdir()
    async with HlsServer(tmp_path / "hls") as server:
        yield server


@pytest.fixture
async def recorder(tmp_path: Path) -> AsyncIterator[RecorderProcess]:
    async with RecorderProcess(tmp_path) as recorder:
        yield recorder


@contextlib.contextmanager
def running(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Ends it afterwards."""
    try:
        yield
    finally:
        process.kill()
        process.wait()


async def record(recorder: RecorderProcess, url: str, seconds: float) -> tuple[bytes, float]:
    """Records for so long; the bytes, and when it began."""
    now = time.time()
    await recorder.desire(hls_channel(url, Range(id="a", start=now, stop=now + seconds)))
    await recorder.done("a")
    return recorder.read((await recorder.locate("one", now, now + seconds)).slices), now


async def whole_film(recorder: RecorderProcess, url: str, linger: float = 0.0) -> bytes:
    """Records until `linger` seconds after the playlist's end; the bytes."""
    now = time.time()
    await recorder.desire(hls_channel(url, Range(id="a", start=now, stop=now + 60)))

    async def has_ended() -> bool:
        return any(entry.code == "dvr.source_ended" for entry in await recorder.journal(SourceFailed))

    await until(has_ended, 40)
    await asyncio.sleep(linger)
    stop = time.time()
    await recorder.desire(hls_channel(url, Range(id="a", start=now, stop=stop)))
    await recorder.done("a")
    return recorder.read((await recorder.locate("one", now, stop)).slices)


async def test_a_film_is_stored_once_byte_for_byte_at_its_own_pace(
    server: HlsServer, recorder: RecorderProcess
) -> None:
    await encoded(server.folder, *SHORT, "film.m3u8", seconds=4)
    stored = await whole_film(recorder, server.url + "film.m3u8", linger=1.5)
    assert stored == server.media()
    assert len(server.served) == 1 + 4
    [segment] = await recorder.journal(SegmentClosed)
    assert segment.errors == StreamErrors()
    assert segment.last - segment.first > 2.5
    assert {entry.code for entry in await recorder.journal(SourceFailed)} == {"dvr.source_ended"}
    middle = (segment.first + segment.last) / 2
    half = recorder.read((await recorder.locate("one", segment.first, middle)).slices)
    assert 0.2 < len(half) / len(stored) < 0.8


async def test_a_live_window_slides_and_nothing_is_lost(server: HlsServer, recorder: RecorderProcess) -> None:
    window = ("-f", "hls", "-hls_time", "1", "-hls_list_size", "4", "-hls_flags", "delete_segments")
    with running(encode(server.folder, *window, "live.m3u8", seconds=40, live=True)):
        await until(lambda: _listed(server.folder / "live.m3u8", 4))
        stored, now = await record(recorder, server.url + "live.m3u8", 6)
    whole = server.media()
    assert len(stored) > 200_000
    assert whole.startswith(stored)
    names = [name for name, _ in server.served if name.endswith(".ts")]
    assert names == sorted(set(names), key=lambda name: int(name[4:-3]))
    assert int(names[0][4:-3]) >= 2  # it entered near the end, not at the beginning
    located = await recorder.locate("one", now, now + 6)
    assert [gap for gap in located.gaps if gap[0] > now] == []
    assert located.errors.continuity == 0


async def _listed(playlist: Path, least: int) -> bool:
    return playlist.exists() and playlist.read_text().count("#EXTINF") >= least


@pytest.mark.parametrize("written_iv", [False, True])
async def test_aes_128_is_stored_in_the_clear(
    server: HlsServer, recorder: RecorderProcess, tmp_path: Path, written_iv: bool
) -> None:
    key, iv = os.urandom(16), os.urandom(16).hex() if written_iv else ""
    (server.folder / "the.key").write_bytes(key)
    (tmp_path / "info").write_text(f"the.key\n{server.folder / 'the.key'}\n{iv}\n")
    clear = ("-hls_key_info_file", str(tmp_path / "info"), *SHORT)
    await encoded(server.folder, *SHORT, "clear.m3u8", seconds=2)
    await encoded(server.folder, *clear, "film.m3u8", seconds=2)
    stored = await whole_film(recorder, server.url + "film.m3u8")
    assert stored[:1] == b"\x47"
    assert len(stored) % 188 == 0
    assert len(stored) == sum(path.stat().st_size for path in server.folder.glob("clear*.ts"))
    assert server.asked.count("the.key") == 1
    [segment] = await recorder.journal(SegmentOpened)
    probed = await recorder.client.call(Probe(segment=segment.segment), Probed, timeout=30)
    assert probed.decoded_frames >= 25


async def test_the_best_variant_is_taken_and_a_discontinuity_is_no_error(
    server: HlsServer, recorder: RecorderProcess
) -> None:
    for name in ("a", "b"):
        await encoded(server.folder, *SHORT, f"{name}.m3u8", seconds=1)
    parts = [(server.folder / f"{name}.m3u8").read_text() for name in "ab"]
    first = parts[0].replace("#EXT-X-ENDLIST\n", "")
    second = parts[1][parts[1].index("#EXTINF") :]
    (server.folder / "best.m3u8").write_text(first + "#EXT-X-DISCONTINUITY\n" + second)
    (server.folder / "master.m3u8").write_text(
        "#EXTM3U\n"
        '#EXT-X-STREAM-INF:BANDWIDTH=200000,RESOLUTION=160x90,CODECS="avc1.42c00a,mp4a.40.2"\n'
        "low/none.m3u8\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=320x180\n"
        "best.m3u8\n"
        '#EXT-X-STREAM-INF:BANDWIDTH=990000,CODECS="mp4a.40.2"\n'
        "low/sound.m3u8\n"
    )
    stored = await whole_film(recorder, server.url + "master.m3u8")
    assert server.asked[:2] == ["master.m3u8", "best.m3u8"]
    assert stored == server.media()
    first_part, second_part = await recorder.journal(SegmentClosed)
    assert first_part.errors == second_part.errors == StreamErrors()
    assert second_part.first - first_part.last < 1


async def test_a_segment_that_breaks_off_is_taken_up_where_it_broke(
    server: HlsServer, recorder: RecorderProcess
) -> None:
    await encoded(server.folder, *SHORT, "film.m3u8", seconds=3)
    whole = b"".join((server.folder / f"film{number}.ts").read_bytes() for number in range(3))
    server.break_off = {"film0.ts": 5000, "film1.ts": 40_000}
    assert await whole_film(recorder, server.url + "film.m3u8") == whole


async def test_a_segment_that_is_gone_leaves_its_gap(server: HlsServer, recorder: RecorderProcess) -> None:
    await encoded(server.folder, *SHORT, "film.m3u8", seconds=3)
    server.missing = {"film1.ts"}
    stored = await whole_film(recorder, server.url + "film.m3u8")
    assert stored == b"".join((server.folder / f"film{n}.ts").read_bytes() for n in (0, 2))
    [gap, *_] = [gap for gap in await recorder.journal(Gap) if gap.reason == "dvr.source_http_status"]
    assert 0.5 < gap.stop - gap.start < 5


@pytest.mark.parametrize("sound", ["together", "apart"])
async def test_fragmented_mp4_is_remuxed_by_a_worker(
    server: HlsServer, recorder: RecorderProcess, sound: str
) -> None:
    fragments = (*SHORT, "-hls_segment_type", "fmp4")
    if sound == "together":
        await encoded(server.folder, *fragments, "film.m3u8", seconds=3)
    else:
        maps = ("-var_stream_map", "v:0,agroup:sound a:0,agroup:sound,default:yes")
        await encoded(
            server.folder, *fragments, *maps, "-master_pl_name", "film.m3u8", "part%v.m3u8", seconds=3
        )
    stored = await whole_film(recorder, server.url + "film.m3u8")
    assert len(stored) % 188 == 0
    [segment] = await recorder.journal(SegmentClosed)
    probed = await recorder.client.call(Probe(segment=segment.segment), Probed, timeout=30)
    assert {stream.codec for stream in probed.streams} == {"h264", "aac"}
    assert probed.decoded_frames >= 25
    assert segment.errors == StreamErrors()
    assert {entry.code for entry in await recorder.journal(SourceFailed)} == {"dvr.source_ended"}


BAD = [
    ("<html>Please log in</html>", "dvr.playlist_invalid"),
    ("#EXTM3U\n#EXTINF:-1,One\nhttp://192.0.2.1/one.ts\n", "dvr.playlist_invalid"),
    ("#EXTM3U\n#EXT-X-TARGETDURATION:nan\n", "dvr.playlist_invalid"),
    ("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n", "dvr.playlist_invalid"),
    ("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nnone.ts\n", "dvr.source_http_status"),
    ("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\npage.html\n", "dvr.not_a_transport_stream"),
    (
        '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI="k"\n#EXTINF:1,\npage.html\n',
        "dvr.stream_encrypted",
    ),
    (
        '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=AES-128,URI="page.html"\n#EXTINF:1,\nx.ts\n',
        "dvr.stream_encrypted",
    ),
]


async def test_what_cannot_be_recorded_is_named(server: HlsServer, recorder: RecorderProcess) -> None:
    (server.folder / "page.html").write_text("<html>" * 100)
    now = time.time()
    channels = []
    for number, (content, _) in enumerate(BAD):
        (server.folder / f"{number}.m3u8").write_text(content)
        channel = hls_channel(f"{server.url}{number}.m3u8", Range(id="a", start=now, stop=now + 60))
        channels.append(msgspec.structs.replace(channel, id=str(number)))
    await recorder.desire(*channels)

    async def told() -> dict[str, str] | None:
        found = {entry.channel: entry.code for entry in await recorder.journal(SourceFailed)}
        return found if len(found) == len(BAD) else None

    found = await until(told)
    assert [found[str(number)] for number in range(len(BAD))] == [code for _, code in BAD]
    assert not list(recorder.folder.glob("*.ts"))


async def test_no_address_in_a_playlist_leads_into_the_box(
    server: HlsServer, recorder: RecorderProcess
) -> None:
    now = time.time()
    channel = hls_channel(
        server.url + "live.m3u8", Range(id="a", start=now, stop=now + 60), allow_loopback=False
    )
    await recorder.desire(channel)
    failed = await until(lambda: recorder.journal(SourceFailed))
    assert failed[0].code == "dvr.forbidden_address"
    await asyncio.sleep(0.1)
    assert server.asked == []
