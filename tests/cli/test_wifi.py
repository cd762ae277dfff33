"""`gatewayctl wifi ...` against the whole demo: what a household types, and what it reads."""

from __future__ import annotations

import asyncio
import base64
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import click
import numpy as np
import pytest
import pytest_asyncio
import structlog.testing
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.cli.nouns.wifi_times import DURATION, read_window, say_window
from tests.cli.conftest import Gatewayctl
from tests.support.house import open_house

pytestmark = pytest.mark.timeout(120)


@pytest_asyncio.fixture
async def demo(monkeypatch: pytest.MonkeyPatch, gatewayctl: Gatewayctl) -> AsyncIterator[Gatewayctl]:
    """`gatewayctl` talking to a demo."""
    # The daemon's log would stand between the answers: both live in this process.
    with tempfile.TemporaryDirectory(prefix="gwt-") as folder, structlog.testing.capture_logs():
        async with open_house(Path(folder)) as house:
            monkeypatch.setenv("GATEWAYD_SOCKET", str(house.api))
            yield gatewayctl
        await asyncio.sleep(0.2)  # until the loop has taken note that the recorder's process has ended


async def test_a_guest_network_in_one_line(demo: Gatewayctl) -> None:
    made = await demo("wifi", "guest", "--for", "4h")
    assert made.exit_code == 0, made.output
    name, password = (line.rstrip() for line in made.stdout.splitlines())
    assert name.split(maxsplit=1)[0] == "Name"
    assert name.endswith("Guest")
    assert len(password.split()[1]) == 19
    shown = await demo("wifi", "show")
    assert "isolated, simulated, until" in shown.stdout
    drawn = await demo("wifi", "qr", "guest")
    halves = {"█": (255, 255), "▀": (255, 0), "▄": (0, 255), " ": (0, 0)}
    rows: list[list[int]] = []
    for line in drawn.stdout.splitlines():
        rows += [[halves[letter][half] for letter in line] for half in (0, 1)]
    (found,) = zxingcpp.read_barcodes(np.array(rows, dtype=np.uint8).repeat(4, axis=0).repeat(4, axis=1))
    assert f"P:{password.split()[1]};;" in found.text
    off = await demo("wifi", "guest", "--off")
    assert off.exit_code == 0
    assert off.stdout.startswith("guest is changed")
    again = json.loads((await demo("--json", "wifi", "guest")).stdout)
    assert again["credentials"]["passphrase"] == password.split()[1]
    gone = await demo("wifi", "delete", "guest")
    assert gone.exit_code == 0, gone.output
    assert "guest" not in (await demo("wifi", "show")).stdout
    refused = await demo("wifi", "guest", "--off")
    assert (refused.exit_code, refused.stderr.splitlines()[0]) == (1, "There is no guest network.")


async def test_a_password_of_ones_own_is_typed_not_given(demo: Gatewayctl) -> None:
    made = await demo("wifi", "guest", "--passphrase-stdin", typed="battery staple\n")
    assert made.stdout.splitlines()[1].rstrip().split(maxsplit=1) == ["Password", "battery staple"]
    assert (await demo("wifi", "guest", "--passphrase", "battery staple")).exit_code == 2
    assert (await demo("wifi", "guest", "--off", "--for", "1h")).exit_code == 2


async def test_pictures(demo: Gatewayctl) -> None:
    svg = await demo("wifi", "qr", "--svg")
    assert "<svg" in svg.stdout
    png = json.loads((await demo("--json", "wifi", "qr", "--png")).stdout)
    assert base64.b64decode(png["data"]).startswith(b"\x89PNG")
    assert (await demo("wifi", "qr", "cellar")).exit_code == 1


async def test_keys(demo: Gatewayctl) -> None:
    assert (await demo("wifi", "keys")).stdout == "No device has a password of its own on home.\n"
    added = await demo("wifi", "keys", "add", "Lena's tablet")
    assert added.exit_code == 0, added.output
    assert added.stdout.splitlines()[0].split() == ["Key", "lena-s-tablet"]
    assert added.stdout.splitlines()[2].startswith("Write the password down")
    listed = await demo("wifi", "keys")
    assert "Lena's tablet" in listed.stdout
    assert "works" in listed.stdout
    assert added.stdout.splitlines()[1].split()[1] not in listed.stdout
    revoked = await demo("wifi", "keys", "revoke", "lena-s-tablet")
    assert revoked.exit_code == 0, revoked.output
    assert "revoked" in (await demo("wifi", "keys")).stdout
    refused = await demo("wifi", "keys", "revoke", "nobody")
    assert refused.stderr.splitlines()[0] == "home has no key 'nobody'."


