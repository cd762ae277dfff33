"""Coming in: the claim, the second visit, a technician's code, an invitation."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.page.visit import Visit, visit
from tests.support.daemon import Daemon

pytestmark = [pytest.mark.page, pytest.mark.timeout(120)]
REFUSED = r"status of 4(01|03|22|29)|net::ERR_|WebSocket connection"
PASSWORD = "three quiet otters"


async def test_claim_and_the_second_visit(box: Daemon) -> None:
    opened = await box.post("/access/pairing/open")
    async with visit(box, expected=REFUSED) as there:
        await there.open()
        page = there.page
        await page.get_by_role("heading", name="Make this box yours").wait_for()
        # What the box shows beside the code is what one compares.
        shown = await page.get_by_role("list", name="Fingerprint of the box").inner_text()
        assert "".join(shown.split()) == opened["fingerprint"][:32]
        assert await there.violations() == []
        code = page.get_by_label("Code from the box")
        await code.fill(f"{int(opened['code']) ^ 1:08d}")
        await page.get_by_role("button", name="This is my box").click()
        await expect(page.get_by_role("alert")).to_contain_text("That is not the code.")
        # Pasted with all that stands around it.
        await code.fill(f"Code: {opened['code'][:4]}-{opened['code'][4:]}")
        await expect(code).to_have_value(f"{opened['code'][:4]} {opened['code'][4:]}")
        # Right after a wrong one the box lets nobody try for a second: the page waits it out.
        await page.get_by_role("button", name="This is my box").click()
        await page.get_by_role("heading", name="It is yours").wait_for()
        assert await there.violations() == []
        await page.get_by_label("Your name").fill("Ada")
        await page.get_by_label("Password").fill("12345678")
        await page.get_by_role("button", name="Keep them").click()
        await expect(page.get_by_label("Password")).to_have_attribute("aria-invalid", "true")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Keep them").click()
        await at_home(there)
        await expect(page.get_by_text("Owner", exact=True)).to_be_visible()
        await page.get_by_role("button", name="Sign out").click()
        await page.get_by_role("heading", name="Welcome back").wait_for()
    async with visit(box, expected=REFUSED) as there:
        await there.open("#/box/sessions")  # a link into the page leads there after signing in
        page = there.page
        await page.get_by_role("heading", name="Welcome back").wait_for()
        assert await there.violations() == []
        await page.get_by_label("Your name").fill("Ada")
        await page.get_by_label("Password").fill("not this one")
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("alert")).to_contain_text("The name or the password is not right.")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name=re.compile("Sign in")).click()
        await page.get_by_role("heading", name="Signed in").wait_for()


async def test_whoever_guesses_waits_and_sees_how_long(box: Daemon) -> None:
    async with visit(box, expected=REFUSED) as there:
        await there.own()
    async with visit(box, expected=REFUSED) as there:
        await there.open()
        page = there.page
        await page.get_by_label("Your name").fill("Ada")
        await page.get_by_label("Password").fill("a wrong guess")
        button = page.get_by_role("button", name=re.compile("Sign in|Wait"))
        for _ in range(20):
            await button.click()
            await page.get_by_role("alert").wait_for()
            if re.match(r"Wait \d:\d\d", await button.inner_text()):
                break
        await expect(button).to_have_text(re.compile(r"Wait \d:\d\d"))
        await expect(button).to_be_disabled()
        await expect(button).to_be_enabled(timeout=20_000)


async def test_a_technician_sees_no_password_no_recordings_no_accounts(box: Daemon) -> None:
    await box.post("/dvr/recordings", {"channel": "testcard", "duration": 600, "title": "Private film"})
    async with visit(box) as owner:
        await owner.own()
    invited = await box.post("/access/technician/invite", {"label": "Kim"})
    refused: list[str] = []
    async with visit(box, expected=REFUSED) as there:
        page = there.page
        page.on("response", lambda answer: refused.append(answer.url) if answer.status == 403 else None)
        await there.open(f"#/enter/technician/{invited['code']}")
        await page.get_by_role("heading", name="A technician's visit").wait_for()
        assert await there.violations() == []
        await page.get_by_role("button", name="Begin the visit").click()
        await at_home(there)
        await expect(page.get_by_role("heading", name="Last verdict")).to_be_visible()
        tabs = await page.get_by_role("navigation", name="Views").get_by_role("link").all_inner_texts()
        assert tabs == ["Home", "Diagnose", "Wi-Fi", "Box"]
        home = await page.inner_text("main")
        assert "Private film" not in home
        assert "Recordings" not in home
        await expect(page.get_by_role("button", name="Code to join")).to_have_count(0)
        assert await there.violations() == []
        await page.get_by_role("link", name="Wi-Fi", exact=True).first.click()
        await page.get_by_role("heading", level=1, name="Wi-Fi").wait_for()
        await page.wait_for_load_state("networkidle")
        await expect(
            page.get_by_role("button", name=re.compile("password|QR|code to join", re.I))
        ).to_have_count(0)
        for hidden in ("tv", "box/people", "box/sessions", "box/tokens", "box/privacy", "box/activity"):
            await page.evaluate("where => { location.hash = '#/' + where }", hidden)
            await page.get_by_role("heading", level=1).wait_for()
        places = await page.get_by_role("main").get_by_role("link").all_inner_texts()
        assert {place.split("\n")[0] for place in places} <= {"Health", "Restart", "Logs", "Support bundle"}
        assert await there.violations() == []
        # It is not only hidden: the page did not even ask.
        assert refused == []


async def test_somebody_who_was_invited_joins_with_less_to_see(box: Daemon) -> None:
    async with visit(box) as owner:
        await owner.own()
    made = await box.post("/accounts", {"name": "Bea", "role": "viewer"})
    async with visit(box, expected=REFUSED) as there:
        page = there.page
        await there.open(f"#/enter/join/{made['invitation']}")
        await page.get_by_role("heading", name="You were invited").wait_for()
        assert await there.violations() == []
        await page.get_by_label("Your new password").fill(PASSWORD)
        await page.get_by_role("button", name="Join the household").click()
        await at_home(there)
        tabs = await page.get_by_role("navigation", name="Views").get_by_role("link").all_inner_texts()
        assert tabs == ["Home", "TV", "Box"]
        await expect(page.get_by_role("button", name="Something is wrong")).to_have_count(0)


async def at_home(there: Visit) -> None:
    """The page itself has opened."""
    await there.page.get_by_role("navigation", name="From the line to the devices").wait_for()
