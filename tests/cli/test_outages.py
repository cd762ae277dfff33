"""`outages` and `report`, over a real Unix socket."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Gatewayctl
from tests.support.box import FakeBox


async def test_outages_read_well(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    shown = (await gatewayctl("outages")).stdout
    lines = shown.splitlines()
    assert lines[0] == "Now: The internet does not answer over IPv6; over IPv4 it does."
    assert lines[1] == "The provider says: Works in your street"
    assert "1 h 1 min so far" in shown
    assert "4 min 10 s" in shown
    assert "(The box was away during it.)" in shown
    assert "asked for a new address: it helped" in shown
    assert "\x1b" not in shown
    assert "2026-11: 99.99 % available, down 2 h 34 min" in shown  # never rounded up to all of it
    sunday_first = next(line for line in lines if line.lstrip().startswith("01"))
    assert sunday_first.index("01") == 24
    assert "20▂ 21▅ 22█" in shown
    assert "19· " in shown


async def test_everything_is_one_answer_for_programs(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    told = json.loads((await gatewayctl("--json", "outages", "--all")).stdout)
    assert [one["id"] for one in told["items"]] == ["01B", "01A"]
    assert told["availability"]["months"][0]["period"] == "2026-11"
    assert (await gatewayctl("outages", "--days", "0")).exit_code == 2


async def test_self_repair_is_allowed_and_forbidden_step_by_step(
    box: FakeBox, gatewayctl: Gatewayctl
) -> None:
    first = (await gatewayctl("outages", "repair")).stdout
    assert "reboot         not allowed" in first
    assert "restart-modem  not allowed, and this box cannot do it as it is set up" in first
    assert "ADDR_NO_LEASE: asked for a new address: it helped" in first
    both = await gatewayctl("outages", "repair", "--allow", "reboot", "--allow", "renew-lease")
    assert "reboot         allowed" in both.stdout
    assert "renew-lease    allowed" in both.stdout
    less = await gatewayctl("outages", "repair", "--forbid", "reboot")
    assert "reboot         not allowed" in less.stdout
    assert "renew-lease    allowed" in less.stdout
    assert (await gatewayctl("outages", "repair", "--allow", "explode")).exit_code == 2


async def test_the_report_is_printed_or_written(box: FakeBox, gatewayctl: Gatewayctl, tmp_path: Path) -> None:
    assert json.loads((await gatewayctl("report", "--days", "7")).stdout) == {"days": 7}
    page = tmp_path / "report.html"
    assert (await gatewayctl("report", "--html", str(page))).stdout == f"Written to {page}.\n"
    assert page.read_text() == "<!DOCTYPE html>"
    gone = await gatewayctl("report", "--html", str(tmp_path / "no" / "report.html"))
    assert gone.exit_code == 1
    assert "No such file" in gone.stderr
