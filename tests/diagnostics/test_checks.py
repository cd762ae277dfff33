"""Each check against a world that answers as the test says; time passes only in waits."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.checks import all_checks
from gatewayd.diagnostics.checks.http import judge_answer
from gatewayd.diagnostics.engine import run_checks
from gatewayd.diagnostics.live import parse_resolv_conf
from gatewayd.diagnostics.results import (
    AddressResult,
    AnyResult,
    DnsResult,
    EdgeResult,
    GatewayResult,
    HttpResult,
    InternetResult,
    LinkResult,
    SelfResult,
)
from gatewayd.diagnostics.verdict import judge
from gatewayd.diagnostics.world import HttpAnswer
from gatewayd.errors import GatewayError
from gatewayd.netd.verbs import DhcpOffer
from gatewayd.settings import DiagnosticsSettings
from gatewayd.system.clock import SystemClock
from gatewayd.system.netlink import Link
from tests.support.world import BOX, GATEWAY, TARGETS, WAN, FakeWorld

GONE = GatewayError("helper.unavailable", "netd is not there")
OFFER = DhcpOffer(
    server=GATEWAY, address=BOX, prefix=24, routers=(GATEWAY,), dns=(), lease_seconds=60, ms=2.0
)


async def look(
    world: FakeWorld, *, targets: DiagnosticsSettings = TARGETS, wan: str | None = "wan0", **more: Any
) -> dict[type[Any], AnyResult]:
    around = Surroundings(world=world, targets=targets, wan=wan, clock=world.clock, **more)
    results = await run_checks(all_checks(), around)
    return {type(one): one for one in results}


async def test_healthy() -> None:
    world = FakeWorld()
    found = await look(world)
    asked = {kind for kind, one in found.items() if one.status == "ok"}
    assert asked >= {SelfResult, LinkResult, AddressResult, GatewayResult, InternetResult, DnsResult}
    assert {one.status for one in found.values()} == {"ok", "skipped"}
    assert judge(found.values()).verdict == "OK"
    assert f"arp wan0 {GATEWAY} from {BOX}" in world.asked


async def test_nothing_configured_is_skipped_not_guessed() -> None:
    found = await look(FakeWorld(), targets=DiagnosticsSettings())
    for kind in (InternetResult, DnsResult, HttpResult):
        assert found[kind].status == "skipped"


# --- link ----------------------------------------------------------------------------------------------


async def test_no_carrier_for_two_seconds_is_down() -> None:
    world = FakeWorld(link=msgspec.structs.replace(WAN, carrier=False))
    found = await look(world)
    assert found[LinkResult].status == "failed"
    assert found[LinkResult].seconds == pytest.approx(2.0)
    assert {found[kind].status for kind in (AddressResult, GatewayResult, InternetResult, DnsResult)} == {
        "skipped"
    }


async def test_carrier_that_comes_back_in_time_is_up() -> None:
    world = FakeWorld(link=msgspec.structs.replace(WAN, carrier=False), later=[{}, {"link": WAN}])
    assert (await look(world))[LinkResult].status == "ok"


async def test_wan_that_is_not_there() -> None:
    found = await look(FakeWorld(), wan="wan9")
    assert found[LinkResult].status == "failed"
    assert "wan9" in found[LinkResult].detail


@pytest.mark.parametrize(
    ("world", "status", "interface"),
    [
        (FakeWorld(), "ok", "wan0"),
        (FakeWorld(gateway=None), "ok", "wan0"),
        (FakeWorld(gateway=None, link=None), "failed", None),
        (
            FakeWorld(gateway=None, more_links=(Link(index=3, name="b", mac=None, up=True, carrier=True),)),
            "unknown",
            None,
        ),
    ],
)
async def test_wan_is_found_by_route_or_by_being_the_only_one(
    world: FakeWorld, status: str, interface: str | None
) -> None:
    found = (await look(world, wan=None))[LinkResult]
    assert isinstance(found, LinkResult)
    assert (found.status, found.interface) == (status, interface)


# --- address -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("world", "dhcp"),
    [
        (FakeWorld(v4=()), "silent"),
        (FakeWorld(v4=("169.254.7.7",)), "silent"),
        (FakeWorld(v4=(), offers=(OFFER,)), "offered"),
        (FakeWorld(v4=(), dhcp_refusal=GONE), "unknown"),
    ],
)
async def test_no_address_for_ten_seconds(world: FakeWorld, dhcp: str) -> None:
    world.later = [{}]  # something else changes meanwhile
    found = (await look(world))[AddressResult]
    assert isinstance(found, AddressResult)
    assert (found.status, found.dhcp) == ("failed", dhcp)
    assert found.seconds == pytest.approx(10.0)


async def test_lease_that_comes_while_we_wait() -> None:
    found = await look(FakeWorld(v4=(), later=[{}, {"v4": (BOX,)}]))
    assert found[AddressResult].status == "ok"
    assert judge(found.values()).verdict == "OK"


async def test_unique_local_is_not_global() -> None:
    found = (await look(FakeWorld(v4=(), v6=("fd00::7",))))[AddressResult]
    assert isinstance(found, AddressResult)
    assert (found.status, found.v6) == ("failed", ())


async def test_ipv6_alone_is_tried() -> None:
    found = await look(FakeWorld(v4=(), v6=("2001:db8::20",), gateway=None))
    internet = found[InternetResult]
    assert isinstance(internet, InternetResult)
    assert (internet.v4_reached, internet.v6_reached) == (None, True)
    assert judge(found.values()).verdict == "OK_IPV6_ONLY"


# --- gateway -------------------------------------------------------------------------------------------


async def test_no_default_route() -> None:
    found = (await look(FakeWorld(gateway=None)))[GatewayResult]
    assert isinstance(found, GatewayResult)
    assert (found.status, found.route) == ("failed", False)


async def test_silence_on_arp() -> None:
    found = (await look(FakeWorld(arp_answers=False)))[GatewayResult]
    assert isinstance(found, GatewayResult)
    assert (found.status, found.arp) == ("failed", "silent")


@pytest.mark.parametrize(
    ("state", "status", "arp"),
    [("reachable", "ok", "answered"), ("failed", "failed", "silent"), ("incomplete", "failed", "silent"),
     ("stale", "unknown", "unknown")],
)  # fmt: skip
async def test_without_netd_the_kernel_is_asked(state: str, status: str, arp: str) -> None:
    world = FakeWorld(arp_refusal=GONE, neighbour=state)
    found = (await look(world))[GatewayResult]
    assert isinstance(found, GatewayResult)
    assert (found.status, found.arp) == (status, arp)
    assert f"nudge {GATEWAY}" in world.asked


@pytest.mark.parametrize(
    "world", [FakeWorld(gateway=""), FakeWorld(link=msgspec.structs.replace(WAN, arp=False))]
)
async def test_a_line_without_arp_is_not_asked(world: FakeWorld) -> None:
    found = (await look(world))[GatewayResult]
    assert isinstance(found, GatewayResult)
    assert (found.status, found.on_link) == ("ok", True)
    assert not [one for one in world.asked if one.startswith("arp")]


# --- internet, DNS, HTTP, self -------------------------------------------------------------------------


async def test_two_of_three_anchors_are_enough() -> None:
    found = (await look(FakeWorld(anchors={TARGETS.anchors_v4[0]: "timeout"})))[InternetResult]
    assert isinstance(found, InternetResult)
    assert (found.status, found.v4_reached) == ("ok", True)


async def test_a_live_connection_vetoes_offline() -> None:
    found = await look(FakeWorld(others="timeout", heard=True))
    assert judge(found.values()).verdict == "OK"
    found = await look(FakeWorld(heard=True))
    internet = found[InternetResult]
    assert isinstance(internet, InternetResult)
    assert not internet.heard  # not needed, so not looked at


async def test_more_anchors_are_asked_before_anybody_is_accused() -> None:
    six = tuple(f"203.0.113.{number}:443" for number in range(6))
    targets = msgspec.structs.replace(TARGETS, anchors_v4=six)
    world = FakeWorld(others="timeout")
    found = (await look(world, targets=targets))[InternetResult]
    assert found.status == "failed"
    assert sorted(one.removeprefix("connect ") for one in world.asked if one.startswith("connect")) == sorted(
        six
    )


@pytest.mark.parametrize(
    ("dns", "status", "verdict"),
    [
        ({}, "ok", "OK"),
        ({"192.0.2.53": "timeout"}, "failed", "DNS_TIMEOUT"),
        ({"192.0.2.53": "servfail"}, "failed", "DNS_SERVFAIL"),
        ({"192.0.2.53": "nxdomain"}, "failed", "DNS_SERVFAIL"),
        ({"203.0.113.53": "timeout"}, "ok", "OK"),
    ],
)
async def test_resolvers(dns: Any, status: str, verdict: str) -> None:
    found = await look(FakeWorld(dns=dns))
    assert found[DnsResult].status == status
    assert judge(found.values()).verdict == verdict


URL = "http://probe.test/204"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (HttpAnswer(status=204), "expected"),
        (HttpAnswer(status=204, body=b"<html>"), "replaced"),
        (HttpAnswer(status=200, body=b"<html>"), "replaced"),
        (HttpAnswer(status=511), "replaced"),
        (HttpAnswer(status=302, location="http://login.test/"), "redirect"),
        (HttpAnswer(status=307, location="https://192.0.2.1/in"), "redirect"),
        (HttpAnswer(status=301, location="https://probe.test/204"), "unexpected"),
        (HttpAnswer(status=302, location="/elsewhere"), "unexpected"),
        (HttpAnswer(status=302, location="http://[broken"), "unexpected"),
        (HttpAnswer(status=302), "unexpected"),
        (HttpAnswer(status=500), "unexpected"),
        (HttpAnswer(failure="timeout"), "timeout"),
        (HttpAnswer(failure="unresolved"), "unresolved"),
        (HttpAnswer(failure="unreachable"), "unreachable"),
    ],
)
def test_probe_answers(answer: HttpAnswer, outcome: str) -> None:
    assert judge_answer(URL, answer) == outcome


async def test_a_probe_server_that_is_broken_is_no_outage() -> None:
    found = await look(FakeWorld(web=HttpAnswer(status=500)))
    assert judge(found.values()).verdict == "OK"


async def test_a_full_disk_and_a_busy_box() -> None:
    found = (await look(FakeWorld(disk=0.01)))[SelfResult]
    assert found.status == "failed"
    found = (await look(FakeWorld(lag_ms=200.0)))[SelfResult]
    assert found.status == "warn"


# --- the engine ----------------------------------------------------------------------------------------


class Broken(Check[SelfResult]):
    """A check that fails in one of the ways that a check may or may not."""

    result = SelfResult

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def run(self, around: object) -> SelfResult:
        raise self._error


@pytest.mark.parametrize("error", [GONE, OSError("no buffer space"), ZeroDivisionError("a defect")])
async def test_a_check_that_fails_costs_only_itself(error: Exception) -> None:
    world = FakeWorld()
    rest = all_checks()[1:]
    told: list[AnyResult] = []
    results = await run_checks(
        (Broken(error), *rest), Surroundings(world, TARGETS, "wan0", world.clock), told=told.append
    )
    assert results[0].status == "unknown"
    assert {one.status for one in results[1:]} == {"ok", "skipped"}
    assert len(told) == len(results)


class Endless(Check[SelfResult]):
    """A check that never ends."""

    result = SelfResult
    limit = 0.02

    async def run(self, around: Any) -> SelfResult:
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_check_that_hangs_is_cut_off() -> None:
    world = FakeWorld()
    (result,) = await run_checks((Endless(),), Surroundings(world, TARGETS, None, world.clock))
    assert result.status == "unknown"
    assert "did not end" in result.detail


class Late(Check[EdgeResult]):
    """Waits for the endless one, whatever became of it, and takes its time."""

    result = EdgeResult
    after = (SelfResult,)
    late = True

    async def run(self, around: Surroundings) -> EdgeResult:
        await asyncio.sleep(0.03)
        return EdgeResult(status="ok", detail=around.results[SelfResult].status)


async def test_a_late_check_may_use_the_time_after_the_others() -> None:
    around = Surroundings(FakeWorld(), TARGETS, None, SystemClock("always"))
    results = await run_checks((Late(), Endless()), around, budget=0.01, late_budget=5.0)
    assert [one.status for one in results] == ["ok", "unknown"]
    assert results[0].detail == "unknown"
    results = await run_checks((Late(), Endless()), around, budget=0.01, late_budget=0.02)
    assert [one.status for one in results] == ["unknown", "unknown"]


def test_resolv_conf() -> None:
    text = (
        "# generated\nsearch lan\nnameserver 192.0.2.53\n nameserver 2001:db8::53\nnameserver x\nnameserver"
    )
    assert parse_resolv_conf(text) == ("192.0.2.53", "2001:db8::53")
