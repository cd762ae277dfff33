"""Ping and traceroute through a real kernel: box - provider - far end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.diagnostics.line import BOX, FAR, FAR6, GATEWAY, GATEWAY6, ShapedLine

pytestmark = [pytest.mark.netns, pytest.mark.timeout(60)]
NO_ICMP = "table inet t {{\nchain c {{ type filter hook {hook} priority 0; meta l4proto icmp drop; }}\n}}\n"
FAMILIES = [(FAR, GATEWAY), (FAR6, GATEWAY6)]


@pytest.fixture(scope="module")
def line() -> Iterator[ShapedLine]:
    with ShapedLine() as made:
        yield made


def run(line: ShapedLine, tool: str, **request: Any) -> Any:
    """What the tool said."""
    return json.loads(line.run("tests.diagnostics.tools_in_namespace", tool, json.dumps(request)))


@pytest.mark.parametrize("target", [FAR, FAR6])
def test_every_reply_is_timed_by_the_kernel(line: ShapedLine, target: str) -> None:
    *said, result = run(line, "ping", target=target, count=5, interval=0.1)
    assert (result["sent"], result["received"], result["loss"]) == (5, 5, 0.0)
    assert result["stamps"] == "kernel"
    assert [one["sequence"] for one in result["replies"]] == [1, 2, 3, 4, 5]
    assert {one["ttl"] for one in result["replies"]} == {63}  # one router between
    assert 0 < result["min_ms"] <= result["median_ms"] <= result["max_ms"]
    assert len(said) == 5, "each reply is told as it comes"
    assert said[-1][0] == 1.0


def test_loss_is_counted_and_refusals_are_told(line: ShapedLine) -> None:
    line.isp.nft(NO_ICMP.format(hook="forward"))
    try:
        silent = run(line, "ping", target=FAR, count=3, interval=0.1, timeout=0.3)[-1]
    finally:
        line.isp.run("nft", "delete", "table", "inet", "t")
    assert (silent["received"], silent["loss"], silent["median_ms"]) == (0, 1.0, None)
    refused = run(line, "ping", target="198.51.100.9", count=1)[-1]  # the provider has no route there
    assert refused["received"] == 0
    assert GATEWAY in refused["replies"][0]["error"]
    assert "unreachable" in refused["replies"][0]["error"]


@pytest.mark.parametrize(("target", "gateway"), FAMILIES)
def test_the_way_is_told_hop_by_hop(line: ShapedLine, target: str, gateway: str) -> None:
    *said, result = run(line, "traceroute", target=target, rounds=2)
    assert result["reached"]
    assert [hop["addresses"] for hop in result["hops"]] == [[gateway], [target]]
    assert [(hop["sent"], hop["received"]) for hop in result["hops"]] == [(2, 2), (2, 2)]
    assert all(hop["best_ms"] <= hop["mean_ms"] <= hop["worst_ms"] for hop in result["hops"])
    assert [one[1] for one in said] == ["Round 1 of 2", "Round 2 of 2"]


def test_a_silent_router_is_a_hop_without_a_name(line: ShapedLine) -> None:
    line.isp.nft(NO_ICMP.format(hook="output"))
    try:
        result = run(line, "traceroute", target=FAR, rounds=1)[-1]
    finally:
        line.isp.run("nft", "delete", "table", "inet", "t")
    assert [hop["addresses"] for hop in result["hops"]] == [[], [FAR]]
    assert [hop["loss"] for hop in result["hops"]] == [1.0, 0.0]


def test_a_way_that_ends_nowhere_ends(line: ShapedLine) -> None:
    line.isp.nft("table inet t {\nchain c { type filter hook forward priority 0; drop; }\n}\n")
    try:
        result = run(line, "traceroute", target=FAR, rounds=1)[-1]
    finally:
        line.isp.run("nft", "delete", "table", "inet", "t")
    assert not result["reached"]
    assert result["hops"][0]["addresses"] == [GATEWAY]
    assert len(result["hops"]) == 6, "five silent hops after the last that spoke"


def test_the_box_itself_is_no_target(line: ShapedLine) -> None:
    refused = run(line, "ping", target=BOX, count=1)
    assert refused == {"code": "diagnostics.forbidden_target", "field": "target"}


def test_a_system_that_allows_no_ping_says_so(line: ShapedLine) -> None:
    allowed = Path("/proc/sys/net/ipv4/ping_group_range")
    line.box.call(allowed.write_text, "1 0")
    try:
        refused = run(line, "ping", target=FAR, count=1)
    finally:
        line.box.call(allowed.write_text, "0 2147483647")
    assert refused["code"] == "diagnostics.icmp_unavailable"
