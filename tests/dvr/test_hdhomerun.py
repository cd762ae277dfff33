"""Network tuners: their packets, their pages, the household's operations, devices that lie."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.dvr import hdhomerun
from gatewayd.dvr.discovery import discover
from gatewayd.errors import GatewayError
from tests.dvr.home import Home, open_home
from tests.support.hdhomerun import FakeTuner, Lie

BASE = "http://192.0.2.5"


def anything(url: str) -> bool:
    return True


# --- packets


def test_the_question_is_the_one_that_devices_know() -> None:
    """Type 2, length 12; device type 1 (tuner), any id; CRC-32 of that, little endian."""
    assert hdhomerun.request().hex() == "0002000c0104000000010204ffffffff4e507f35"


@given(
    st.integers(0, 0xFFFF),
    st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=300)), max_size=4),
)
def test_packets_are_read_as_written(kind: int, fields: list[tuple[int, bytes]]) -> None:
    assert hdhomerun.decode(hdhomerun.encode(kind, fields)) == (kind, fields)


@given(st.binary(max_size=80), st.booleans())
def test_any_packet_is_read_or_refused(noise: bytes, sealed: bool) -> None:
    packet = hdhomerun.encode(hdhomerun.DISCOVER_REPLY, [])[:2] + len(noise).to_bytes(2, "big") + noise
    packet += zlib.crc32(packet).to_bytes(4, "little") if sealed else b"abcd"
    for read in (hdhomerun.decode, hdhomerun.reply):
        try:
            read(packet)
        except ValueError:
            continue
        assert sealed


# --- pages


def test_numbers_and_marks_of_imitators_are_read() -> None:
    rows = [
        {"GuideNumber": 7, "GuideName": "Seven", "URL": "/auto/v7"},
        {"GuideNumber": 8.1, "GuideName": None, "URL": f"{BASE}:5004/auto/v8.1"},
        {"GuideNumber": "9", "GuideName": "Locked", "URL": "/9", "Tags": "favorite,drm"},
        {"GuideNumber": "10", "GuideName": "Locked", "URL": "/10", "DRM": 1},
        {"GuideNumber": "11", "GuideName": "No address"},
        {"GuideNumber": "12", "GuideName": "Broken", "URL": "http://[x"},
    ]
    found = hdhomerun.channels(json.dumps(rows).encode(), BASE + "/lineup.json", anything)
    assert [(entry.number, entry.name, entry.url) for entry in found.entries] == [
        ("7", "Seven", BASE + "/auto/v7"),
        ("8.1", "8.1", BASE + ":5004/auto/v8.1"),
    ]
    assert found.skipped == 4


@pytest.mark.parametrize(
    "lineup", ["http://203.0.113.9/lineup.json", "https://192.0.2.5/x", "http://[", "ftp:x"]
)
def test_a_lineup_elsewhere_is_not_followed(lineup: str) -> None:
    told = hdhomerun.discovered(json.dumps({"DeviceID": "1", "LineupURL": lineup}).encode(), BASE)
    assert told.lineup == BASE + "/lineup.json"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["GuideNumber", "GuideName", "URL", "Tags", "DRM", "DeviceID", "TunerCount"])


pages = st.lists(st.dictionaries(names, values), max_size=3).map(lambda rows: json.dumps(rows).encode())


@given(st.binary(max_size=60) | pages)
def test_any_page_is_read_or_refused(content: bytes) -> None:
    for read in (
        lambda: hdhomerun.discovered(content, BASE),
        lambda: hdhomerun.channels(content, BASE, anything),
        lambda: hdhomerun.tuners(content),
    ):
        error = refusal(read)
        assert error is None or error.code in ("dvr.not_a_tuner", "dvr.playlist_invalid")
        assert error is None or len(error.detail) < 400


def refusal(read: Callable[[], object]) -> GatewayError | None:
    try:
        read()
    except GatewayError as error:
        return error
    return None


# --- the household


async def added(home: Home, device: FakeTuner, **arguments: Any) -> dict[str, Any]:
    return dict(await home.call("sources.add", kind="hdhomerun", url=device.url, **arguments))


async def channels(home: Home) -> list[tuple[str, str | None]]:
    rows = (await home.call("channels.list"))["items"]
    return [(row["id"], row["number"]) for row in rows if row["id"] != "testcard"]


async def test_a_tuner_is_found_and_added(tmp_path: Path) -> None:
    async with (
        FakeTuner(tuners=4, protected={"5.1"}) as device,
        open_home(tmp_path, tmp_path / "no.sock", discovery_port=device.udp_port) as home,
    ):
        [found] = (await home.call("sources.discover"))["items"]
        assert found == {
            "device": "1040ABCD",
            "url": device.url,
            "name": "HDHomeRun TEST",
            "model": "HDHR5-4X",
            "tuners": 4,
            "source": None,
        }
        source = await home.call("sources.add", kind="hdhomerun", url=f"{found['url']}/lineup.json")
        assert (source["url"], source["name"], source["model"]) == (device.url, "HDHomeRun TEST", "HDHR5-4X")
        assert (source["tuners"], source["channels"], source["skipped"]) == (4, 2, 1)
        assert (source["state"], source["summary"]) == ("ok", "2 channels, 0 of 4 tuners in use.")
        assert await channels(home) == [("one-hd", "2.1"), ("two", "4.1")]
        [found] = (await home.call("sources.discover"))["items"]
        assert found["source"] == source["id"]
        assert "not-for-others" not in str(await home.core.database.fetch_all("SELECT * FROM dvr_sources"))


async def test_what_its_tuners_do_is_told(tmp_path: Path) -> None:
    async with FakeTuner() as device, open_home(tmp_path, tmp_path / "no.sock") as home:
        source = (await added(home, device))["id"]
        device.tuned[1] = ("2.1", "One HD")
        detail = await home.call("sources.get", source=source)
        free = {"name": "tuner0", "channel": None, "strength": None, "quality": None, "symbols": None}
        assert detail["tuner_status"] == [
            free,
            {"name": "tuner1", "channel": "2.1 One HD", "strength": 88, "quality": 77, "symbols": 100},
        ]
        assert detail["tuner_error"] is None
    async with open_home(tmp_path, tmp_path / "no.sock") as home:  # the device is away
        detail = await home.call("sources.get", source=source)
        assert (detail["tuner_status"], bool(detail["tuner_error"])) == ([], True)


async def test_the_same_device_is_one_source(tmp_path: Path) -> None:
    async with (
        FakeTuner() as device,
        FakeTuner() as same,
        open_home(tmp_path, tmp_path / "no.sock") as home,
    ):
        await added(home, device)
        for other in (device, same):
            with pytest.raises(GatewayError, match=r"dvr\.source_exists"):
                await added(home, other)


async def test_a_host_is_enough(tmp_path: Path) -> None:
    async with open_home(tmp_path, tmp_path / "no.sock") as home:
        with pytest.raises(GatewayError) as refused:  # port 80 of loopback: nobody is there
            await home.call("sources.add", kind="hdhomerun", host="127.0.0.1")
        assert refused.value.code == "dvr.source_unreachable"
        for wrong in ({"kind": "m3u", "host": "tuner"}, {"kind": "hdhomerun", "host": "a/b"}):
            with pytest.raises(GatewayError) as refused:
                await home.call("sources.add", **wrong)
            assert refused.value.field == "host"


# --- devices that lie


@pytest.mark.parametrize("lie", ["crc", "length", "kind", "silent"])
async def test_an_answer_that_is_none_is_not_believed(lie: Lie) -> None:
    async with FakeTuner(lie=lie) as liar:
        found = await discover(0.3, interfaces=("lo",), allow_loopback=True, port=liar.udp_port)
        assert found == ()
        assert "udp" in liar.asked


async def test_a_device_does_not_speak_for_another_host() -> None:
    async with FakeTuner(lie="elsewhere", host="127.0.0.1") as liar:
        [found] = await discover(
            0.3, device=liar.id, interfaces=("lo",), allow_loopback=True, port=liar.udp_port
        )
        assert found.url in (
            "http://127.0.0.1:1",
            "http://127.0.0.1",
        )  # it is that host: only the port differs
        assert found.tuners == 2


async def test_the_box_itself_is_no_tuner() -> None:
    async with FakeTuner() as device:
        assert await discover(0.2, interfaces=("lo",), port=device.udp_port) == ()


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        ("html", "dvr.not_a_tuner"),
        ("nested", "dvr.not_a_tuner"),
        ("lists", "dvr.not_a_tuner"),
        ("huge", "dvr.playlist_too_large"),
        ("redirect", "dvr.source_unreachable"),
    ],
)
async def test_a_page_that_lies_is_named_and_adds_nothing(tmp_path: Path, lie: Lie, code: str) -> None:
    async with FakeTuner(lie=lie) as liar, open_home(tmp_path, tmp_path / "no.sock") as home:
        with pytest.raises(GatewayError) as refused:
            await added(home, liar)
        assert (refused.value.code, refused.value.field) == (code, "url")
        assert len((await home.call("sources.list"))["items"]) == 1


async def test_without_channels_it_is_to_scan_first(tmp_path: Path) -> None:
    async with FakeTuner(channels=[]) as device, open_home(tmp_path, tmp_path / "no.sock") as home:
        with pytest.raises(GatewayError, match="scan") as refused:
            await added(home, device)
        assert refused.value.code == "dvr.playlist_invalid"