async def test_a_password_is_changed_over(demo: Gatewayctl) -> None:
    before = (await demo("wifi", "password", "home")).stdout
    assert "not being changed over" in (await demo("wifi", "rotate", "--status")).stdout
    started = await demo("wifi", "rotate", "--days", "3")
    assert started.exit_code == 0, started.output
    assert started.stdout.splitlines()[1] != before.splitlines()[1]
    assert "The old password works too, until " in started.stdout
    status = (await demo("wifi", "rotate", "--status")).stdout
    assert status.startswith("The old password works until ")
    finished = await demo("wifi", "rotate", "--finish")
    assert finished.stdout.startswith("The old password no longer opens home.")
    assert (await demo("wifi", "rotate", "--finish")).exit_code == 1
    assert (await demo("wifi", "rotate", "--finish", "--days", "3")).exit_code == 2
    changes = await demo("wifi", "changes")
    assert len(changes.stdout.splitlines()) == 3


async def test_what_was_done_is_said_in_words(demo: Gatewayctl) -> None:
    assert (await demo("wifi", "keys", "add", "Tablet")).exit_code == 0
    revoked = await demo("wifi", "keys", "revoke", "tablet")
    assert revoked.stdout.startswith("tablet is revoked: its password no longer opens home.")
    assert (await demo("wifi", "keys", "revoke", "tablet")).stdout == "It was revoked already.\n"
    renamed = await demo("wifi", "set", "home", "--ssid", "Neu")
    identifier = renamed.stdout.rstrip().rpartition(" ")[2]
    assert f"To go back: gatewayctl wifi undo {identifier}" in renamed.stdout
    assert (await demo("wifi", "undo", identifier)).stdout == "home is as it was before.\n"
    assert "Neu" not in (await demo("wifi", "show")).stdout
    told = (await demo("wifi", "changes")).stdout.splitlines()[1:]
    assert ["device passwords" in line for line in told] == [False, False, False, True, True]
    refused = await demo("wifi", "set", "home", "--passphrase-stdin", typed="12345678\n")
    assert "Add --accept-risk" in refused.stderr
    assert "12345678" not in refused.output


async def test_the_time_zone_of_schedules(demo: Gatewayctl) -> None:
    before = (await demo("household")).stdout
    assert "(the box's own)" in before
    chosen = await demo("household", "--time-zone", "Asia/Kathmandu")
    assert chosen.stdout.split() == ["Time", "zone", "Asia/Kathmandu", "(chosen", "by", "the", "household)"]
    refused = await demo("household", "--time-zone", "Atlantis")
    assert (refused.exit_code, "time_zone" in refused.stderr) == (1, True)
    assert (await demo("household", "--box-zone")).stdout == before
    assert (await demo("household", "--box-zone", "--time-zone", "UTC")).exit_code == 2


async def test_a_schedule_and_a_danger(demo: Gatewayctl) -> None:
    changed = await demo("wifi", "set", "home", "--on", "daily 00:00-00:00")
    assert changed.exit_code == 0, changed.output
    assert "daily 00:00-00:00" in (await demo("wifi", "show", "home")).stdout
    assert (await demo("wifi", "set", "home", "--always-on")).exit_code == 0
    assert "daily" not in (await demo("wifi", "show", "home")).stdout
    refused = await demo("wifi", "set", "home", "--security", "open")
    assert refused.exit_code == 1
    assert "without a password" in refused.stderr
    assert (await demo("wifi", "set", "home", "--accept-risk")).exit_code == 2
    accepted = await demo("wifi", "set", "home", "--security", "open", "--accept-risk")
    assert accepted.exit_code == 0, accepted.output


@pytest.mark.parametrize(
    ("text", "days", "start", "end"),
    [
        ("mon-fri 07:00-22:00", [0, 1, 2, 3, 4], "07:00", "22:00"),
        ("Sat,Sun 9:00-01:00", [5, 6], "09:00", "01:00"),
        ("fri-mon 00:00-00:00", [0, 4, 5, 6], "00:00", "00:00"),
        ("daily 06:30-23:00", [0, 1, 2, 3, 4, 5, 6], "06:30", "23:00"),
    ],
)
def test_a_window_as_people_write_it(text: str, days: list[int], start: str, end: str) -> None:
    assert read_window(text) == {"days": days, "start": start, "end": end}


@pytest.mark.parametrize(
    "text", ["", "weekly", "mon 7-9", "mo 07:00-09:00", "mon- 07:00", "mon 07:00 - 09:00"]
)
def test_what_is_no_window(text: str) -> None:
    with pytest.raises(click.UsageError):
        read_window(text)


@given(st.lists(st.integers(0, 6), min_size=1, unique=True).map(sorted))
def test_a_window_is_said_as_it_is_read(days: list[int]) -> None:
    window = {"days": days, "start": "07:00", "end": "08:30"}
    assert read_window(say_window(window)) == window


def test_a_time() -> None:
    assert DURATION.convert("3d", None, None) == 3 * 86_400
    assert DURATION.convert("1h30m", None, None) == 5400
    with pytest.raises(click.BadParameter):
        DURATION.convert("soon", None, None)
