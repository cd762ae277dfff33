"""Box: restarting under the page, people and keys, privacy, what went on."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.page.authenticator import Authenticator
from tests.page.visit import Visit, visit
from tests.support.daemon import Daemon

pytestmark = [pytest.mark.page, pytest.mark.timeout(120)]
REFUSED = r"status of 4(01|03)|net::ERR_|WebSocket connection"


async def test_the_page_survives_a_restart_and_says_so(box: Daemon) -> None:
    async with visit(box) as there:
        await there.own()
        await at(there, "restart", "Restart")
        page = there.page
        await page.evaluate("() => { window.stillTheSamePage = true }")
        await page.get_by_label("Why").fill("It was slow")
        await page.get_by_role("button", name="Restart", exact=True).click()
        ask = page.get_by_role("dialog", name="Restart the software?")
        await expect(ask).to_contain_text("Wi-Fi, internet and recordings go on.")
        assert await there.violations() == []
        await ask.get_by_role("button", name="Restart", exact=True).click()
        await expect(page.get_by_text("The box's software restarts.")).to_be_visible()
        await expect(page.get_by_text("The box is back. It has restarted.")).to_be_visible(timeout=40_000)
        await expect(page.get_by_text("The box's software restarts.")).to_have_count(0)
        assert await page.evaluate("window.stillTheSamePage")
        # And it works as before: the session has outlived the daemon, the list tells of it.
        await go(page, "activity", "Activity")
        await expect(page.get_by_text("upkeep.restart").first).to_be_visible()


async def test_a_killed_daemon_shows_and_heals(box: Daemon) -> None:
    async with visit(box, expected=".*") as there:
        await there.own()
        await there.open("#/box")
        await there.page.get_by_role("heading", level=1).wait_for()
        await box.kill()
        lost = there.page.get_by_text("No connection to the box. Trying again.")
        await expect(lost).to_be_visible()
        assert await there.violations() == []
        await box.start()
        await expect(there.page.get_by_text(re.compile("The box is back."))).to_be_visible(timeout=40_000)
        await expect(lost).to_have_count(0)


async def test_a_view_whose_file_did_not_come_is_asked_for_again(box: Daemon) -> None:
    async with visit(box, expected=".*") as there:
        await there.own()
        await there.page.route("**/assets/wifi-*.js", lambda route: route.abort())
        await there.open("#/wifi")
        await expect(there.page.get_by_role("heading", level=1, name="Wi-Fi")).to_have_count(1)
        assert await there.violations() == []
        await there.page.unroute_all()
        await expect(there.page.get_by_role("link", name="Devices")).to_be_visible()


async def test_health_logs_and_a_file_for_who_helps(box: Daemon, tmp_path: Path) -> None:
    async with visit(box) as there:
        await there.own()
        page = there.page
        await at(there, "health", "Health")
        parts = page.get_by_role("region", name="Parts").get_by_role("listitem")
        for part in ("Memory", "Clock", "Programs"):
            await expect(parts.filter(has_text=part).first).to_be_visible()
        await expect(page.get_by_role("region", name="Programs").get_by_text("recorder")).to_be_visible()
        await go(page, "logs", "Logs")
        lines = page.get_by_role("list", name="Lines of the log")
        await page.get_by_label("From level").select_option("debug")
        await expect(lines.get_by_role("listitem").first).to_be_visible()
        # What is written down while one looks comes by itself; what is not wanted goes away.
        await page.get_by_label("With these words").fill("claim_refused")
        await expect(page.get_by_text("Nothing of this kind was written down.")).to_be_visible()
        await box.post("/access/pairing/open")
        status, _ = await box.call("POST", "/access/claim/finish", {"code": "00000000", "label": "Thief"})
        assert status in (201, 403)  # one in a hundred million opens
        await expect(lines.get_by_text("access.claim_refused")).to_be_visible()
        assert await there.violations() == []
        await go(page, "support", "Support bundle")
        await page.get_by_label("What is the matter?").fill("Slow in the evening")
        await page.get_by_role("button", name="Make the file").click()
        inside = page.get_by_role("region", name="What is in it").get_by_role("listitem")
        await expect(inside.first).to_be_visible(timeout=30_000)
        assert await there.violations() == []
        async with page.expect_download() as coming:
            await page.get_by_role("button", name=re.compile("Save the file")).click()
        kept = tmp_path / "kept.zip"
        await (await coming.value).save_as(kept)
        found = zipfile.ZipFile(kept)
        assert found.testzip() is None
        assert len(found.namelist()) == await inside.count()


async def test_people_and_what_they_hold(box: Daemon) -> None:
    async with visit(box, expected=REFUSED) as there:
        await there.own()
        page = there.page
        await at(there, "you", "You")
        await page.get_by_label("Your name").fill("Ada")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("Your name is Ada now.")).to_be_visible()
        await page.get_by_label("The new password").fill("three quiet otters")
        await page.get_by_role("button", name="Choose a password").click()
        await expect(page.get_by_label("The password until now")).to_be_visible()
        # The second factor: a picture to scan, a code to show that it was scanned, ten codes for a bad day.
        await page.get_by_role("button", name="Set it up").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_role("img", name="Code for an authenticator app").wait_for()
        assert await there.violations() == []
        phone = Authenticator(await dialog.locator("code").inner_text())
        await dialog.get_by_label("Code of the app").fill(phone.code())
        await dialog.get_by_role("button", name="Switch it on").click()
        codes = page.get_by_role("dialog", name="Recovery codes").get_by_role("listitem")
        await expect(codes).to_have_count(10)
        spare = await codes.first.inner_text()
        await page.get_by_role("button", name="I have kept them").click()
        await expect(page.get_by_text("It is on:")).to_be_visible()
        # Somebody is invited.
        await go(page, "people", "Household")
        await page.get_by_label("Name", exact=True).fill("Bea")
        await page.get_by_role("button", name="Make an invitation").click()
        await expect(page.get_by_role("dialog", name="Invitation for Bea")).to_be_visible()
        assert await there.violations() == []
        await page.keyboard.press("Escape")
        await page.get_by_role("combobox", name="May (Bea)").select_option("viewer")
        await expect(page.get_by_text("has not come yet")).to_be_visible()
        # Another browser signs in with the recovery code, and is put out again.
        async with visit(box, expected=REFUSED) as other:
            await sign_in(other, spare)
            await go(page, "sessions", "Signed in")
            await page.get_by_role("button", name=re.compile("^End: Chrome")).first.click()
            await page.get_by_role("dialog").get_by_role("button", name="End", exact=True).click()
            await other.page.get_by_role("heading", name="Welcome back").wait_for()
        await go(page, "people", "Household")
        await page.get_by_role("button", name="Remove Bea?").click()
        await expect(page.get_by_role("dialog")).to_contain_text("There is no undo")
        await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        await expect(page.get_by_text("Bea", exact=True)).to_have_count(0)


async def test_a_technicians_code_and_the_receipt(box: Daemon) -> None:
    async with visit(box) as there:
        await there.own()
        page = there.page
        await at(there, "visits", "Technicians")
        await page.get_by_label("Who comes").fill("Kim of the line")
        await page.get_by_role("button", name="Make a code").click()
        code = await page.locator(".box-code").inner_text()
        assert re.fullmatch(r"\w{4}-\w{4}-\w{4}", code)
        await page.keyboard.press("Escape")
        async with visit(box) as technician:
            await technician.open(f"#/enter/technician/{code}")
            await technician.page.get_by_role("button", name="Begin the visit").click()
            await technician.page.get_by_role("navigation", name="Views").wait_for()
            async with technician.page.expect_response("**/v1/diagnostics/runs") as begun:
                await technician.page.get_by_role("button", name="Diagnose").click()
            assert (await begun.value).status == 202
            await expect(page.get_by_text("Here now")).to_be_visible()
            await expect(page.get_by_text("Kim of the line")).to_be_visible()
            assert await there.violations() == []
            await page.get_by_role("button", name="End the visit").click()
            await page.get_by_role("dialog").get_by_role("button", name="End the visit").click()
            # Within a moment the technician's page is outside.
            await technician.page.get_by_label("Your name").wait_for()
        await expect(page.get_by_text("Over")).to_be_visible()
        await page.get_by_role("button", name="Receipt").click()
        receipt = page.get_by_role("dialog", name="Receipt")
        await expect(receipt).to_contain_text("By your code")
        await expect(receipt).to_contain_text("diagnostics.run")


async def test_what_leaves_the_house(box: Daemon, tmp_path: Path) -> None:
    async with visit(box) as there:
        await there.own()
        page = there.page
        await at(there, "privacy", "Privacy")
        await page.get_by_role("checkbox", name=re.compile("^Diagnoses and outages")).check()
        await expect(page.get_by_role("checkbox", name=re.compile("^Diagnoses and outages"))).to_be_enabled()
        await page.get_by_label("Activity, in days").fill("30")
        await page.get_by_role("button", name="Keep these times").click()
        await expect(page.get_by_text("Saved.")).to_be_visible()
        chosen = await box.get("/privacy/settings")
        assert chosen["share"]["diagnostics"]
        assert chosen["keep"]["audit"] == 30
        await page.get_by_role("button", name="Make the file").click()
        async with page.expect_download() as coming:
            await page.get_by_role("button", name=re.compile("Save the file")).click()
        kept = tmp_path / "kept.zip"
        await (await coming.value).save_as(kept)
        assert zipfile.ZipFile(io.BytesIO(kept.read_bytes())).testzip() is None
        await page.get_by_role("checkbox", name="Diagnoses, outages, measurements").check()
        await page.get_by_role("button", name="Erase what is chosen").click()
        await expect(page.get_by_role("dialog")).to_contain_text("cannot be undone")
        assert await there.violations() == []
        await page.get_by_role("button", name="Erase for ever").click()
        await expect(page.get_by_role("heading", name="Erased")).to_be_visible()
        # A veto against the operator, a token for a tool, the clock.
        await go(page, "portal", "Operator")
        await page.get_by_role("checkbox", name="Wi-Fi").uncheck()
        await expect(page.get_by_role("checkbox", name="Wi-Fi")).to_be_enabled()
        assert (await box.get("/portal"))["allowed"]["wifi"] is False
        await go(page, "tokens", "Tools")
        await page.get_by_label("What is it for?").fill("Meter")
        await page.get_by_role("button", name="Make it").click()
        token = await page.locator(".box-code").inner_text()
        await page.keyboard.press("Escape")
        answer = await there.context.request.get(
            f"{there.base}/v1/status", headers={"Authorization": f"Bearer {token}"}, ignore_https_errors=True
        )
        assert answer.ok
        await page.get_by_role("button", name="End: Meter").click()
        await page.get_by_role("dialog").get_by_role("button", name="End", exact=True).click()
        await expect(page.get_by_text("There is no token.")).to_be_visible()
        await go(page, "clock", "Time zone")
        await page.get_by_label("Time zone").select_option("Pacific/Auckland")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("The household lives by Pacific/Auckland.")).to_be_visible()


async def sign_in(there: Visit, second: str) -> None:
    """Ada, with her second factor."""
    await there.open()
    page = there.page
    await page.get_by_label("Your name").fill("Ada")
    await page.get_by_label("Password").fill("three quiet otters")
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("heading", name="One more proof").wait_for()
    assert await there.violations() == []
    await page.get_by_label("Code of your authenticator app").fill(second)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("navigation", name="Views").wait_for()


async def at(there: Visit, place: str, title: str) -> None:
    """Opens a place of Box."""
    await there.open(f"#/box/{place}")
    await there.page.get_by_role("heading", level=1, name=title).wait_for()


async def go(page: Page, place: str, title: str) -> None:
    """Goes to another place as a tap on the menu would."""
    await page.goto(page.url.partition("#")[0] + f"#/box/{place}")
    await page.get_by_role("heading", level=1, name=title).wait_for()
