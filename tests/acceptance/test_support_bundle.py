"""The support bundle of a whole box in which secrets were planted everywhere: none of them is in it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.test_playback import ask, flowing
from tests.support.daemon import DEMO, until
from tests.support.house import OpenHouse, open_house

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(120)]

PASSPHRASE, KEY_PASSPHRASE = "correct horse battery", "for-the-fridge-only"
TV_PASSWORD, IPTV_USER = "hunter22-tv", "iptv-customer-4711"
PLANTED = (
    PASSPHRASE,
    KEY_PASSPHRASE,
    TV_PASSWORD,
    IPTV_USER,
    "modem-admin",
    "modem-body-secret",
    "smtp-user",
    "owner@example.org",
    "02:1f:aa:bb:cc:dd",
    "02-1F-AA-BB-CC-DD",
    "sip-user-99",
    "bearer-token-in-a-log",
    "secret-recording-title",
)
SETTINGS = (
    DEMO
    + """
[repair]
modem_url = "http://modem-admin:modem-admin@192.0.2.1/off?key=modem-admin"
modem_body = "do=modem-body-secret"
[email]
username = "smtp-user"
to = ["owner@example.org"]
[diagnostics]
sip_server = "sip:sip-user-99@voip.example"
"""
)


@pytest.fixture
async def house() -> AsyncIterator[OpenHouse]:
    with tempfile.TemporaryDirectory(prefix="gwt-") as folder:
        async with open_house(Path(folder), SETTINGS) as made:
            yield made


async def plant(house: OpenHouse, owner: Any) -> None:
    for path, body in (
        ("/wifi/networks", {"role": "iot", "id": "things", "ssid": "Things", "passphrase": PASSPHRASE}),
        ("/wifi/networks/home/keys", {"label": "fridge", "passphrase": KEY_PASSPHRASE}),
        (
            "/dvr/sources",
            {"kind": "http", "url": f"http://tv:{TV_PASSWORD}@192.0.2.7/live/{IPTV_USER}/1.ts", "name": "T"},
        ),
        ("/dvr/recordings", {"channel": "testcard", "duration": 5, "title": "secret-recording-title"}),
    ):
        status, answer = await ask(owner, "POST", path, body)
        assert status in (201, 202), answer
    _, items = await ask(owner, "GET", "/dvr/recordings")
    await flowing(owner, items["items"][0]["id"])
    ring = house.house.ring
    ring.add("warning", "wifi.odd", f"mac=02:1f:aa:bb:cc:dd other=02-1F-AA-BB-CC-DD heard={PASSPHRASE}")
    ring.add("error", "dvr.odd", f"cannot open http://192.0.2.7/live/{IPTV_USER}/1.ts with {TV_PASSWORD}")
    ring.add("info", "api.odd", f"Authorization: Bearer bearer-token-in-a-log, token={house.token}")
    ring.add("info", "voip.odd", "registered sip:sip-user-99@voip.example")


async def test_nothing_secret_is_in_it(house: OpenHouse) -> None:
    async with house.http(house.token) as owner:
        await plant(house, owner)
        status, answer = await ask(
            owner, "POST", "/upkeep/support-bundle", {"reason": f"said {PASSPHRASE} on the phone"}
        )
        assert status == 202, answer

        async def ended() -> dict[str, Any] | None:
            _, job = await ask(owner, "GET", f"/jobs/{answer['job']['id']}")
            return job["job"] if job["job"]["state"] in ("done", "failed") else None

        job = await until(ended, 30)
        assert job["state"] == "done", job
        made = job["result"]
        assert made["left_out"] == []
        packed = b""
        for part in range(made["parts"]):
            status, piece = await ask(owner, "GET", f"/upkeep/support-bundles/{made['bundle']}?part={part}")
            assert status == 200, piece
            packed += base64.b64decode(piece["content"])
        assert hashlib.sha256(packed).hexdigest() == made["sha256"]
        _, refused = await ask(owner, "GET", "/upkeep/support-bundles/01M84GCPDN2PJM9RXTKQV5DQV6")
        assert refused["code"] == "upkeep.bundle_not_found"

        _, logs = await ask(owner, "GET", "/upkeep/logs?limit=2000")
        _, health = await ask(owner, "GET", "/upkeep/health")
        _, status_now = await ask(owner, "GET", "/status")
        async with owner.get("/metrics") as response:
            assert response.status == 200
            metrics = await response.text()

    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert {item["name"] for item in made["items"]} == {name.partition("/")[2] for name in texts}
    for name, text in (*texts.items(), ("the log", json.dumps(logs))):
        for secret in (*PLANTED, house.token):
            assert secret not in text, f"{secret} in {name}"
            assert json.dumps(secret)[1:-1] not in text, f"{secret} in {name}"

    read = {name.partition("/")[2]: json.loads(text) for name, text in texts.items()}
    assert {item["event"] for item in read["logs.json"]["items"]} >= {"wifi.odd", "dvr.odd"}
    assert any("mac-" in item["text"] for item in read["logs.json"]["items"])
    assert read["settings.json"]["wifi"]["driver"] == "simulated"
    assert read["info.json"]["started"]
    assert any(network["id"] == "things" for network in read["networks.json"]["items"])
    assert {each["name"] for each in health["processes"]} == {"gatewayd", "recorder"}
    assert status_now["health"]["sentence"]
    assert 'gatewayd_process_up{process="recorder"} 1\n' in metrics
    assert 'gatewayd_part_state{part="wifi",state="ok"} ' in metrics
    assert 'gatewayd_recordings{state="recording"} 1\n' in metrics
