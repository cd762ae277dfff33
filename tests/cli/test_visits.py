"""`technician` and `alerts`, over a real Unix socket."""

from __future__ import annotations

import json

from tests.cli.conftest import Gatewayctl
from tests.support.box import FakeBox


async def test_a_technician_is_invited_watched_and_sent_away(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    assert (await gatewayctl("technician")).stdout == "No technician was here.\n"
    invited = await gatewayctl("technician", "invite", "Bo", "--for", "90m", "--valid", "10m")
    assert invited.exit_code == 0, invited.stderr
    code = invited.stdout.splitlines()[0].split()[-1]
    assert len(code) == len("abcd-efgh-jkmn")
    redeemed = await gatewayctl("--json", "call", "access.technician.redeem", json.dumps({"code": code}))
    visit = json.loads(redeemed.stdout)["visit"]
    listed = await gatewayctl("technician")
    assert "your code" in listed.stdout
    assert (await gatewayctl("technician", "receipt", visit)).stdout == "Nothing was changed.\n"
    assert (await gatewayctl("technician", "end", visit)).stdout == "The visit has ended.\n"
    assert "over" in (await gatewayctl("technician")).stdout
    assert (await gatewayctl("technician", "end-all")).exit_code == 0
    wrong = await gatewayctl("technician", "invite", "--for", "soon")
    assert wrong.exit_code == 2
    assert "30m" in wrong.stderr


async def test_alerts_are_shown_and_put_away(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    code = json.loads((await gatewayctl("--json", "technician", "invite")).stdout)["code"]
    await gatewayctl("call", "access.technician.redeem", json.dumps({"code": code}))
    shown = await gatewayctl("alerts")
    assert "A technician was let in." in shown.stdout
    assert "new" in shown.stdout
    [alert] = json.loads((await gatewayctl("--json", "alerts", "list")).stdout)["items"]
    assert (await gatewayctl("alerts", "seen", alert["id"])).stdout == "It is put away.\n"
    assert "new" not in (await gatewayctl("alerts")).stdout
