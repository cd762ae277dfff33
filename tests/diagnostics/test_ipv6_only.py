"""Lines without IPv4: what is no fault there, and whose fault it is when nothing comes through."""

from __future__ import annotations

from typing import Any

import pytest

from gatewayd.diagnostics.results import GatewayResult
from gatewayd.diagnostics.words import Verdict
from tests.diagnostics.test_more_checks import NO_ANSWER, look
from tests.support.world import GATEWAY, FakeWorld


def only(address: str) -> Any:
    """Nobody answers pings but this one."""
    return lambda target, count, size: (1.0 if target == address else None,) * count


def silent(target: str, count: int, size: int) -> tuple[float | None, ...]:
    return (None,) * count


SIX: dict[str, Any] = {"v4": (), "v6": ("2001:db8::20",), "gateway": None, "gateway6": "fe80::1"}
DEAD: dict[str, Any] = {"others": "timeout", "web": NO_ANSWER, "secure": NO_ANSWER, "pings": silent,
        "dns": {"192.0.2.53": "timeout", "203.0.113.53": "timeout"}}  # fmt: skip


@pytest.mark.parametrize(
    ("world", "verdict"),
    [
        (FakeWorld(**SIX), "OK_IPV6_ONLY"),
        (FakeWorld(**SIX | DEAD, neighbour="reachable"), "ISP_UPSTREAM_DOWN"),
        (FakeWorld(**SIX | DEAD | {"pings": only("fe80::1%wan0")}), "ISP_UPSTREAM_DOWN"),
        (FakeWorld(**SIX | DEAD, neighbour="failed"), "GW_NO_ARP"),
        (FakeWorld(**SIX | DEAD, neighbour="delay"), "DNS_TIMEOUT"),
        (FakeWorld(**SIX | DEAD | {"gateway6": None}), "ADDR_NO_LEASE"),
        (FakeWorld(**SIX | DEAD, refused_by=GATEWAY), "ADDR_POOL_FULL"),
        (FakeWorld(**SIX | DEAD, neighbour="reachable", had="192.0.2.20"), "ADDR_LEASE_LOST"),
    ],
)
async def test_a_line_that_is_meant_to_be_without_ipv4(world: FakeWorld, verdict: Verdict) -> None:
    found, results = await look(world)
    assert found.verdict == verdict
    gateway = results[GatewayResult]
    assert isinstance(gateway, GatewayResult)
    assert gateway.gateway == (None if world.gateway6 is None else "fe80::1%wan0")
