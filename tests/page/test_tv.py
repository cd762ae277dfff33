"""TV on the page: the test card recorded, watched while it is made, stopped, deleted and taken back."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, expect

from tests.page.pictures import picture
from tests.page.visit import DESK, visit
from tests.support.daemon import Daemon, until

pytestmark = [pytest.mark.page, pytest.mark.timeout(150)]


async def played(video: Locator, seconds: float) -> float:
    """Where the video is once it has come so far; it must go on by itself."""

    async def look() -> float | None:
        now: float = await video.evaluate("video => video.currentTime")
        return now if now > seconds else None

    return await until(look, 40)


async def test_the_test_card_is_recorded_played_deleted_and_back(box: Daemon) -> None:
    async with visit(box) as there:
        await there.own()
        await there.open("#/tv")
        page = there.page
        await expect(page.get_by_text("Nothing is recorded yet")).to_be_visible()
        assert await there.violations() == []
        await page.get_by_label("For how long").select_option(label="10 minutes")
        await page.get_by_role("button", name="Record now").click()
        item = page.get_by_role("list", name="Recordings").get_by_role("listitem")
        await expect(item).to_contain_text("Recording", timeout=15_000)
        play = item.get_by_role("link", name="Play")
        await play.wait_for(timeout=20_000)
        assert await there.violations() == []
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await play.click()
        video = page.get_by_label("The recording")
        # Frames come, and go on coming.
        seen = await played(video, 1)
        await played(video, seen + 1)
        frames = await video.evaluate("video => video.getVideoPlaybackQuality().totalVideoFrames")
        assert frames > 10
        assert await video.evaluate("video => video.videoWidth") == 1280
        await picture(there, "tv-watch-390-light", whole=False)
        assert any("/v1/play/" in url and ".ts" in url for url in asked)
        assert await there.violations() == []
        await video.evaluate("video => video.pause()")
        seen = await video.evaluate("video => video.currentTime")
        recording = (await box.get("/dvr/recordings"))["items"][0]["id"]

        # Where one stopped is kept: another visit goes on from there.
        await page.get_by_role("link", name="All recordings").click()
        await page.get_by_role("button", name="Stop recording").click()
        await expect(item).to_contain_text("Recorded", timeout=15_000)
        await expect(item).to_contain_text(re.compile("[kM]B"))
        await play.click()
        assert await played(video, 0) >= seen - 1
        await page.get_by_role("link", name="All recordings").click()

        await item.get_by_role("button", name="Delete").click()
        await expect(item).to_have_count(0)
        assert (await box.get(f"/dvr/recordings/{recording}"))["state"] == "trash"
        await page.get_by_role("button", name="Undo").click()
        await expect(item).to_contain_text("Recorded")

        await item.get_by_role("button", name="Delete").click()
        await page.get_by_text("Trash (1)").click()
        await page.get_by_role("button", name="for good").click()
        await there.page.get_by_role("dialog").get_by_role("button", name="Delete for good").click()
        await expect(page.get_by_text("Trash (1)")).to_have_count(0)
        assert (await box.get("/dvr/recordings"))["items"] == []


async def test_a_source_that_does_not_answer_is_said(box: Daemon) -> None:
    async with visit(box, size=DESK, expected=r"status of 4|net::ERR_") as there:
        await there.own()
        await there.open("#/tv/channels")
        page = there.page
        await expect(page.get_by_role("region", name="Test card")).to_contain_text("1 channel")
        await page.get_by_role("button", name="Add a source").click()
        dialog = page.get_by_role("dialog", name="Add a source")
        await dialog.get_by_label("Its address").fill("ftp://192.0.2.1/list")
        assert await there.violations() == []
        await dialog.get_by_role("button", name="Add a source").click()
        await expect(dialog.get_by_label("Its address")).to_have_attribute("aria-invalid", "true")
        assert len((await box.get("/dvr/sources"))["items"]) == 1
