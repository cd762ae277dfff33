"""Diagnose: the layers live, verdict and remedy, the curve, the tools, the calendar, the report on paper."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import msgspec
import pypdf
import pytest
from playwright.async_api import Page, expect

from tests.diagnostics.faults import CASES
from tests.diagnostics.street import GATEWAY, Street
from tests.page.lived import lived_in
from tests.page.relay import relay
from tests.page.visit import visit
from tests.support.daemon import Daemon, running

pytestmark = [pytest.mark.page, pytest.mark.timeout(150)]


async def test_the_layers_light_up_and_there_is_a_verdict(box: Daemon) -> None:
    async with visit(box) as there:
        page = there.page
        await there.own()
        await there.open("#/diagnose")
        await expect(page.get_by_text("Nobody has asked yet")).to_be_visible()
        assert await there.violations() == []
        await there.tap(page.get_by_role("button", name="Find out what is wrong"))
        # Alive: while some layers are lit already, others wait still.
        await page.locator("ol:has(li[data-light=ok]):has(li[data-light=waiting])").wait_for()
        assert await there.violations() == []
        await expect(page.get_by_role("heading", level=1)).to_have_text("The internet works.")
        await expect(page.get_by_text("Nothing to do: the connection works.").first).to_be_visible()
        assert await page.locator("li[data-light=waiting]").count() == 0
        internet = page.get_by_role("group").filter(has_text="Internet").filter(has_text="anchors")
        await expect(internet.get_by_text("3 of 3 anchors answer")).to_be_hidden()
        await page.get_by_text("Internet", exact=True).click()
        await expect(internet.get_by_text("3 of 3 anchors answer")).to_be_visible()
        assert await there.violations() == []

        # A run is stopped, and one begun by an address goes on after the page is loaded anew.
        await page.get_by_role("button", name="Look again").click()
        await page.get_by_role("button", name="Stop").click()
        await expect(page.get_by_text("Stopped.")).to_be_visible()
        await there.open("#/diagnose/now")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Looking")
        await page.reload()
        assert page.url.endswith("#/diagnose"), "going back does not begin it again"
        await expect(page.get_by_role("heading", level=1)).to_have_text("The internet works.")
        assert len((await box.get("/diagnostics/runs"))["items"]) == 2

        # An earlier one has its own address.
        await page.get_by_role("link", name=re.compile("The internet works")).last.click()
        await expect(page.get_by_role("link", name="Back to now")).to_be_visible()
        assert await there.violations() == []


async def test_the_speed_curve_draws(box: Daemon) -> None:
    async with visit(box) as there:
        page = there.page
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await there.own()
        await there.open("#/diagnose/speed")
        start = page.get_by_role("button", name="Measure the speed")
        await start.wait_for()
        assert not any("uPlot" in url for url in asked), "the plots' library waits for a plot"
        await page.evaluate(_LISTEN)
        await start.click()
        plot = page.get_by_role("img", name=re.compile("Rate over time"))
        await plot.wait_for()
        assert any("uPlot" in url for url in asked)
        await expect(page.get_by_role("button", name="Measure again")).to_be_visible()
        await expect(plot).to_have_attribute("aria-label", re.compile(r"94.2 Mbit/s, upload 38.6 Mbit/s"))
        await page.locator("canvas").wait_for()
        assert await _drawn(page, DOWN) > 0
        assert await _drawn(page, UP) > 0
        told = await page.evaluate("window.told")
        assert len(told) >= 3, "the curve and its words grew while it was measured"
        await expect(page.get_by_text("Calls and games stay smooth")).to_be_visible()
        await expect(page.get_by_role("row").filter(has_text="94.2 Mbit/s")).to_be_visible()
        assert await there.violations() == []

        await page.get_by_role("button", name="Measure again").click()
        await page.get_by_role("button", name="Stop").click()
        await expect(page.get_by_text("Stopped.")).to_be_visible()


async def test_the_technicians_tools(box: Daemon) -> None:
    async with visit(box) as there:
        page = there.page
        await there.technician()
        await there.open("#/diagnose/tools")
        await page.get_by_label("Name or address").fill("example.org")
        await page.get_by_role("button", name="Ping").click()
        await expect(page.get_by_role("img", name="Each ping as a bar: 10 of 10 answered.")).to_be_visible()
        await page.get_by_role("link", name="Route").click()
        await page.get_by_role("button", name="Show the route").click()
        await expect(page.get_by_text("Reached 203.0.113.80.")).to_be_visible()
        assert await page.get_by_role("row").filter(has_text="198.51.100.1").get_by_text("0 %").is_visible()
        await page.get_by_role("link", name="Name", exact=True).click()
        assert await page.get_by_label("Name or address").input_value() == "example.org", "kept between tools"
        await page.get_by_role("button", name="Look up").click()
        await expect(page.get_by_text("198.51.100.1 said NOERROR in 9.0 ms.")).to_be_visible()
        assert await there.violations() == []
        await page.get_by_role("link", name="Service").click()
        await page.get_by_role("button", name="Try").click()
        await expect(page.get_by_text("It works.")).to_be_visible()
        assert await there.violations() == []
        await page.get_by_role("link", name="Phone").click()
        await page.get_by_role("button", name="Ask the server").click()
        await expect(page.get_by_text("It works.")).to_be_visible()
        await page.get_by_role("link", name="Mail").click()
        await page.get_by_role("button", name="Try the servers").click()
        await expect(page.get_by_text("It works.")).to_be_visible()
        assert await there.violations() == []
        await page.get_by_role("link", name="TV signal").click()
        await expect(page.get_by_text("there is no stream to look at")).to_be_visible()

        # No packet is recorded before somebody at home has agreed, and the next time he is asked again.
        await page.get_by_role("link", name="Packets").click()
        record = page.get_by_role("button", name="Record")
        await expect(record).to_be_disabled()
        await page.get_by_label(re.compile("agrees")).check()
        await record.click()
        save = page.get_by_role("button", name="Save the pcap file")
        await save.wait_for()
        assert await there.violations() == []
        async with page.expect_download() as download:
            await save.click()
        assert (await download.value).suggested_filename.endswith(".pcap")
        await expect(page.get_by_label(re.compile("agrees"))).not_to_be_checked()
        await expect(record).to_be_disabled()


async def test_outages_and_the_report_on_paper(box: Daemon) -> None:
    await lived_in(box)
    async with visit(box) as there:
        page = there.page
        await there.own()
        await there.open("#/diagnose/outages")
        await expect(page.get_by_text(re.compile(r"^99\.\d\d %$"))).to_be_visible()
        day = page.get_by_role("button", name=re.compile("gone for 47 min"))
        if await day.count() == 0:  # it was in the month before
            await page.get_by_role("button", name="The month before").click()
        await day.click()
        assert await page.get_by_role("listitem").filter(has_text="47 min").is_visible()
        assert await page.get_by_text("1 h 35 min").count() == 0, "only of the day that was tapped"
        assert await there.violations() == []

        await page.get_by_role("link", name="Report").click()
        await expect(page.get_by_role("heading", name="Evidence")).to_be_visible()
        assert await there.violations() == []
        text = _text(await page.pdf(format="A4"))
        assert "Evidence" in text
        assert "The internet did not answer." in text
        assert "47 min" in text
        assert "Print" not in text, "buttons are not for paper"
        assert "Sign out" not in text
        async with page.expect_download() as download:
            await page.get_by_role("button", name="Save as a file").click()
        saved = Path(await (await download.value).path()).read_text()
        assert "<h2>Evidence</h2>" in saved
        await there.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await page.get_by_role("button", name="Share").click()
        await expect(page.get_by_text("The report is copied as text.")).to_be_visible()
        assert "47 min" in await page.evaluate("navigator.clipboard.readText()")


@pytest.mark.netns
async def test_a_dns_fault_shows_its_remedy(tmp_path: Path) -> None:
    """The box in the fault lab's street, its page through a relay: Chromium lives outside."""
    async with _street(tmp_path) as (street, box), visit(box) as there:
        page = there.page
        await there.own()
        [fault] = [case for case in CASES if case.name == "DNS timeout"]
        await there.open("#/diagnose")
        with ExitStack() as stack:
            await asyncio.to_thread(stack.enter_context, fault.inject(street))
            await page.get_by_role("button", name="Find out what is wrong").click()
            heading = page.get_by_role("heading", level=1)
            await expect(heading).to_have_text("The DNS server does not answer.", timeout=40_000)
            dns = page.get_by_role("listitem").filter(has_text="Names (DNS)")
            await expect(dns.first).to_have_attribute("data-light", "failed")
            await expect(page.get_by_role("heading", name="What to do")).to_be_visible()
            found = (await box.get("/diagnostics/runs"))["items"][0]["diagnosis"]
            assert found["verdict"] == "DNS_TIMEOUT"
            await expect(page.get_by_text(found["remedy"]).last).to_be_visible()
            assert await there.violations() == []
            await there.shot("diagnose-dns-fault")

            # The real tools on the same line: what is refused is said at its field.
            await there.open("#/diagnose/tools/lookup")
            await page.get_by_label("Resolver").fill("not an address")
            await page.get_by_role("button", name="Look up").click()
            await expect(page.get_by_label("Resolver")).to_have_attribute("aria-invalid", "true")
            await page.get_by_label("Resolver").fill("")
            await page.get_by_label("Name or address").fill("probe.test")
            await page.get_by_role("button", name="Look up").click()
            await expect(page.get_by_text(f"{GATEWAY} did not answer.")).to_be_visible(timeout=15_000)
            await asyncio.to_thread(stack.close)


