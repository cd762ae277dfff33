"""Network tuners where they live: broadcast over a cable to another namespace, on the real ports."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gatewayd.dvr.discovery import Found, discover
from gatewayd.errors import GatewayError
from tests.dvr.home import open_home
from tests.lab.netns import Namespace, veth

pytestmark = [pytest.mark.netns]

DEVICE, LIAR, BOX = "192.168.77.20", "192.168.77.21", "192.168.77.1"


@pytest.fixture
def box(namespaces: Callable[[str], Namespace]) -> Namespace:
    """The box's namespace, with a cable to a home that has one tuner and one that redirects to loopback."""
    box, home = namespaces("box"), namespaces("home")
    veth(box, home, addresses=(f"{BOX}/24", f"{DEVICE}/24"))
    home.address("eth0", f"{LIAR}/24")
    module = (sys.executable, "-m", "tests.support.hdhomerun")
    home.popen(*module, "--host", DEVICE)
    other = namespaces("other")
    veth(box, other, names=("eth1", "eth0"), addresses=("192.168.78.1/24", "192.168.78.20/24"))
    other.popen(*module, "--host", "192.168.78.20", "--lie", "redirect")
    return box


def found_in(box: Namespace, *interfaces: str) -> tuple[Found, ...]:
    def look() -> tuple[Found, ...]:
        return asyncio.run(discover(0.5, interfaces=interfaces))

    return box.call(look)


def test_it_is_found_by_broadcast_and_added(box: Namespace, tmp_path: Path) -> None:
    deadline = time.monotonic() + 20
    while len(both := found_in(box)) < 1 or len(found_in(box, "eth1")) < 1:
        assert time.monotonic() < deadline, "the tuners do not answer"
    assert {found.device for found in both} == {"1040ABCD"}  # both have the same id: the last one counts
    assert found_in(box, "eth0") == (Found("1040ABCD", f"http://{DEVICE}", 2),)
    assert found_in(box, "lo") == ()

    async def add(host: str) -> Any:
        async with open_home(tmp_path, tmp_path / "no.sock", allow_loopback=False) as home:
            return await home.call("sources.add", kind="hdhomerun", host=host)

    source = box.call(lambda: asyncio.run(add(DEVICE)))
    assert (source["url"], source["channels"], source["device"]) == (f"http://{DEVICE}", 3, "1040ABCD")
    with pytest.raises(GatewayError) as refused:
        box.call(lambda: asyncio.run(add("192.168.78.20")))
    assert refused.value.code == "dvr.forbidden_address"
    with pytest.raises(GatewayError) as refused:
        box.call(lambda: asyncio.run(add(BOX)))
    assert refused.value.code == "dvr.forbidden_address"
