"""Home: the sentence, the map, what records, alerts, the code to join, the red button."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Route, expect

from tests.page.visit import visit
from tests.support.daemon import Daemon

pytestmark = [pytest.mark.page, pytest.mark.timeout(120)]


async def test_home_tells_how_everything_is(box: Daemon) -> None:
    # The machine of the tests may be hard at work, and the box would say so: everything but that is true.
    async def rested(route: Route) -> None:
        answer = await route.fetch()
        said = await answer.json()
        said["health"] = {"state": "ok", "sentence": "The box is well."}
        await route.fulfill(response=answer, json=said)

    await box.post("/dvr/recordings", {"channel": "testcard", "duration": 600, "title": "Evening news"})
    async with visit(box) as there:
        await there.own()
        await there.technician()  # somebody else's visit is an alert; the cookie is replaced
        await there.own()
        await there.page.route("**/v1/status", rested)
        await there.open()
        page = there.page
        line = page.get_by_role("navigation", name="From the line to the devices")
        await line.wait_for()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Everything works")
        # Each place of the map says in words what its colour says.
        for place in ("Internet", "Box", "Wi-Fi"):
            await expect(line.get_by_role("link", name=re.compile(f"{place}.*Fine"))).to_be_visible()
        await expect(line.get_by_role("link", name=re.compile("Devices.*on the Wi-Fi"))).to_be_visible()
        await expect(page.get_by_text("Evening news")).to_be_visible()
        await expect(page.get_by_role("img", name=re.compile("last two minutes"))).to_be_visible()
        assert await there.violations() == []
        alert = page.get_by_text("A technician was let in.")
        await expect(alert).to_be_visible()
        visits = page.locator(".home-alert").filter(has=alert)
        await visits.get_by_role("button", name="Seen").click()
        await expect(alert).to_have_count(0)
        await page.get_by_role("button", name="Code to join").click()
        await expect(page.get_by_role("dialog").get_by_role("img")).to_be_visible()
        assert await there.violations() == []
        await page.keyboard.press("Escape")
        # The red button has already begun to look when the view opens.
        async with page.expect_response("**/v1/diagnostics/runs") as begun:
            await page.get_by_role("button", name="Something is wrong").click()
        assert (await begun.value).status == 202


async def test_when_the_line_is_down_home_says_so_and_since_when(box: Daemon) -> None:
    # The demo's line is always well, so the daemon's true answers are changed on their way to the page.
    async def down(route: Route) -> None:
        answer = await route.fetch()
        said = await answer.json()
        said["internet"] = {"state": "down", "sentence": "The internet is down."}
        said["wifi"]["state"] = "degraded"
        said["alerts"] = [{"code": "diagnostics.internet", "sentence": "The internet is down."}]
        await route.fulfill(response=answer, json=said)

    async def outage(route: Route) -> None:
        answer = await route.fetch()
        said = await answer.json()
        open_one = {
            "id": "1",
            "cause": "probes",
            "scope": "internet",
            "lines": ["v4"],
            "seconds": 60.0,
            "end": None,
        }
        said["items"] = [{**open_one, "start": "2026-01-05T13:02:00Z"}]
        await route.fulfill(response=answer, json=said)

    async with visit(box) as there:
        await there.own()
        await there.page.route("**/v1/status", down)
        await there.page.route("**/v1/diagnostics/outages?*", outage)
        await there.open()
        page = there.page
        await expect(page.get_by_role("heading", level=1)).to_have_text("The internet is down")
        await expect(
            page.get_by_text(re.compile("Since 5 Jan.* 13:02"))
        ).to_be_visible()  # the household's zone
        await expect(page.get_by_role("link", name=re.compile("Internet.*Down"))).to_be_visible()
        await expect(page.get_by_role("link", name=re.compile("Wi-Fi.*Impaired"))).to_be_visible()
        # Said once, large: not again as an alert.
        await expect(page.get_by_text("The internet is down.", exact=True)).to_have_count(1)
        assert await there.violations() == []
