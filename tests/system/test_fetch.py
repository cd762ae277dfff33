"""The guard on addresses that strangers name."""

from __future__ import annotations

import ipaddress

import aiohttp
import pytest

from gatewayd.system.fetch import MAX_REDIRECTS, guarded_session, is_forbidden, is_own, is_refusal
from tests.support.ts import PacedServer

FORBIDDEN = """127.0.0.1 127.255.0.9 0.0.0.0 0.1.2.3 169.254.169.254
224.0.0.1 239.1.1.1 240.0.0.1
255.255.255.255
:: ::1 fe80::1 fec0::1 ff02::1 ::ffff:127.0.0.1 ::ffff:0.0.0.0 ::127.0.0.1 64:ff9b::7f00:1 2002:7f00:1::
2001:0:0:0:0:0:80ff:fffe""".split()  # noqa: SIM905
ALLOWED = """192.168.1.20 10.0.0.1 172.16.3.4 100.64.0.1 8.8.8.8 fd00::1 2001:4860:4860::8888 ::ffff:8.8.8.8
64:ff9b::808:808 2002:808:808::1""".split()  # noqa: SIM905


@pytest.mark.parametrize("address", FORBIDDEN)
def test_what_belongs_to_the_box_or_nobody_is_forbidden(address: str) -> None:
    assert is_forbidden(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ALLOWED)
def test_homes_and_the_internet_are_allowed(address: str) -> None:
    assert not is_forbidden(ipaddress.ip_address(address))


def test_an_address_of_this_machine_is_known() -> None:
    assert is_own(ipaddress.ip_address("127.0.0.7"))
    assert not is_own(ipaddress.ip_address("192.0.2.77"))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"])
async def test_nothing_is_sent_to_a_forbidden_address(host: str) -> None:
    async with PacedServer(b"G") as server, guarded_session(False) as session:
        with pytest.raises(aiohttp.ClientConnectorError) as caught:
            await session.get(f"http://{host}:{server.port}/channel.ts")
        assert is_refusal(caught.value)
        assert server.connections == 0


async def test_loopback_can_be_allowed_and_redirects_end() -> None:
    async with PacedServer(b"G") as server, guarded_session(True) as session:
        server.mood = "loop"
        with pytest.raises(aiohttp.TooManyRedirects):
            await session.get(server.url, max_redirects=MAX_REDIRECTS)
        assert server.connections == MAX_REDIRECTS
        server.mood = "loopback"
        with pytest.raises(aiohttp.ClientConnectorError) as caught:
            await session.get(server.url)
        assert not is_refusal(caught.value)  # allowed, but nobody listens there
