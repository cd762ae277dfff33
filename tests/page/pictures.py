"""Pictures of the page as people look at it: the whole of it, with nothing fixed in its middle."""

from __future__ import annotations

from pathlib import Path

from tests.page.visit import SHOTS, Visit


async def picture(there: Visit, name: str, *, whole: bool = True) -> Path:
    """Keeps `build/screenshots/<name>.png`, a point for each of the page's own. `whole`: as high as the page
    is; else what one sees without scrolling."""
    page, path = there.page, SHOTS / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    size = page.viewport_size
    assert size is not None
    if whole:
        high = await page.evaluate("document.documentElement.scrollHeight")
        # A window as high as the page: the bar at its foot would else cover what lies in the middle.
        await page.set_viewport_size({"width": size["width"], "height": max(size["height"], high)})
    await page.screenshot(path=path, animations="disabled", scale="css")
    if whole:
        await page.set_viewport_size(size)
    return path


async def settled(there: Visit) -> None:
    """Waits until nothing loads any more."""
    await there.page.locator("[aria-busy=true]").first.wait_for(state="detached")
    await there.page.get_by_role("heading", level=1).first.wait_for()
    await there.page.evaluate("document.fonts.ready")
