"""Everything personal is told by the export, and gone from the disk after it was erased: the real daemon."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import sqlite3
import tempfile
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from gatewayd.callers import INTERNAL, anonymous
from tests.acceptance.personal_tables import IMPERSONAL, PERSONAL
from tests.support.daemon import until
from tests.support.house import OpenHouse, open_house

pytestmark = [pytest.mark.acceptance, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

# A word of its own in every kind of personal data; the test looks for each of them in every file.
CANARIES = {
    "session": "Canary-session-4f1d",
    "technician": "Canary-technician-88ab",
    "tool": "Canary-tool-90cd",
    "member": "canary-member-1c2e",
    "key": "Canary-key-77fe",
    "device": "ca:na:ry:de:5c:01",
    "wifi_change": "Canary-change-31be",
    "recording": "Canary-recording-6d0a",
    "diagnosis": "Canary-diagnosis-b5c4",
    "learned": "Canary-learned-1f0c",
    "restart": "Canary-restart-e9f7",
    "alert": "Canary-alert-2a6b",
    "outage": "Canary-outage-d0c3",
    "measurement": "Canary-series-7b1e",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def home() -> AsyncIterator[tuple[OpenHouse, Path]]:
    with tempfile.TemporaryDirectory(prefix="gwt-") as folder:
        async with open_house(Path(folder)) as house:
            yield house, Path(folder)


async def call(house: OpenHouse, name: str, arguments: Any = None, *, stranger: bool = False) -> Any:
    caller = anonymous("internal") if stranger else INTERNAL
    answer = await house.registry.dispatch(name, arguments or {}, caller)
    return msgspec.json.decode(answer.body)


async def job(house: OpenHouse, name: str, arguments: Any = None) -> Any:
    started = (await call(house, name, arguments))["job"]

    async def ended() -> Any:
        found = (await call(house, "jobs.get", {"job": started["id"]}))["job"]
        return found if found["state"] in ("done", "failed") else None

    found = await until(ended, 120)
    assert found["state"] == "done", found
    return found["result"]


def plant(folder: Path) -> None:
    """What only the world could put there: devices, diagnoses, restarts."""
    with sqlite3.connect(folder / "state.db", timeout=20) as state:
        state.execute("PRAGMA foreign_keys=ON")
        state.execute("INSERT INTO wifi_met (network, mac) VALUES ('home', ?)", (CANARIES["device"],))
        state.execute(
            "INSERT INTO wifi_keys (network, id, label, created, revoked) VALUES ('home', 'old', ?, 1, 2)",
            (CANARIES["key"],),
        )
        state.execute(
            "INSERT INTO wifi_changes (id, network, from_revision, to_revision, state, proof, confirm,"
            " deadline_seconds, impact, reason, caller, created, ended)"
            " VALUES ('c', 'home', 1, 2, 'applied', 'none', 'none', 5, '{}', ?, 'x', 1, 2)",
            (CANARIES["wifi_change"],),
        )
        run = json.dumps({"note": CANARIES["diagnosis"]}).encode()
        state.execute("INSERT INTO diagnostics_runs VALUES ('01A', 1e9, 'OK', ?)", (run,))
        learned = json.dumps({"hop": CANARIES["learned"]}).encode()
        state.execute("INSERT INTO diagnostics_learned VALUES (1, ?)", (learned,))
        state.execute(
            "INSERT INTO restarts VALUES ('01A', 'daemon', 'uid:0', ?, 1, 1, 1)", (CANARIES["restart"],)
        )
        state.execute(
            "INSERT INTO alerts (id, time, kind, subject) VALUES ('01A', 1, 'new_session', ?)",
            (CANARIES["alert"],),
        )
        state.execute(
            "INSERT INTO outages_reported (id, sentence, told) VALUES ('01A', ?, 1)", (CANARIES["outage"],)
        )
    state.close()
    with sqlite3.connect(folder / "history.db", timeout=20) as history:
        history.execute("INSERT INTO series (id, name) VALUES (60, ?)", (CANARIES["measurement"],))
        history.execute(
            "INSERT INTO samples VALUES (60, 3600, unixepoch('now') / 3600 * 3600, 1, 1.0, 1.0, 1.0)"
        )
    history.close()


ENOUGH = 300_000
"""Bytes of the test card that surely have a key frame to export from."""


async def live(house: OpenHouse) -> None:
    """What people put there, through the operations."""
    code = (await call(house, "access.pairing.open"))["code"]
    label = {"label": CANARIES["session"]}
    await call(house, "access.claim.finish", {"code": code} | label, stranger=True)
    code = (await call(house, "access.technician.invite", {"label": CANARIES["technician"]}))["code"]
    await call(house, "access.technician.redeem", {"code": code}, stranger=True)
    await call(house, "access.tokens.create", {"name": CANARIES["tool"], "scopes": ["box:read"]})
    await call(house, "access.accounts.create", {"name": CANARIES["member"], "role": "member"})
    item = await call(
        house,
        "dvr.recordings.create",
        {"channel": "testcard", "duration": 600, "title": CANARIES["recording"]},
    )

    async def is_(*states: str) -> bool | None:
        found = await call(house, "dvr.recordings.get", {"recording": item["id"]})
        return True if found["state"] in states and found["bytes"] >= ENOUGH else None

    await until(lambda: is_("recording"), 90)
    await call(house, "dvr.recordings.stop", {"recording": item["id"]})
    await until(lambda: is_("done", "partial"), 60)
    exported = await job(house, "dvr.recordings.export", {"recording": item["id"], "format": "mkv"})
    assert Path(exported["file"]).exists()


def holding(folder: Path, word: str) -> list[str]:
    """Every file under the folder that has the word in it, whatever kind of file it is."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and word.encode() in path.read_bytes():
            found.append(str(path.relative_to(folder)))
    return found


