"""netd against the real kernel: a box and a neighbour, each a namespace joined by a cable."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from gatewayd.errors import GatewayError
from gatewayd.netd import NetdClient, verbs
from tests.lab.netns import Namespace, veth
from tests.support.netd import netd_process

pytestmark = pytest.mark.netns

BOX, NEIGHBOUR = "10.91.0.1", "10.91.0.2"


class Neighbourhood(NamedTuple):
    """`box` runs netd (its eth0 is cabled to `neighbour`'s, which serves DHCP)."""

    box: Namespace
    neighbour: Namespace
    socket: Path


@pytest.fixture(scope="module")
def hood(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbourhood]:
    folder = tmp_path_factory.mktemp("netd")
    with Namespace("netd-box") as box, Namespace("netd-peer") as neighbour:
        veth(box, neighbour, addresses=(f"{BOX}/24", f"{NEIGHBOUR}/24"))
        box.address("eth0", "fd91::1/64")
        neighbour.address("eth0", "fd91::2/64")
        neighbour.popen(
            "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--no-ping", "--interface=eth0",
            "--dhcp-range=10.91.0.50,10.91.0.60,255.255.255.0,10m", "--dhcp-option=3,10.91.0.2",
            "--dhcp-option=6,10.91.0.53", f"--dhcp-leasefile={folder}/leases", f"--pid-file={folder}/pid",
            "--user=root",
        )  # fmt: skip
        with netd_process(folder / "netd.sock", inside=box):
            yield Neighbourhood(box, neighbour, folder / "netd.sock")


@pytest.fixture
async def door(hood: Neighbourhood) -> AsyncIterator[NetdClient]:
    client = NetdClient(hood.socket)
    yield client
    await client.close()


def tables(namespace: Namespace) -> set[tuple[str, str]]:
    listed = msgspec.json.decode(namespace.run("nft", "-j", "list", "ruleset"))["nftables"]
    return {(one["table"]["family"], one["table"]["name"]) for one in listed if "table" in one}


async def test_arp_finds_the_neighbour_and_nobody_else(hood: Neighbourhood, door: NetdClient) -> None:
    answer = await door.arp_probe("eth0", [NEIGHBOUR, "10.91.0.99"], source=BOX, count=2, interval_ms=200)
    assert [reply.address for reply in answer.replies] == [NEIGHBOUR]
    assert answer.replies[0].mac in hood.neighbour.ip("-br", "link", "show", "eth0")
    assert answer.sent == 3  # both once, the silent one again


async def test_arp_without_a_source_is_answered_too(door: NetdClient) -> None:
    answer = await door.arp_probe("eth0", [NEIGHBOUR], count=3)
    assert [reply.address for reply in answer.replies] == [NEIGHBOUR]


async def test_dhcp_offer_is_read_and_no_lease_taken(
    hood: Neighbourhood, door: NetdClient, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (offer,) = (await door.dhcp_probe("eth0")).offers
    assert offer.server == NEIGHBOUR
    assert offer.address.startswith("10.91.0.5") or offer.address == "10.91.0.60"
    assert (offer.prefix, offer.routers, offer.dns) == (24, (NEIGHBOUR,), ("10.91.0.53",))
    assert offer.lease_seconds == 600
    leases = hood.socket.parent / "leases"
    assert not leases.exists() or leases.read_text() == ""


async def test_pause_drops_what_is_forwarded_and_keeps_other_tables(
    hood: Neighbourhood, door: NetdClient
) -> None:
    hood.box.nft("add table inet other")
    paused = verbs.NamedSet(name="paused", kind="mac", elements=("02:00:00:00:00:07",))
    addresses = verbs.NamedSet(name="paused4", kind="ipv4", elements=("10.91.0.7", "10.91.0.8"))
    applied = await door.nft_apply(
        [paused, addresses], [verbs.Pause(set="paused"), verbs.Pause(set="paused4")]
    )
    assert (applied.elements, applied.rules) == (3, 2)
    text = hood.box.run("nft", "list", "table", "inet", "gatewayd")
    assert "ether saddr @paused counter" in text
    assert "ip daddr @paused4 counter" in text
    assert tables(hood.box) == {("inet", "other"), ("inet", "gatewayd")}
    await door.nft_apply([], [])
    assert tables(hood.box) == {("inet", "other")}


async def test_isolated_guests_keep_dns_and_lose_the_rest_of_the_box(
    hood: Neighbourhood, door: NetdClient
) -> None:
    def answered(port: int) -> bool:
        with socket.create_connection((BOX, port), timeout=1):
            return True

    listeners = [hood.box.call(socket.create_server, (BOX, port)) for port in (53, 8443)]
    try:
        await door.nft_apply([], [verbs.GuestIsolation(guest="eth0", home=("eth1",))])
        assert await asyncio.to_thread(hood.neighbour.call, answered, 53)
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(hood.neighbour.call, answered, 8443)
        await door.nft_apply([], [])
        assert await asyncio.to_thread(hood.neighbour.call, answered, 8443)
    finally:
        for listener in listeners:
            listener.close()


async def test_a_refused_batch_leaves_the_rules_before_it(hood: Neighbourhood, door: NetdClient) -> None:
    kept = verbs.NamedSet(name="kept", kind="mac", elements=("02:00:00:00:00:07",))
    await door.nft_apply([kept], [verbs.Pause(set="kept")])
    with pytest.raises(GatewayError, match=r"netd\.invalid"):
        await door.nft_apply([kept], [verbs.Pause(set="another")])
    assert "02:00:00:00:00:07" in hood.box.run("nft", "list", "table", "inet", "gatewayd")
    await door.nft_apply([], [])


@pytest.mark.parametrize(
    ("forgotten", "entries"), [(NEIGHBOUR, 2), ("10.91.0.77", 0), ("fd91::2", 2), ("fd91::77", 0)]
)
async def test_connections_are_forgotten_by_address(
    hood: Neighbourhood, door: NetdClient, forgotten: str, entries: int
) -> None:
    await door.nft_apply([], [verbs.GuestIsolation(guest="eth9", home=("eth8",))])  # ct state: tracking is on
    hood.box.run("conntrack", "-F")
    for target, port in ((BOX, 7001), (BOX, 7002), ("fd91::1", 7003), ("fd91::1", 7004)):
        family = socket.AF_INET6 if ":" in target else socket.AF_INET
        with hood.neighbour.call(socket.socket, family, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"x", (target, port))
    assert await door.conntrack_flush([forgotten]) == entries
    left = sum(
        hood.box.run("conntrack", "-L", "-f", family).count(" dport=700") for family in ("ipv4", "ipv6")
    )
    assert left == 4 - entries
    await door.nft_apply([], [])


async def test_a_forwarded_port_is_forgotten_by_the_device_behind_it(
    hood: Neighbourhood, door: NetdClient
) -> None:
    redirect = "udp dport 7100 dnat ip to 10.91.0.3:7200;"
    hood.box.nft(
        f"table inet forward {{ chain c {{ type nat hook prerouting priority -100; {redirect} }}\n}}\n"
    )
    hood.box.address("eth0", "10.91.0.3/24")
    with hood.neighbour.call(socket.socket, socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", (BOX, 7100))
    try:
        assert await door.conntrack_flush(["10.91.0.3"]) == 1
    finally:
        hood.box.run("nft", "delete", "table", "inet", "forward")
        hood.box.ip("address", "del", "10.91.0.3/24", "dev", "eth0")


async def test_link_goes_down_and_up(hood: Neighbourhood, door: NetdClient) -> None:
    await door.link_set("eth0", up=False)
    assert "DOWN" in hood.box.ip("-br", "link", "show", "eth0")
    with pytest.raises(GatewayError, match=r"netd\.interface_down"):
        await door.arp_probe("eth0", [NEIGHBOUR])
    await door.link_set("eth0", up=True)
    assert "UP" in hood.box.ip("-br", "link", "show", "eth0").split()


@pytest.mark.parametrize("name", ["eth7", "nosuch"])
async def test_unknown_interface_is_refused(door: NetdClient, name: str) -> None:
    with pytest.raises(GatewayError, match=r"netd\.no_interface"):
        await door.link_set(name, up=False)


async def test_a_port_of_a_bridge_is_kept_apart(hood: Neighbourhood, door: NetdClient) -> None:
    hood.box.ip("link", "add", "gwt-port", "type", "veth", "peer", "name", "gwt-far")
    hood.box.bridge("gwt-bridge", "gwt-port")
    try:
        for isolated, word in ((True, "on"), (False, "off")):
            await door.port_isolate("gwt-port", isolated=isolated)
            assert f" isolated {word} " in hood.box.run("bridge", "-d", "link", "show", "dev", "gwt-port")
        with pytest.raises(GatewayError, match=r"netd\."):
            await door.port_isolate("gwt-far", isolated=True)
    finally:
        hood.box.ip("link", "del", "gwt-bridge")
        hood.box.ip("link", "del", "gwt-port")


async def test_loopback_is_not_ours_to_touch(door: NetdClient) -> None:
    with pytest.raises(GatewayError, match=r"netd\.interface_not_allowed"):
        await door.link_set("lo", up=False)


async def test_an_interface_without_radio_cannot_scan(door: NetdClient) -> None:
    with pytest.raises(GatewayError, match=r"netd\.not_supported"):
        await door.scan("eth0")
    with pytest.raises(GatewayError, match=r"netd\.not_supported"):
        await door.radio_set("eth0", country="DE")


async def test_only_listed_interfaces(hood: Neighbourhood, tmp_path: Path) -> None:
    path = tmp_path / "netd.sock"
    with netd_process(path, "--interfaces", "eth5", inside=hood.box):
        client = NetdClient(path)
        with pytest.raises(GatewayError, match=r"netd\.interface_not_allowed"):
            await client.link_set("eth0", up=False)
        await client.close()


async def test_killed_in_mid_call_it_says_so_and_the_client_comes_back(
    hood: Neighbourhood, tmp_path: Path
) -> None:
    path = tmp_path / "netd.sock"
    client = NetdClient(path)
    with netd_process(path, inside=hood.box) as child:
        asking = asyncio.create_task(client.arp_probe("eth0", ["10.91.0.99"], source=BOX))
        await asyncio.sleep(0.3)
        child.send_signal(signal.SIGKILL)
        with pytest.raises(GatewayError, match=r"helper\.unavailable"):
            await asking
    path.unlink()
    with netd_process(path, inside=hood.box):
        answer = await client.arp_probe("eth0", [NEIGHBOUR], source=BOX)
        assert [reply.address for reply in answer.replies] == [NEIGHBOUR]
    await client.close()
