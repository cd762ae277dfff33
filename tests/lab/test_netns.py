"""The lab's namespaces: cables, bridges, DHCP, nftables, delay, and nothing left behind."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab import netns
from tests.lab.dhcp import Dnsmasq, dhcp_client
from tests.lab.netns import CommandFailed, Namespace, veth

MakeNamespace = Callable[[str], Namespace]


def ping_ms(namespace: Namespace, address: str) -> float:
    """The time of the second ping: the first one also waits for ARP."""
    output = namespace.run("ping", "-c2", "-i0.2", "-W5", address)
    return float(re.findall(r"time=([\d.]+)", output)[-1])


@pytest.mark.netns
def test_two_namespaces_ping_until_a_rule_forbids_it(namespaces: MakeNamespace) -> None:
    left, right = namespaces("left"), namespaces("right")
    veth(left, right, addresses=("10.83.0.1/24", "10.83.0.2/24"))
    ping_ms(left, "10.83.0.2")
    right.nft(
        "table inet gwt { chain in { type filter hook input priority 0; icmp type echo-request drop; }\n}"
    )
    with pytest.raises(CommandFailed, match="100% packet loss"):
        left.run("ping", "-c1", "-W1", "10.83.0.2")


@pytest.mark.netns
def test_a_device_behind_a_bridge_gets_a_lease(namespaces: MakeNamespace) -> None:
    gateway, phone = namespaces("gateway"), namespaces("phone")
    veth(gateway, phone, names=("port1", "eth0"))
    gateway.bridge("br-lan", "port1", address="192.168.7.1/24")
    with Dnsmasq(gateway, "br-lan", "192.168.7.1/24") as server:
        got = dhcp_client(phone, "eth0", "kitchen-phone")
        [lease] = server.leases()
    mac = phone.run("cat", "/sys/class/net/eth0/address").strip()
    assert (lease.mac, lease.hostname) == (mac, "kitchen-phone")
    assert got["address"] == f"{lease.address}/24"
    assert got["router"] == "192.168.7.1"
    ping_ms(phone, "192.168.7.1")


@pytest.mark.netns
def test_sockets_live_where_they_were_made(namespaces: MakeNamespace) -> None:
    left, right = namespaces("left"), namespaces("right")
    veth(left, right, addresses=("10.83.0.1/24", "10.83.0.2/24"))
    with (
        right.call(socket.create_server, ("10.83.0.2", 0)) as server,
        left.call(socket.create_connection, server.getsockname()[:2]) as client,
    ):
        assert client.getsockname()[0] == "10.83.0.1"
    with pytest.raises(OSError, match="unreachable"):
        namespaces("alone").call(socket.create_connection, ("10.83.0.2", 80))


@pytest.mark.netns
def test_anybody_may_ping(namespaces: MakeNamespace) -> None:
    home = namespaces("home")
    home.call(socket.socket, socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP).close()
    assert home.run("cat", "/proc/sys/net/ipv4/ping_group_range").split() == ["0", "2147483647"]


@pytest.mark.netns
def test_a_namespace_ends_its_processes() -> None:
    with Namespace("home") as home:
        child = home.popen("sleep", "1000")
        path = home.path
        assert path.exists()
    assert child.returncode is not None
    assert not path.exists()


@pytest.mark.netns
def test_what_a_killed_run_left_is_cleaned() -> None:
    program = (
        "import os, signal; from tests.lab.netns import Namespace; "
        "home = Namespace('lost').__enter__(); home.popen('sleep', '1000'); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == -9
    [lost] = [name for name in netns.leftovers() if name.endswith("-lost")]
    deadline = time.monotonic() + 10
    while netns.clean() and time.monotonic() < deadline:
        pass
    assert lost not in netns.leftovers()
    assert not Path("/run/netns", lost).exists()


@pytest.mark.netem
def test_a_delay_shows_in_the_round_trip(namespaces: MakeNamespace) -> None:
    left, right = namespaces("left"), namespaces("right")
    veth(left, right, addresses=("10.83.0.1/24", "10.83.0.2/24"))
    before = ping_ms(left, "10.83.0.2")
    left.netem("eth0", "delay", "100ms")
    assert before < 80 < 100 <= ping_ms(left, "10.83.0.2")
