"""`gatewayctl tv`: channels and sources, as people read them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.conftest import Gatewayctl
from tests.support.box import FakeBox


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (("http://x/list.m3u8?a=1",), {"kind": "m3u", "url": "http://x/list.m3u8?a=1"}),
        (("http://x/stream",), {"kind": "http", "url": "http://x/stream"}),
        (("http://x/list", "--playlist"), {"kind": "m3u", "url": "http://x/list"}),
        (("http://x/live.m3u8", "--stream"), {"kind": "http", "url": "http://x/live.m3u8"}),
        (("udp://@239.1.1.1:5000",), {"kind": "http", "url": "udp://@239.1.1.1:5000"}),
        (("192.0.2.9",), {"kind": "hdhomerun", "host": "192.0.2.9"}),
        (("http://192.0.2.9/",), {"kind": "hdhomerun", "url": "http://192.0.2.9/"}),
        (("http://192.0.2.9:5004/auto/v1",), {"kind": "http", "url": "http://192.0.2.9:5004/auto/v1"}),
        (
            ("http://x/lineup.json", "--tuners", "2"),
            {"kind": "hdhomerun", "url": "http://x/lineup.json", "tuners": 2},
        ),
    ],
)
async def test_adding_a_source(
    box: FakeBox, gatewayctl: Gatewayctl, words: tuple[str, ...], asked: dict[str, Any]
) -> None:
    added = await gatewayctl("tv", "sources", "add", *words)
    at_once = ", 2 at once" if "tuners" in asked else ""
    assert added.stdout == f"Tuner: 3 channels{at_once} (1 more cannot be recorded).\n"
    assert box.trades.asked == [("dvr.sources.add", asked)]


async def test_sources_tell_how_they_are(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    lines = (await gatewayctl("tv", "sources")).stdout.splitlines()
    refused = "It cannot be read: the address answers with 503."
    assert [line.split() for line in lines] == [
        ["source", "kind", "channels", "tuners", "state", "id"],
        ["Attic", "tuner", "3", "1", "of", "2", "ok", "http://192.0.2.9", "s-1"],
        ["Provider", "playlist", "900", "down", *refused.split(), "s-2"],
    ]
    shown = (await gatewayctl("tv", "sources", "show", "att")).stdout
    assert "3 channels, 1 of 2 tuners in use." in shown
    assert "tuner0  2.1 One  88 %      77 %" in shown


async def test_a_source_is_meant_by_its_name(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    assert (await gatewayctl("tv", "sources", "remove", "provider")).stdout == "Provider is gone.\n"
    changed = await gatewayctl("tv", "sources", "set", "Attic", "--tuners", "0", "--name", "Roof")
    assert changed.stdout == "Roof: no limit.\n"
    assert box.trades.asked == [
        ("dvr.sources.remove", {"source": "s-2"}),
        ("dvr.sources.update", {"source": "s-1", "name": "Roof", "tuners": 0}),
    ]
    unknown = await gatewayctl("tv", "sources", "remove", "Cellar")
    assert (unknown.exit_code, unknown.stderr.splitlines()[0]) == (
        1,
        "There is no source 'Cellar'. `gatewayctl tv sources` lists them.",
    )
    assert (await gatewayctl("tv", "sources", "set", "Attic")).exit_code == 2


async def test_refreshing_tells_what_changed(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    assert (await gatewayctl("tv", "sources", "refresh", "Attic")).stdout == (
        "3 channels: 1 new, 2 renamed.\n"
    )
    as_json = json.loads((await gatewayctl("--json", "tv", "sources", "refresh", "s-1")).stdout)
    assert as_json["job"]["result"]["added"] == 1


async def test_tuners_at_home(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    lines = (await gatewayctl("tv", "discover")).stdout.splitlines()
    assert lines[1].split() == ["1040ABCD", "HDHR5-4X", "4", "http://192.0.2.9", "new"]
    assert lines[2] == "Add one: gatewayctl tv sources add ADDRESS"


async def test_a_channel_is_renamed_and_hidden(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    hidden = await gatewayctl("tv", "channel", "news", "--name", "Novelties", "--hide")
    assert hidden.stdout == "1 Novelties (hidden)\n"
    assert box.trades.asked == [
        ("dvr.channels.update", {"channel": "c-1", "name": "Novelties", "hidden": True})
    ]
    assert (await gatewayctl("tv", "channel", "news")).exit_code == 2
