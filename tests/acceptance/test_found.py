"""The home-network app finds the box: a real browser, the whole daemon, a network of their own."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.netns import Namespace, veth
from tests.support.daemon import DEMO, running

pytestmark = [pytest.mark.acceptance, pytest.mark.netns, pytest.mark.timeout(120)]

BROWSER = """
import json, threading
from zeroconf import ServiceBrowser, ServiceListener, Zeroconf
found = threading.Event()
class Listener(ServiceListener):
    def add_service(self, zeroconf, kind, name):
        info = zeroconf.get_service_info(kind, name)
        txt = {key.decode(): value.decode() for key, value in info.properties.items()}
        print(json.dumps({"txt": txt, "port": info.port, "addresses": info.parsed_addresses()}), flush=True)
        found.set()
    update_service = remove_service = lambda *_: None
zeroconf = Zeroconf(interfaces=["192.168.78.2"])
ServiceBrowser(zeroconf, "_gatewayd._tcp.local.", Listener())
found.wait(30)
zeroconf.close()
"""


async def test_a_browser_on_the_home_network_finds_the_box(namespaces: Callable[[str], Namespace]) -> None:
    box, phone = await asyncio.to_thread(namespaces, "box"), await asyncio.to_thread(namespaces, "phone")
    await asyncio.to_thread(veth, box, phone)
    await asyncio.to_thread(box.address, "eth0", "192.168.78.1/24")
    await asyncio.to_thread(phone.address, "eth0", "192.168.78.2/24")
    with tempfile.TemporaryDirectory(prefix="gwt-") as folder:
        config = DEMO.replace("advertise = false", "advertise = true")
        async with running(Path(folder), config, prefix=["ip", "netns", "exec", box.name]) as daemon:
            seen = json.loads(await asyncio.to_thread(phone.run, sys.executable, "-c", BROWSER, timeout=60))
            info = await daemon.get("/info")
    assert seen["txt"] == {"id": info["id"], "model": info["model"], "api": "v1", "state": "unclaimed"}
    assert seen["port"] == daemon.port
    assert seen["addresses"] == ["192.168.78.1"]
