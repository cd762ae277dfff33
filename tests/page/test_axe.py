"""No barrier in any place of the frame, Home and Box, in both schemes, at the narrowest width."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.page.visit import DESK, visit
from tests.support.daemon import Daemon

pytestmark = [pytest.mark.page, pytest.mark.timeout(180)]
BOX = "health restart clock logs support you people sessions visits alerts activity"
PLACES = ("home", "box", *(f"box/{place}" for place in f"{BOX} privacy portal repair tokens".split()))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_no_place_has_a_barrier_or_scrolls_sideways(box: Daemon, dark: bool) -> None:
    found: dict[str, object] = {}
    async with visit(box, size=(360, 740), dark=dark) as there:
        await there.own()
        await there.open()
        page = there.page
        for place in PLACES:
            await page.goto(f"{there.base}/#/{place}")
            await expect(page.get_by_role("heading", level=1)).to_have_count(1)
            await page.wait_for_load_state("networkidle")
            await expect(page.locator("[aria-busy=true]")).to_have_count(0)
            wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            # What is dark differs from what is light in nothing but its colours.
            wrong = await there.violations(only=["color-contrast"] if dark else [])
            if wrong or wide > 0:
                found[place] = (wide, wrong)
    assert found == {}


async def test_by_keyboard_alone(box: Daemon) -> None:
    async with visit(box, size=DESK) as there:
        await there.own()
        await there.open("#/box")
        page = there.page
        await page.get_by_role("link", name="Restart").wait_for()
        await page.keyboard.press("Tab")
        # The content is focused when a view opens: what comes before it is reached backwards.
        skip = page.get_by_role("link", name="Go to the content")
        await skip.focus()
        await expect(skip).to_be_in_viewport()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("main")).to_be_focused()
        for _ in range(3):
            await page.keyboard.press("Tab")
            if "Restart" in await page.evaluate("document.activeElement.innerText"):
                break
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1, name="Restart")).to_be_focused()
        button = page.get_by_role("button", name="Restart", exact=True)
        await button.focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("dialog")).to_be_visible()
        await page.keyboard.press("Escape")
        # Nothing was done, and one is where one was.
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await expect(button).to_be_focused()
