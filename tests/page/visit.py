"""A visit with Debian's Chromium: what goes wrong in the page goes wrong in the test.

A visit fails at its end when the page asked another host for anything, when a script threw, or when the
console had an error that nobody expected.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Locator, Page, async_playwright

from tests.support.daemon import Daemon

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "build" / "screenshots"
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
PHONE, DESK = (390, 844), (1280, 900)
_STILL = """Promise.all(document.getAnimations()
    .filter(each => each.effect.getComputedTiming().endTime !== Infinity)
    .map(each => each.finished.catch(() => 0)))"""
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
)


class Visit:
    """One browser window. `page` is Playwright's; `taps` counts the clicks made through `tap`."""

    def __init__(self, context: BrowserContext, page: Page, daemon: Daemon) -> None:
        self.context = context
        self.page = page
        self.base = f"https://localhost:{daemon.port}"
        self.taps = 0
        self.foreign: list[str] = []
        self.errors: list[str] = []
        self._daemon = daemon
        context.on("request", lambda request: self._asked(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._console)

    async def open(self, fragment: str = "") -> None:
        """Opens the page at a place (`#/wifi`)."""
        await self.page.goto(f"{self.base}/{fragment}")

    async def tap(self, where: Locator) -> None:
        """A click that counts."""
        self.taps += 1
        await where.click()

    async def own(self) -> None:
        """Makes this browser the owner's, without the page: for tests of what comes after."""
        opened = await self._daemon.post("/access/pairing/open")
        await self._enter("/access/claim/finish", {"code": opened["code"], "label": "Chromium"})

    async def technician(self) -> None:
        """Makes this browser a technician's, without the page."""
        invited = await self._daemon.post("/access/technician/invite")
        await self._enter("/access/technician/redeem", {"code": invited["code"]})

    async def violations(self, *, only: Sequence[str] = ()) -> list[str]:
        """What axe finds wrong with what is on the screen: rule, and the elements. `only`: these rules."""
        if not await self.page.evaluate("'axe' in window"):
            # Evaluated, not a <script>: the page's own content security policy allows none.
            await self.page.evaluate(AXE.read_text())
        # What is still moving is half transparent, and would be judged so.
        await self.page.evaluate(_STILL)
        options: dict[str, Any] = {"resultTypes": ["violations"]}
        if only:
            options["runOnly"] = {"type": "rule", "values": list(only)}
        found: dict[str, Any] = await self.page.evaluate("options => axe.run(document, options)", options)
        return [
            f"{rule['id']}: {node['html'][:160]} ({node['failureSummary'][:200]})"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]

    async def shot(self, name: str, *, whole: bool = True) -> Path:
        """Keeps a picture of the page in `build/screenshots`."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        path = SHOTS / f"{name}.png"
        await self.page.screenshot(path=path, full_page=whole, animations="disabled")
        return path

    def check(self, expected: str | None) -> None:
        """Fails on what nobody expected; `expected` is a pattern of console errors that belong to it."""
        assert self.foreign == [], self.foreign
        left = [each for each in self.errors if expected is None or not re.search(expected, each)]
        assert left == [], left

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.netloc != urlsplit(self.base).netloc:
            self.foreign.append(url[:200])

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text[:300])

    async def _enter(self, path: str, body: dict[str, Any]) -> None:
        answer = await self.context.request.post(
            f"{self.base}/v1{path}", data={**body, "cookie": True}, ignore_https_errors=True
        )
        assert answer.ok, await answer.text()


@asynccontextmanager
async def visit(
    daemon: Daemon,
    *,
    size: tuple[int, int] = PHONE,
    dark: bool = False,
    expected: str | None = r"status of 401|net::ERR_|WebSocket connection",
    **more: Any,
) -> AsyncIterator[Visit]:
    """A new browser with nothing kept. `expected`: see `Visit.check`; `more` goes to the context."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(_FLAGS), headless=True
        )
        try:
            context = await browser.new_context(
                ignore_https_errors=True,
                viewport={"width": size[0], "height": size[1]},
                device_scale_factor=2 if size[0] < 600 else 1,
                is_mobile=size[0] < 600,
                has_touch=size[0] < 600,
                color_scheme="dark" if dark else "light",
                locale="en-GB",
                timezone_id="Europe/Berlin",
                **more,
            )
            context.set_default_timeout(15_000)
            page = await context.new_page()
            there = Visit(context, page, daemon)
            yield there
            there.check(expected)
        finally:
            await browser.close()
