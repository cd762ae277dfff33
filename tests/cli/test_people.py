"""People, tools, and this machine as a member of a box elsewhere."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from gatewayd.cli.member import file_of
from tests.cli.conftest import Gatewayctl
from tests.support.box import FakeBox


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config"


def row(text: str, word: str) -> list[str]:
    """The cells of the row that holds a word."""
    return next(line for line in text.splitlines() if word in line).split()


async def test_people_come_and_go(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    assert "Nobody owns the box yet." in (await gatewayctl("accounts")).stdout
    added = await gatewayctl("accounts", "add", "Bea", "--role", "owner")
    assert added.exit_code == 0
    assert "Invitation" in added.stdout
    listed = (await gatewayctl("accounts")).stdout
    account = row(listed, "Bea")[-1]
    changed = await gatewayctl("accounts", "change", account, "--name", "Beatrice")
    assert changed.stdout == "Beatrice is owner.\n"
    assert "Invitation" in (await gatewayctl("accounts", "invite", account)).stdout
    assert (await gatewayctl("accounts", "forget-second-factor", account)).stdout == "It is off.\n"
    kept = await gatewayctl("accounts", "remove", account)
    assert (kept.exit_code, kept.stderr.splitlines()[0]) == (
        1,
        "This is the only owner. Make somebody else an owner first.",
    )
    await gatewayctl("accounts", "add", "Cy")
    account = row((await gatewayctl("accounts")).stdout, "Cy")[-1]
    assert (await gatewayctl("accounts", "remove", account)).stdout == "It is gone.\n"


async def test_a_tool_gets_a_token(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    assert "No tool has a token." in (await gatewayctl("tokens")).stdout
    made = await gatewayctl("tokens", "create", "Meter", "--may", "box:read", "--days", "7")
    token = made.stdout.strip()
    at = ("--url", box.url, "--fingerprint", box.pin, "--token", token)
    assert (await gatewayctl(*at, "info")).exit_code == 0
    refused = await gatewayctl(*at, "accounts")
    assert "needs the permission access:manage" in refused.stderr
    cells = row((await gatewayctl("tokens")).stdout, "Meter")
    assert cells[:2] == ["Meter", "box:read"]
    assert (await gatewayctl("tokens", "revoke", cells[-1])).stdout == "It has ended.\n"
    assert (await gatewayctl(*at, "status")).exit_code == 1


async def test_a_machine_joins_and_leaves(box: FakeBox, gatewayctl: Gatewayctl, configuration: Path) -> None:
    opened = await box.access.open_at_start()
    assert opened is not None
    at = ("--url", box.url)
    joined = await gatewayctl(*at, "join", "--label", "Laptop", typed=f"{opened.code}\n")
    assert joined.stdout == f"This machine belongs to {box.access.box_id} now.\n"
    file = file_of(box.url, {"XDG_CONFIG_HOME": str(configuration)})
    assert stat.S_IMODE((await asyncio.to_thread(file.stat)).st_mode) == 0o600
    assert "Laptop (this one)" in (await gatewayctl(*at, "sessions")).stdout
    followed = await gatewayctl(*at, "call", "diagnostics.run")  # over a WebSocket too
    assert '"DNS_TIMEOUT"' in followed.stdout
    refused = await gatewayctl(*at, "sessions", "revoke", "none")
    assert (refused.exit_code, "There is no such session." in refused.stderr) == (1, True)
    assert (await gatewayctl(*at, "leave")).stdout == "Signed out.\n"
    assert not await asyncio.to_thread(file.exists)
    assert await box.access.sessions() == []
    assert (await gatewayctl(*at, "leave")).exit_code == 2


async def test_a_wrong_code_joins_nothing(box: FakeBox, gatewayctl: Gatewayctl, configuration: Path) -> None:
    opened = await box.access.open_at_start()
    assert opened is not None
    wrong = f"{(int(opened.code) + 1) % 10**8:08d}"
    refused = await gatewayctl("--url", box.url, "join", wrong)
    assert refused.exit_code == 1
    assert "belongs to" not in refused.stdout
    assert "That is not the code." in refused.stderr
    assert not await asyncio.to_thread(configuration.exists)
    assert (await gatewayctl("join", wrong)).exit_code == 2
    absent = await gatewayctl("--url", "https://127.0.0.1:1", "join", wrong)
    assert absent.exit_code == 3