async def test_everything_personal_is_exported_and_then_nowhere(home: tuple[OpenHouse, Path]) -> None:
    house, folder = home
    await live(house)
    await asyncio.to_thread(plant, folder)
    keeper = house.house._keeper
    assert house.house.trades is not None
    database = house.house.trades.access._database
    await keeper.back_up(database, house.house._clock.now())
    for kind, word in CANARIES.items():
        assert await asyncio.to_thread(holding, folder, word), f"{kind} was not planted"

    made = await job(house, "privacy.export")
    parts = [
        base64.b64decode(
            (await call(house, "privacy.exports.get", {"export": made["export"], "part": part}))["content"]
        )
        for part in range(made["parts"])
    ]
    packed = b"".join(parts)
    assert (len(packed), hashlib.sha256(packed).hexdigest()) == (made["bytes"], made["sha256"])
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        told = {name: archive.read(name).decode() for name in archive.namelist()}
    for kind, word in CANARIES.items():
        assert any(word in text for text in told.values()), f"{kind} is not in the export"
    listed = json.loads(told["files.json"])["recordings"]
    assert sum(file["bytes"] for file in listed) > 0

    areas = (await call(house, "privacy.settings.get"))["areas"]
    receipts = await job(house, "privacy.delete", {"areas": areas})
    assert [receipt["area"] for receipt in receipts["areas"]] == [
        *(area for area in areas if area != "accounts"),
        "accounts",
    ]
    counts = {
        (receipt["area"], item["item"]): item["count"]
        for receipt in receipts["areas"]
        for item in receipt["items"]
    }
    assert counts["recordings", "recordings"] == 1
    assert counts["recordings", "files"] == len(listed)
    assert counts["wifi", "devices_met"] >= 1
    assert receipts["backups_replaced"] >= 1
    for kind, word in CANARIES.items():
        assert await asyncio.to_thread(holding, folder, word) == [], f"{kind} is still on the disk"
    async with house.http(house.token) as session, session.get("/v1/status") as response:
        assert response.status == 401  # the accounts are gone, and every session with them
    assert (await call(house, "info.get", stranger=True))["state"] == "unclaimed"
    left = await asyncio.to_thread(lambda: sorted(folder.glob("media/**/*.*")))
    assert [path for path in left if path.suffix in (".ts", ".jpg", ".mkv", ".idx")] == []


async def test_a_new_owner_can_come_after_it(home: tuple[OpenHouse, Path]) -> None:
    house, _ = home
    code = (await call(house, "access.pairing.open"))["code"]
    granted = await call(house, "access.claim.finish", {"code": code}, stranger=True)
    async with house.http(granted["token"]) as session, session.get("/v1/status") as response:
        assert response.status == 200
    house.token = granted["token"]


async def test_every_table_is_personal_or_says_why_not(home: tuple[OpenHouse, Path]) -> None:
    """A table that nobody thought of would be forgotten by the export and by the erasing."""
    _, folder = home
    with sqlite3.connect(folder / "state.db", timeout=20) as state:
        tables = {
            row[0]
            for row in state.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not row[0].startswith("sqlite_")
        }
    state.close()
    assert tables == PERSONAL | IMPERSONAL.keys()
    assert not PERSONAL & IMPERSONAL.keys()
