"""Looking for boxes: on loopback, with a real advert."""

from __future__ import annotations

import asyncio

from gatewayd.api.mdns import Advert
from gatewayd.client import Found, discover
from gatewayd.events import Bus
from gatewayd.system.clock import SystemClock
from gatewayd.tasks import Tasks
from tests.support.api import BOX_ID, Info


async def test_a_box_is_found_with_its_address() -> None:
    async def box() -> Info:
        return Info()

    advert = Advert(box, Bus(SystemClock("always")), port=8443, addresses=lambda: ("127.0.0.1",))
    tasks = Tasks()
    tasks.supervise("mdns", advert.run)
    try:
        found: list[Found] = []
        async with asyncio.timeout(30):
            while not found:
                everybody = await discover(1.0, interfaces=["127.0.0.1"])
                found = [each for each in everybody if each.id == BOX_ID]
    finally:
        await tasks.close()
    assert (found[0].port, found[0].state, found[0].api) == (8443, "unclaimed", "v1")
    assert found[0].url == "https://127.0.0.1:8443"


def test_an_address_of_ipv6_is_in_brackets() -> None:
    found = Found("gw-1", "m", "v1", "ready", ("fe80::1%eth0", "192.0.2.1"), 443)
    assert found.url == "https://[fe80::1%eth0]"
