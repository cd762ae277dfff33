"""Sources read anew: channels keep their ids, failures keep the channels, once a day it happens by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gatewayd.dvr.lineup import SourceRow
from gatewayd.dvr.refresh import DAY, JITTER, LOOK, RETRY, due
from gatewayd.errors import GatewayError
from tests.dvr.home import Home, open_home
from tests.support.clock import FakeClock
from tests.support.fake_recorder import until
from tests.support.hdhomerun import FakeTuner


@dataclass
class Provider:
    """A playlist server: what it serves, and how it was asked."""

    text: str = ""
    status: int = 200
    validators: bool = True
    asked: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    async def serve(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.headers))
        tag = f'"{len(self.text)}-{sum(self.text.encode())}"'
        if self.validators and request.headers.get("If-None-Match") == tag:
            return web.Response(status=304)
        headers = {"ETag": tag, "Last-Modified": "Mon, 23 Nov 2026 00:00:00 GMT"} if self.validators else {}
        return web.Response(text=self.text, status=self.status, headers=headers)


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    made = Provider()
    app = web.Application()
    app.router.add_get("/list.m3u", made.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/list.m3u"
    yield made
    await runner.cleanup()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def home(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Home]:
    async with open_home(tmp_path, tmp_path / "no.sock", clock=clock) as home:
        yield home


def playlist(*channels: tuple[str, str, str]) -> str:
    """(guide id, name, address)"""
    lines = [f'#EXTINF:-1 tvg-id="{guide}",{name}\nhttp://192.0.2.9/{url}' for guide, name, url in channels]
    return "\n".join(["#EXTM3U", *lines])


async def add(home: Home, provider: Provider) -> str:
    provider.text = playlist(("one.tv", "One", "1"), ("two.tv", "Two", "2"), ("three.tv", "Three", "3"))
    return str((await home.call("sources.add", kind="m3u", url=provider.url, name="P"))["id"])


async def refresh(home: Home, source: str) -> dict[str, Any]:
    """The ended job."""
    job = (await home.call("sources.refresh", source=source))["job"]["id"]

    async def is_over() -> bool:
        return (await home.core.jobs.get(job)).state in ("done", "failed")

    await until(is_over)
    ended = await home.core.jobs.get(job)
    return ended.result or {"error": ended.error and ended.error.code}


async def channels(home: Home) -> dict[str, tuple[str, bool]]:
    rows = (await home.call("channels.list"))["items"]
    return {row["id"]: (row["name"], row["gone"]) for row in rows if row["id"] != "testcard"}


async def source_of(home: Home, source: str) -> dict[str, Any]:
    rows = (await home.call("sources.list"))["items"]
    return next(row for row in rows if row["id"] == source)


async def test_ids_stay_whatever_the_provider_does(home: Home, provider: Provider) -> None:
    source = await add(home, provider)
    provider.text = playlist(("one.tv", "One HD", "moved/1"), ("four.tv", "Four", "4"), ("", "Two", "2"))
    with home.core.bus.subscribe("dvr.source_changed") as events:
        told = await refresh(home, source)
        assert (await anext(events)).data.change == "refreshed"  # type: ignore[attr-defined]
    assert (told["channels"], told["added"], told["removed"], told["renamed"]) == (3, 1, 1, 1)
    assert await channels(home) == {
        "one": ("One HD", False),
        "four": ("Four", False),
        "two": ("Two", False),
    }
    rows = await home.core.database.fetch_all("SELECT id, url FROM dvr_channels ORDER BY position")
    assert tuple(rows[0]) == ("one", "http://192.0.2.9/moved/1")


async def test_what_is_recorded_or_named_by_the_household_stays_as_gone(
    home: Home, provider: Provider
) -> None:
    source = await add(home, provider)
    await home.call("recordings.create", channel="one", duration=60, start="2026-11-24T12:00:00Z")
    await home.call("channels.update", channel="two", name="My Two", number="22")
    before = provider.text
    provider.text = playlist(("five.tv", "Five", "5"))
    assert (await refresh(home, source))["removed"] == 3
    assert await channels(home) == {"one": ("One", True), "two": ("My Two", True), "five": ("Five", False)}
    assert (await source_of(home, source))["channels"] == 1
    with pytest.raises(GatewayError, match=r"dvr\.channel_gone"):
        await home.call("recordings.create", channel="one", duration=60)
    provider.text = before
    await refresh(home, source)
    assert await channels(home) == {
        "one": ("One", False),
        "two": ("My Two", False),
        "three": ("Three", False),
    }


async def test_what_has_not_changed_is_not_fetched_twice(
    home: Home, provider: Provider, clock: FakeClock
) -> None:
    source = await add(home, provider)
    first = (await source_of(home, source))["refreshed"]
    await clock.advance(60)
    assert (await refresh(home, source))["unchanged"] is True
    assert provider.asked[1]["If-None-Match"]
    assert provider.asked[1]["If-Modified-Since"] == "Mon, 23 Nov 2026 00:00:00 GMT"
    assert (await source_of(home, source))["refreshed"] > first
    provider.validators = False
    assert (await refresh(home, source))["unchanged"] is False
    assert "If-None-Match" not in (await refresh(home, source), provider.asked[-1])[1]


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ("", 503, "dvr.source_http_status"),
        ("<html>", 200, "dvr.playlist_invalid"),
        ("#EXTM3U\n", 200, "dvr.playlist_invalid"),
    ],
)
async def test_a_failure_keeps_the_channels_and_is_told(
    home: Home, provider: Provider, text: str, status: int, code: str
) -> None:
    source = await add(home, provider)
    good, provider.text, provider.status = provider.text, text, status
    with home.core.bus.subscribe("dvr.source_changed") as events:
        assert (await refresh(home, source))["error"] == code
        assert (await anext(events)).data.change == "failed"  # type: ignore[attr-defined]
    assert set(await channels(home)) == {"one", "two", "three"}
    told = await source_of(home, source)
    assert (told["state"], told["error"]["code"]) == ("down", code)
    assert told["error"]["detail"] in told["summary"]
    provider.text, provider.status = good, 200
    await refresh(home, source)
    assert (await source_of(home, source))["state"] == "ok"


async def test_a_tuner_with_another_address_is_found_again(tmp_path: Path) -> None:
    async with (
        FakeTuner() as device,
        open_home(tmp_path, tmp_path / "no.sock", discovery_port=device.udp_port) as home,
    ):
        source = (await home.call("sources.add", kind="hdhomerun", url=device.url))["id"]
        before = await channels(home)
        async with home.core.database.unit() as unit:  # it was elsewhere yesterday
            unit.execute("UPDATE dvr_sources SET url = 'http://127.0.0.1:9'")
            unit.execute("UPDATE dvr_channels SET url = replace(url, ?, '9')", (str(device.port),))
        told = await refresh(home, source)
        assert (told["channels"], told["added"], told["removed"]) == (3, 0, 0)
        assert await channels(home) == before
        assert (await source_of(home, source))["url"] == device.url
        [row] = await home.core.database.fetch_all("SELECT url FROM dvr_channels WHERE id = 'two'")
        assert row["url"] == f"{device.url}/auto/v4.1"


async def test_another_device_at_its_address_is_not_taken_for_it(tmp_path: Path) -> None:
    async with (
        FakeTuner() as device,
        FakeTuner(device=0x2222_2222, channels=[("1", "Foreign")]) as other,
        open_home(tmp_path, tmp_path / "no.sock", discovery_port=other.udp_port) as home,
    ):
        source = (await home.call("sources.add", kind="hdhomerun", url=device.url))["id"]
        async with home.core.database.unit() as unit:
            unit.execute("UPDATE dvr_sources SET url = ?", (other.url,))
        assert (await refresh(home, source))["error"] == "dvr.not_a_tuner"
        assert "foreign" not in await channels(home)


async def test_once_a_day_and_sooner_after_a_failure(
    home: Home, provider: Provider, clock: FakeClock
) -> None:
    await add(home, provider)
    look, hour = home.service.refresher.look, 3600.0
    assert await look() == LOOK
    await clock.advance(20 * hour)
    await look()
    assert len(provider.asked) == 1
    await clock.advance(7 * hour)
    await look()
    assert len(provider.asked) == 2
    provider.status, provider.text = 500, ""
    await clock.advance(27 * hour)
    await look()
    assert len(provider.asked) == 3
    await clock.advance(RETRY)
    assert await look() <= 2 * RETRY
    assert len(provider.asked) == 4


async def test_a_long_list_is_taken_over_in_seconds(home: Home, provider: Provider) -> None:
    """Ten thousand channels of which each has moved: a step for each pair would take minutes."""
    provider.text = playlist(*((f"{number}.tv", f"C {number}", f"a/{number}") for number in range(10_000)))
    source = (await home.call("sources.add", kind="m3u", url=provider.url))["id"]
    provider.text = playlist(*((f"{number}.tv", f"D {number}", f"b/{number}") for number in range(1, 10_001)))
    told = await home.service.refresher.refresh(source)
    assert (told.channels, told.added, told.removed, told.renamed) == (10_000, 1, 1, 9_999)
    found = await home.core.database.fetch_one("SELECT * FROM dvr_channels WHERE name = 'D 1'")
    assert found is not None
    assert (found["id"], found["url"], found["position"]) == ("c-1", "http://192.0.2.9/b/1", 0)


def test_boxes_do_not_all_ask_in_the_same_minute() -> None:
    rows = [SourceRow(id=f"s{number}", kind="m3u", url="", name="", tried=1e9) for number in range(200)]
    hours = [(due(row) - 1e9) / 3600 for row in rows]
    assert DAY * (1 - JITTER) / 3600 <= min(hours) < 22.5
    assert 25.5 < max(hours) <= DAY * (1 + JITTER) / 3600
    waits = [due(rows[0]._replace(failures=count)) - 1e9 for count in range(1, 12)]
    assert waits[:3] == [RETRY, 2 * RETRY, 4 * RETRY]
    assert waits[-1] == DAY


async def test_the_household_has_the_last_word(home: Home, provider: Provider) -> None:
    source = await add(home, provider)
    with home.core.bus.subscribe("dvr.channel_changed") as events:
        changed = await home.call("channels.update", channel="one", name="  First ", number="1", hidden=True)
        assert (await anext(events)).data.channel == "one"  # type: ignore[attr-defined]
    assert (changed["name"], changed["number"], changed["hidden"]) == ("First", "1", True)
    await refresh(home, source)
    shown = (await home.call("channels.list", hidden=False, source=source))["items"]
    assert [row["id"] for row in shown] == ["three", "two"]
    back = await home.call("channels.update", channel="one", name="", number="", hidden=False)
    assert (back["name"], back["number"], back["hidden"]) == ("One", None, False)
    assert (await channels(home))["one"] == ("One", False)
    assert (await home.call("sources.update", source=source, name="Mine", tuners=3))["tuners"] == 3
    assert (await home.call("sources.update", source=source, tuners=0))["tuners"] is None
