"""The tools and the speed test, as a technician reads them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from gatewayd.cli.nouns.speedtest import spark
from tests.cli.conftest import Gatewayctl
from tests.support.box import FakeBox


async def test_ping_tells_each_reply_and_the_sum(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    shown = await gatewayctl("ping", "far.example", "-c", "3")
    assert shown.exit_code == 0
    lines = shown.stdout.splitlines()
    assert lines[0].split() == ["1", "13.00", "ms"]
    assert lines[3] == "3 of 3 answered by 203.0.113.80, 0% lost."
    assert lines[4].startswith("Fastest 12.00 ms, median 13.00 ms, slowest 14.00 ms")


async def test_the_way_is_a_table(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    shown = await gatewayctl("traceroute", "far.example")
    lines = shown.stdout.splitlines()
    assert lines[0].split() == ["Hop", "Who", "Loss", "Best", "Mean", "Worst"]
    assert lines[1].split()[:3] == ["1", "198.51.100.1", "0%"]
    assert lines[-1] == "203.0.113.80 answered."


async def test_lookups_and_probes_are_sentences(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    found = await gatewayctl("lookup", "far.example", "--type", "a")
    assert "203.0.113.80" in found.stdout
    assert "NOERROR from 198.51.100.1 in 9.0 ms." in found.stdout
    assert "No such record." in (await gatewayctl("lookup", "far.example", "--type", "mx")).stdout
    probed = await gatewayctl("probe", "far.example")
    assert probed.stdout.splitlines()[0].startswith("✓ resolve")


async def test_a_speed_test_says_how_sure_it_is(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    shown = await gatewayctl("speedtest")
    assert shown.exit_code == 0
    lines = shown.stdout.splitlines()
    assert lines[1].split() == ["Download", "94.2", "Mbit/s", "high", "18.0", "ms", "2900", "RPM,", "good"]
    assert lines[2].split()[:3] == ["Upload", "38.6", "Mbit/s"]
    one = await gatewayctl("--json", "speedtest", "--up")
    result = json.loads(one.stdout)["job"]["result"]
    assert result["down"] is None
    assert result["up"]["rate"] == 38_600_000


async def test_a_capture_is_written_once_somebody_agrees(
    box: FakeBox, gatewayctl: Gatewayctl, tmp_path: Path
) -> None:
    file = tmp_path / "found.pcap"
    words = ("capture", "wan0", "--write", str(file), "--seconds", "1")
    refused = await gatewayctl(*words)
    assert refused.exit_code == 1
    assert "agree" in refused.stderr
    assert not file.exists()
    done = await gatewayctl(*words, "--consent")
    assert done.exit_code == 0
    assert (await asyncio.to_thread(file.read_bytes))[:4] == bytes.fromhex("4d3cb2a1")
    again = await gatewayctl(*words, "--consent")
    assert again.exit_code == 2, "a file that is there is not overwritten"


@pytest.mark.parametrize(
    "words",
    [
        ("ping", "far.example", "-c", "301"),
        ("ping",),
        ("probe", "far.example", "--kind", "gopher"),
        ("traceroute", "far.example", "--hops", "99"),
    ],
)
async def test_wrong_usage(box: FakeBox, gatewayctl: Gatewayctl, words: tuple[str, ...]) -> None:
    assert (await gatewayctl(*words)).exit_code == 2


def test_a_spark_line_is_as_high_as_its_highest() -> None:
    assert spark([1.0, 4.0, 8.0]).rstrip() == "▁▄█"
    assert spark([0.0]).rstrip() == "▁"
    assert len(spark([5.0] * 100)) == 32
