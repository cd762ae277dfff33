"""A real browser on loopback finds the box, and learns four things about it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hypothesis import given
from hypothesis import strategies as st
from zeroconf import ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from gatewayd.api.mdns import SERVICE, Advert, instance_name, own_addresses
from gatewayd.events import Bus
from gatewayd.system.clock import SystemClock
from gatewayd.tasks import Tasks
from tests.support.api import BOX_ID, Info, Noted

LOOPBACK = ("127.0.0.1",)


class Browser:
    """What somebody's app sees: names, and what happened to them."""

    def __init__(self) -> None:
        self.seen: list[tuple[ServiceStateChange, str]] = []
        self.news = asyncio.Event()
        self.zeroconf = AsyncZeroconf(interfaces=list(LOOPBACK))
        self.browser = AsyncServiceBrowser(self.zeroconf.zeroconf, SERVICE, handlers=[self._changed])

    def _changed(
        self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        self.seen.append((state_change, name))
        self.news.set()

    async def until(self, change: ServiceStateChange) -> str:
        """The name to which it happened to our box."""
        async with asyncio.timeout(20):
            while True:
                for kind, name in self.seen:
                    if kind is change and BOX_ID[-6:] in name:
                        return name
                self.news.clear()
                await self.news.wait()

    async def look_up(self, name: str) -> AsyncServiceInfo:
        """Everything announced under a name."""
        info = await self.zeroconf.async_get_service_info(SERVICE, name, 10_000)
        assert info is not None
        return info

    async def close(self) -> None:
        """Ends browsing."""
        await self.browser.async_cancel()
        await self.zeroconf.async_close()


@asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    """A browser while the block runs."""
    browser = Browser()
    try:
        yield browser
    finally:
        await browser.close()


async def test_a_browser_finds_the_box_follows_its_state_and_sees_it_go() -> None:
    bus, tasks, info = Bus(SystemClock("always")), Tasks(), [Info(name="Living room")]

    async def box() -> Info:
        return info[0]

    async with browsing() as browser:
        advert = Advert(box, bus, port=8443, addresses=lambda: LOOPBACK)
        tasks.supervise("mdns", advert.run)
        name = await browser.until(ServiceStateChange.Added)
        assert name == f"Living room ({BOX_ID[-6:]}).{SERVICE}"
        found = await browser.look_up(name)
        assert (found.port, found.server, found.parsed_addresses()) == (
            8443,
            f"{BOX_ID}.local.",
            list(LOOPBACK),
        )
        assert found.properties == {
            b"id": BOX_ID.encode(), b"model": b"gatewayd <demo>", b"api": b"v1", b"state": b"unclaimed",
        }  # fmt: skip
        info[0] = Info(name="Living room", state="ready")
        bus.publish(Noted(text="claimed"))
        await browser.until(ServiceStateChange.Updated)
        assert (await browser.look_up(name)).properties[b"state"] == b"ready"
        await tasks.close()
        assert await browser.until(ServiceStateChange.Removed) == name


async def test_it_moves_to_new_addresses() -> None:
    bus, tasks = Bus(SystemClock("always")), Tasks()
    own: list[tuple[str, ...]] = [()]

    async def box() -> Info:
        return Info()

    async with browsing() as browser:
        advert = Advert(box, bus, port=8443, addresses=lambda: own[0], poll=0.1)
        tasks.supervise("mdns", advert.run)
        own[0] = LOOPBACK
        name = await browser.until(ServiceStateChange.Added)
        browser.seen.clear()
        own[0] = ("127.0.0.1", "127.0.0.2")
        await browser.until(ServiceStateChange.Removed)
        await browser.until(ServiceStateChange.Added)
        assert advert.addresses == own[0]
        assert sorted((await browser.look_up(name)).parsed_addresses()) == ["127.0.0.1", "127.0.0.2"]
        await tasks.close()


@given(st.text(max_size=120))
def test_any_name_makes_one_label(name: str) -> None:
    label = instance_name(Info(name=name))
    assert len(label.encode()) <= 63
    assert "." not in label
    assert label.isprintable()
    assert label.endswith(f"({BOX_ID[-6:]})")


def test_addresses_are_those_of_the_interfaces_named() -> None:
    assert "127.0.0.1" in own_addresses(["lo"])
    assert "127.0.0.1" not in own_addresses()
    assert not any(address.startswith("fe80") for address in own_addresses())
