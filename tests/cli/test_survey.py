"""`gatewayctl wifi survey`, as a technician reads it."""

from __future__ import annotations

import json

import pytest

from gatewayd.cli.nouns.wifi_survey import bar, bars
from tests.cli.conftest import Gatewayctl
from tests.support.box import FakeBox


async def test_the_neighbourhood_reads_well(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    shown = await gatewayctl("wifi", "survey")
    assert shown.exit_code == 0
    lines = shown.stdout.splitlines()
    assert lines[1].split() == [
        *("▂▄▆", "-48", "dBm", "6", "20", "MHz", "WPA2/WPA3", "Birch", "Cottage", "02:00:5e:20:00:01")
    ]
    assert any("(hidden)" in line for line in lines)
    assert "2.4 GHz" in lines
    assert any(line.split()[:2] == ["6", "(ours)"] for line in lines)  # where the radio is now
    assert "2.4 GHz: take channel 11 instead of 6." in lines
    assert "On channel 11, 2 other networks are heard" in shown.stdout
    assert "made-up" in shown.stdout
    assert not any(line.split()[:1] == ["52"] for line in lines)  # nobody is there
    everything = await gatewayctl("wifi", "survey", "--all")
    assert any(line.split()[:1] == ["52"] for line in everything.stdout.splitlines())
    assert "\x1b" not in shown.stdout


async def test_for_programs_it_is_the_job(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    answer = await gatewayctl("--json", "wifi", "survey")
    job = json.loads(answer.stdout)["job"]
    assert job["state"] == "done"
    assert job["result"]["advice"][0]["channel"] == 11
    started = await gatewayctl("wifi", "survey", "--no-wait")
    assert started.stdout.startswith("Started as job ")


@pytest.mark.parametrize(
    ("signal", "drawn"),
    [(None, ""), (-100.0, "▂"), (-78.0, "▂"), (-65.0, "▂▄"), (-52.0, "▂▄▆"), (-20.0, "▂▄▆█")],
)
def test_bars(signal: float | None, drawn: str) -> None:
    assert bars(signal) == drawn


def test_a_share_is_ten_cells_wide() -> None:
    assert [bar(share) for share in (0.0, 0.26, 1.0, 7.0)] == ["░" * 10, "███" + "░" * 7, "█" * 10, "█" * 10]
