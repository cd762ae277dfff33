"""A technician's visit, and the pictures of it for docs/technician.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.page.lived import lived_in
from tests.page.pictures import picture, settled
from tests.page.visit import ROOT, SHOTS, visit
from tests.support.daemon import Daemon

pytestmark = [pytest.mark.page, pytest.mark.timeout(150)]
DOCUMENT = ROOT / "docs" / "technician.md"
MOST = 80_000  # bytes of a picture
PICTURES = ("enter", "home", "looking", "verdict", "evidence", "speed", "route", "outages", "report")


async def test_from_the_door_to_a_verdict_in_six_taps(box: Daemon) -> None:
    async with visit(box) as owner:
        await owner.own()
    code = (await box.post("/access/technician/invite"))["code"]
    async with visit(box) as there:
        page = there.page
        await there.open()
        await there.tap(page.get_by_role("link", name="I am a technician with a code"))
        await there.tap(page.get_by_label("Code from the owner"))
        await page.keyboard.type(code)
        await picture(there, "technician/enter", whole=False)
        await there.tap(page.get_by_role("button", name="Begin the visit"))
        await page.get_by_role("navigation").wait_for()
        await settled(there)
        await there.page.get_by_role("heading", level=1).wait_for()
        await picture(there, "technician/home", whole=False)
        await there.tap(
            page.get_by_role("main").get_by_role("button", name=re.compile("wrong|Find out|Diagnose")).first
        )
        await page.locator("li[data-light=ok]").nth(3).wait_for()
        await picture(there, "technician/looking", whole=False)
        await expect(page.get_by_role("heading", level=1)).to_have_text("The internet works.")
        assert there.taps <= 6, there.taps
        # What is the household's is not shown at all.
        names = await page.get_by_role("navigation", name="Views").get_by_role("link").all_inner_texts()
        assert [name.strip() for name in names] == ["Home", "Diagnose", "Wi-Fi", "Box"]


async def test_the_document_shows_what_the_page_shows(box: Daemon) -> None:
    """Makes the document's pictures anew in build/screenshots/technician; the kept ones are copies."""
    await lived_in(box, runs=("DNS timeout", "healthy 2", "weak Wi-Fi client", "healthy 1"))
    async with visit(box) as there:
        page = there.page
        await there.technician()
        await there.open("#/diagnose")
        await expect(page.get_by_role("heading", level=1)).to_have_text("The DNS server does not answer.")
        await settled(there)
        await picture(there, "technician/verdict", whole=False)
        await page.get_by_text("Names (DNS)").click()
        await page.evaluate("document.querySelector('.diagnose-layers').scrollIntoView()")
        await picture(there, "technician/evidence", whole=False)
        await there.open("#/diagnose/speed")
        await page.get_by_role("button", name="Measure the speed").click()
        await page.get_by_role("button", name="Measure again").wait_for()
        await page.locator("canvas").wait_for()
        await picture(there, "technician/speed", whole=False)
        await there.open("#/diagnose/tools/traceroute")
        await page.get_by_role("button", name="Show the route").click()
        await page.get_by_text("Reached").wait_for()
        await page.get_by_role("table").evaluate("one => one.scrollIntoView({block: 'center'})")
        await picture(there, "technician/route", whole=False)
        await there.open("#/diagnose/outages")
        await page.get_by_role("button", name=re.compile("no outage")).first.wait_for()
        await page.evaluate("document.querySelector('.diagnose-month').scrollIntoView({block: 'center'})")
        await picture(there, "technician/outages", whole=False)
        await there.open("#/diagnose/report")
        await page.get_by_role("heading", name="Evidence").wait_for()
        await picture(there, "technician/report", whole=False)
    shown = re.findall(r"\]\(technician/(\w+)\.png\)", DOCUMENT.read_text())
    assert sorted(shown) == sorted(PICTURES)
    for name in shown:
        assert 0 < (DOCUMENT.parent / "technician" / f"{name}.png").stat().st_size <= MOST, name
        made, kept = SHOTS / "technician" / f"{name}.png", DOCUMENT.parent / "technician" / f"{name}.png"
        assert not made.exists() or _size(made) == _size(kept), name


def _size(path: Path) -> bytes:
    """Width and height as a PNG's header has them."""
    return path.read_bytes()[16:24]
