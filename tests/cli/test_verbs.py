"""The nouns and verbs, over a real Unix socket."""

from __future__ import annotations

import json

import numpy as np
import pytest
import zxingcpp

from gatewayd.cli.nouns.access import qr
from tests.cli.conftest import Gatewayctl
from tests.support.box import FakeBox


async def test_status_and_info_read_well(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    status = await gatewayctl("status")
    assert status.exit_code == 0
    assert status.stdout.splitlines()[0] == "The internet is slow."
    assert "Internet" in status.stdout
    assert "! The disk is 91 % full." in status.stdout
    info = await gatewayctl("info")
    assert box.access.box_id in info.stdout
    assert "gatewayctl pair" in info.stdout  # nobody owns it yet


async def test_json_is_the_answer_as_it_came(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    channels = await gatewayctl("--json", "tv", "channels")
    assert [row["id"] for row in json.loads(channels.stdout)["items"]] == ["c-1", "c-2", "c-3"]
    info = await gatewayctl("--json", "info")
    assert info.stdout.startswith(f'{{"id":"{box.access.box_id}","name":"Home box"')


async def test_networks_are_shown_without_steering_the_terminal(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    shown = await gatewayctl("wifi", "show")
    assert "Café" in shown.stdout
    assert "2.4 GHz, 5 GHz" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert "Security      WPA2" in (await gatewayctl("wifi", "show", "home")).stdout


async def test_a_refusal_tells_sentence_field_and_code(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    refused = await gatewayctl("wifi", "show", "nope")
    assert refused.exit_code == 1
    assert refused.stdout == ""
    assert refused.stderr == "There is no such network.\n  (field network, code wifi.network_not_found)\n"
    as_json = await gatewayctl("--json", "wifi", "show", "nope")
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout)["code"] == "wifi.network_not_found"


async def test_a_new_ssid_is_waited_for(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    changed = await gatewayctl("wifi", "set", "home", "--ssid", "Neu")
    assert changed.exit_code == 0
    assert changed.stdout.splitlines()[:2] == [
        "home is changed, seen on the air.",
        "It was interrupted for 420 ms.",
    ]
    assert box.trades.asked == [("wifi.networks.update", {"network": "home", "ssid": "Neu"})]


async def test_a_change_that_was_rolled_back_fails(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    box.trades.broken = True
    changed = await gatewayctl("wifi", "set", "home", "--hidden")
    assert changed.exit_code == 1
    assert changed.stderr == "home was not changed: hostapd refused it. It is as it was before.\n"
    as_json = await gatewayctl("--json", "wifi", "set", "home", "--hidden")
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout)["change"]["state"] == "rolled_back"


async def test_one_need_not_wait_for_a_change(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    changed = await gatewayctl("wifi", "set", "home", "--ssid", "Neu", "--no-wait")
    assert changed.exit_code == 0
    assert "the change c1 is applying" in changed.stdout


@pytest.mark.parametrize(
    ("option", "typed"),
    [("--passphrase-stdin", "correct horse \n"), ("--passphrase", "correct horse \ncorrect horse \n")],
)
async def test_a_password_is_read_and_never_shown(
    box: FakeBox, gatewayctl: Gatewayctl, option: str, typed: str
) -> None:
    changed = await gatewayctl("wifi", "set", "home", option, typed=typed)
    assert changed.exit_code == 0
    assert "correct horse" not in changed.output
    ((_, given),) = box.trades.asked
    assert given["passphrase"].reveal() == "correct horse "


async def test_a_password_is_shown_to_who_asks(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    shown = await gatewayctl("wifi", "password", "home")
    assert shown.stdout.split() == ["Name", "Café", "Password", "correct", "horse"]


def test_the_qr_code_of_the_terminal_can_be_read() -> None:
    uri = "gatewayd://claim?id=gw-7k3m9x2a&secret=abcdefghijklmnopqrstuv&spki=" + "0f" * 32
    halves = {"█": (255, 255), "▀": (255, 0), "▄": (0, 255), " ": (0, 0)}
    rows: list[list[int]] = []
    for line in qr(uri).splitlines():
        rows += [[halves[letter][half] for letter in line] for half in (0, 1)]
    drawn = np.array(rows, dtype=np.uint8).repeat(4, axis=0).repeat(4, axis=1)
    (found,) = zxingcpp.read_barcodes(drawn)
    assert found.text == uri


async def test_wrong_usage_asks_the_box_nothing(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    for words in (
        ("wifi", "set", "home"),
        ("wifi", "set", "home", "--passphrase", "secret-on-the-command-line"),
        ("wifi", "set", "home", "--passphrase", "--passphrase-stdin"),
        ("tv", "record", "1", "--for", "soon"),
        ("tv", "record", "1", "--at", "25:00"),
        ("restart", "house"),
        ("call", "info.get", "nonsense"),
        ("call", "info.get", "[]"),
        ("nonsense",),
        ("--url", "https://box", "--socket", "/x", "info"),
    ):
        assert (await gatewayctl(*words)).exit_code == 2, words
    assert box.trades.asked == []


async def test_clients_are_seen_from_their_own_side(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    shown = await gatewayctl("wifi", "clients")
    assert "-51 dBm  2.5 GB    1.0 MB  1 h 23 min" in shown.stdout


async def test_recording_by_name(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    recorded = await gatewayctl("tv", "record", "sport two", "--for", "1h30m", "--title", "Final")
    assert recorded.exit_code == 0
    assert "Final" in recorded.stdout
    assert "r-1" in recorded.stdout
    assert box.trades.asked == [
        ("dvr.recordings.create", {"channel": "c-3", "duration": 5400.0, "title": "Final"})
    ]


async def test_recordings_tell_what_is_missing(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    shown = await gatewayctl("tv", "recordings")
    assert "12 h 30 min  News   partial  5.4 GB  1 gap, 2 stream errors  r-1" in shown.stdout
    assert (await gatewayctl("tv", "recordings", "--state", "failed")).stdout == "No recordings yet.\n"
    assert (await gatewayctl("tv", "stop", "r-1")).stdout == "Stopped: News, 12.3 MB\n"


async def test_restarting(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    restarted = await gatewayctl("restart", "daemon", "--reason", "It is slow.")
    assert restarted.stdout == "The daemon restarts in a moment.\n"
    waiting = await gatewayctl("restart", "box", "--when", "idle")
    assert waiting.stdout == "The box restarts as soon as nothing records.\n"
    assert box.trades.asked[0] == (
        "upkeep.restart",
        {"target": "daemon", "reason": "It is slow.", "when": "now"},
    )


async def test_pairing_and_then_ending_the_session(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    shown = await gatewayctl("pair")
    assert shown.exit_code == 0
    words = shown.stdout.split()
    code = words[1] + words[2]
    assert words[0] == "Code"
    assert box.pin[:4] in words
    granted = json.loads(
        (
            await gatewayctl(
                "--json", "call", "access.claim.finish", json.dumps({"code": code, "label": "Phone"})
            )
        ).stdout
    )
    assert granted["role"] == "owner"
    listed = await gatewayctl("sessions")
    assert "Phone" in listed.stdout
    assert granted["session"] in listed.stdout
    assert (await gatewayctl("sessions", "revoke", granted["session"])).stdout == "It has ended.\n"
    assert (await gatewayctl("sessions")).stdout == "Nobody is signed in.\n"
    activity = await gatewayctl("activity")
    assert "access.sessions.revoke" in activity.stdout.splitlines()[1]


async def test_operations_lists_what_can_be_called(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    listed = await gatewayctl("operations", "dvr")
    assert listed.stdout.splitlines()[1].split() == ["dvr.channels.list", "Canned", "dvr.channels.list"]
    assert "wifi." not in listed.stdout
    assert (await gatewayctl("operations", "nope")).stdout == "No such area.\n"
