"""Wi-Fi on the page: a password changed and kept, one that nobody kept, the QR code, guests, the air."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import av
import pytest
import zxingcpp
from playwright.async_api import Locator, Page, Route, expect

from tests.page.pictures import picture
from tests.page.visit import DESK, Visit, visit
from tests.support.daemon import Daemon
from tests.wifi.test_qr import parsed

pytestmark = [pytest.mark.page, pytest.mark.timeout(150)]
FIRST = "correct horse battery 17"
SECOND = "staple; with: signs"


async def code_on_screen(drawing: Locator) -> dict[str, str]:
    """What a camera reads off the screen."""
    with av.open(BytesIO(await drawing.screenshot()), mode="r") as shot:
        frame = next(shot.decode(video=0))
    (found,) = zxingcpp.read_barcodes(frame.to_ndarray(format="gray"))
    return parsed(str(found.text))


async def home(box: Daemon) -> dict[str, Any]:
    found: dict[str, Any] = await box.get("/wifi/networks/home")
    return found


async def last_change(box: Daemon) -> dict[str, Any]:
    found: dict[str, Any] = (await box.get("/wifi/changes"))["items"][0]
    return found


async def wish_password(page: Page, words: str) -> Locator:
    """From the list to the report of what it does; nothing has happened yet."""
    await expect(page.get_by_text("On the air", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Change", exact=True).first.click()
    await page.get_by_label("New password").fill(words)
    await page.get_by_role("button", name="See what it does").click()
    report = page.get_by_role("region", name="What will happen")
    await expect(report).to_contain_text("Every device has to be told")
    return report


async def clean(there: Visit) -> None:
    assert await there.violations() == []


async def test_a_password_is_changed_and_kept(box: Daemon) -> None:
    async with visit(box) as there:
        await there.own()
        await there.open("#/wifi")
        page = there.page
        before = await home(box)
        await clean(there)
        await page.get_by_role("button", name="Change", exact=True).first.click()
        await page.get_by_label("New password").fill("short")
        await expect(page.get_by_text("at least 8 characters; this one has 5")).to_be_visible()
        await clean(there)
        await page.get_by_role("button", name="Cancel").click()
        report = await wish_password(page, FIRST)
        await expect(report).to_contain_text("Other networks do not notice")
        await clean(there)
        assert (await home(box))["revision"] == before["revision"]  # a report changes nothing
        await picture(there, "wifi-impact-390-light", whole=False)
        await page.get_by_role("button", name="Change it now").click()

        card = page.get_by_role("region", name=f"Change of {before['ssid']}")
        await expect(card.get_by_role("timer")).to_contain_text("4:5")
        keep = card.get_by_role("button", name="Keep it")
        await expect(keep).to_be_enabled()
        await clean(there)
        await picture(there, "wifi-countdown-390-light")
        # The network under the page goes away, and the page finds back by itself.
        await there.context.set_offline(True)
        await expect(keep).to_be_disabled(timeout=10_000)
        await expect(card).to_contain_text("This page goes on by itself")
        await there.context.set_offline(False)
        await expect(keep).to_be_enabled(timeout=10_000)
        await page.reload()
        await keep.click()
        await expect(card).to_contain_text("The new settings are kept")
        await expect(card).to_contain_text("you came back with it")
        change = await last_change(box)
        assert (change["state"], change["proof"]) == ("applied", "client")
        await card.get_by_role("button", name="Put away").click()
        await expect(card).to_have_count(0)

        await page.get_by_role("button", name="Show the QR code").first.click()
        dialog = page.get_by_role("dialog", name=f"Join {before['ssid']}")
        drawing = dialog.get_by_role("img", name="QR code that joins")
        assert await code_on_screen(drawing) == {"T": "WPA", "S": before["ssid"], "P": FIRST}
        await expect(dialog).to_contain_text(FIRST)
        await picture(there, "wifi-code-390-light", whole=False)
        await clean(there)


async def test_a_password_that_nobody_keeps_goes_back(box: Daemon) -> None:
    async with visit(box, size=DESK, dark=True) as there:
        await there.own()
        before = await home(box)

        async def sooner(route: Route) -> None:
            wish = route.request.post_data_json
            assert isinstance(wish, dict)
            await route.continue_(post_data={**wish, "deadline_seconds": 30})

        page = there.page
        await page.route(
            "**/v1/wifi/networks/home",
            lambda route: sooner(route) if route.request.method == "PATCH" else route.continue_(),
        )
        await there.open("#/wifi")
        report = await wish_password(page, SECOND)
        await expect(report).to_contain_text("Other networks do not notice")
        await page.get_by_role("button", name="Change it now").click()
        card = page.get_by_role("region", name=f"Change of {before['ssid']}")
        await expect(card.get_by_role("timer")).to_contain_text("0:2")
        await picture(there, "wifi-countdown-1280-dark")
        # While it waits, the others can already join with what is new.
        await card.get_by_role("button", name="QR code for the others").click()
        code = page.get_by_role("img", name="QR code that joins")
        assert (await code_on_screen(code))["P"] == SECOND
        await page.get_by_role("button", name="Close").click()
        await expect(card).to_contain_text("The old settings are back", timeout=45_000)
        await clean(there)
        change = await last_change(box)
        assert change["state"] == "rolled_back"
        await expect(card).to_contain_text(change["reason"])
        await picture(there, "wifi-back-1280-dark")
        await page.get_by_role("link", name="Changes").click()
        history = page.get_by_role("region", name="What was changed")
        await expect(history).to_contain_text(change["reason"])
        await page.get_by_role("link", name="Networks").click()
        await page.get_by_role("button", name="Show the QR code").first.click()
        assert (await code_on_screen(code))["P"] not in (FIRST, SECOND)


async def test_guests_devices_and_the_air(box: Daemon) -> None:
    async with visit(box) as there:
        await there.own()
        await there.open("#/wifi")
        page = there.page
        await expect(page.get_by_text("On the air", exact=True)).to_be_visible()
        await page.get_by_role("button", name="Make a guest network").click()
        make = page.get_by_role("dialog", name="Make a guest network")
        await make.get_by_label("Name of the network").fill("Visitors")
        await make.get_by_label("For how long").select_option(label="4 hours from now")
        await clean(there)
        await make.get_by_role("button", name="Make a guest network").click()
        guest = page.get_by_role("region", name="Visitors", exact=True)
        await expect(guest).to_contain_text("On the air")
        await expect(guest).to_contain_text("not your devices, nor one another")
        await expect(guest).to_contain_text("It ends by itself")
        await guest.get_by_role("button", name="Show the QR code").click()
        assert (await code_on_screen(page.get_by_role("img", name="QR code that joins")))["S"] == "Visitors"
        await page.get_by_role("button", name="Close").click()

        # A device gets a password of its own; the code lets it in, and it is taken away again.
        await guest.get_by_role("link", name="More about Visitors").click()
        await expect(page.get_by_role("heading", name="Visitors", level=1)).to_be_visible()
        await clean(there)
        await page.get_by_role("button", name="Make a password").click()
        await page.get_by_label("Whose is it?").fill("Printer")
        await page.get_by_role("dialog").get_by_role("button", name="Make a password").click()
        shown = page.get_by_role("dialog", name="For Printer")
        words = (await code_on_screen(shown.get_by_role("img", name="QR code that joins")))["P"]
        await expect(shown).to_contain_text(words)
        await shown.get_by_role("button", name="Close").click()
        await page.get_by_role("button", name="Take the password of Printer away").click()
        await page.get_by_role("dialog").get_by_role("button", name="Take away").click()
        await expect(page.get_by_text("None so far")).to_be_visible()

        await page.get_by_role("button", name="Change the hours").click()
        await page.get_by_role("button", name="Add hours").click()
        await page.get_by_role("button", name="Sun", pressed=True).click()
        await clean(there)
        await page.get_by_role("button", name="Sun", pressed=False).click()
        await page.get_by_label("From").fill("00:00")  # a week without a gap: on, whenever this runs
        await page.get_by_label("To", exact=True).fill("00:00")
        await page.get_by_role("button", name="See what it does").click()
        await expect(page.get_by_role("region", name="What will happen")).to_contain_text("Nobody loses")
        await page.get_by_role("button", name="Change it now").click()
        await expect(page.get_by_text("Every day: the whole day")).to_be_visible()

        await page.get_by_role("link", name="Devices").click()
        station = page.get_by_role("listitem").filter(has_text="02:00:5e:10").first
        await expect(station).to_contain_text("dBm", timeout=20_000)
        await clean(there)

        await page.get_by_role("link", name="Air").click()
        await page.get_by_role("button", name="Listen", exact=True).click()
        await expect(page.get_by_role("img", name="Channels on 2.4 GHz")).to_be_visible()
        await expect(page.get_by_text("where the radio is now")).to_have_count(2)
        await picture(there, "wifi-survey-390-light")
        await clean(there)
        await page.get_by_role("button", name="Move to channel 11").click()
        report = page.get_by_role("region", name="What will happen")
        await expect(report.get_by_role("listitem")).to_have_count(4)
        await page.get_by_label("When to put the old settings back").select_option(
            label="Never: keep it at once"
        )
        await page.get_by_role("button", name="Change it now").click()
        await expect(page.get_by_role("region", name="2.4 GHz")).to_contain_text("Channel 11", timeout=15_000)
        await page.get_by_role("link", name="Changes").click()
        await expect(page.get_by_role("heading", name="the 2.4 GHz radio")).to_be_visible()

        # A password changed over in days: both work until the old one is ended.
        await there.open("#/wifi/network/home")
        await page.get_by_role("button", name="Begin with a new password").click()
        await page.get_by_role("dialog").get_by_label("For how long both work").select_option(label="2 days")
        await clean(there)
        await page.get_by_role("dialog").get_by_role("button", name="Begin with a new password").click()
        slowly = page.get_by_role("region", name="A new password, slowly")
        await expect(slowly).to_contain_text("Both passwords work until")
        await slowly.get_by_role("button", name="End the old password").click()
        await page.get_by_role("dialog").get_by_role("button", name="End the old password").click()
        await expect(slowly.get_by_role("button", name="Begin with a new password")).to_be_visible()


async def test_a_technician_changes_and_sees_no_password(box: Daemon) -> None:
    async with visit(box) as there:
        await there.technician()
        await there.open("#/wifi")
        page = there.page
        await expect(page.get_by_text("On the air", exact=True)).to_be_visible()
        await expect(page.get_by_role("button", name="Show the QR code")).to_have_count(0)
        await wish_password(page, FIRST)
        wait = page.get_by_label("When to put the old settings back")
        await expect(wait).to_have_value("0")
        await page.get_by_role("button", name="Change it now").click()
        await expect(page.get_by_text("The new settings are kept")).to_be_visible()
        await clean(there)