@asynccontextmanager
async def _street(folder: Path) -> AsyncIterator[tuple[Street, Daemon]]:
    """A street, and the real daemon in its box, reachable at the same port from here."""
    state = folder / "state"
    state.mkdir()
    street = Street()
    await asyncio.to_thread(street.__enter__)
    try:
        config = _CONFIG.format(
            folder=folder / "media",
            targets="\n".join(
                f"{name} = {msgspec.json.encode(value).decode()}" for name, value in street.targets.items()
            ),
        )
        prefix = (
            "ip",
            "netns",
            "exec",
            street.box.name,
            "env",
            f"SSL_CERT_FILE={street.folder}/authority.pem",
        )
        async with (
            running(state, config, demo=False, prefix=prefix) as box,
            relay(street.box, box.port),
        ):
            yield street, box
    finally:
        await asyncio.to_thread(street.__exit__, None, None, None)


_CONFIG = """
[api]
advertise = false
[clock]
trust = "always"
[wifi]
driver = "simulated"
[network]
wan = "eth0"
[dvr]
folder = "{folder}"
[diagnostics]
{targets}
"""


_LISTEN = """() => {
    window.told = [];
    new MutationObserver((changes) => {
        for (const { target } of changes) window.told.push(target.getAttribute("aria-label"));
    }).observe(document.body, { subtree: true, attributes: true, attributeFilter: ["aria-label"] });
}"""
DOWN, UP = (13, 92, 75), (240, 169, 59)
"""The colours of the two curves, in the light scheme."""


async def _drawn(page: Page, colour: tuple[int, int, int]) -> int:
    """How many points of the plot are painted in a curve's colour."""
    found: int = await page.evaluate(
        """([r, g, b]) => {
            const canvas = document.querySelector("canvas");
            if (!canvas || !canvas.width) return 0;
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            let n = 0;
            for (let i = 0; i < data.length; i += 4)
                if (data[i] === r && data[i + 1] === g && data[i + 2] === b && data[i + 3] === 255) n += 1;
            return n;
        }""",
        list(colour),
    )
    return found


def _text(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)
