"""Reaching the box: over TLS with a pinned key, and not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import Gatewayctl
from tests.support.box import FakeBox


async def test_a_box_is_reached_by_its_fingerprint_and_a_token(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    opened = await box.access.open_at_start()
    assert opened is not None
    at = ("--url", box.url, "--fingerprint", box.pin)
    refused = await gatewayctl(*at, "status")
    assert (refused.exit_code, refused.stderr.splitlines()[0]) == (1, "Sign in first: this needs a token.")
    granted = await gatewayctl(*at, "--json", "call", "access.claim.finish", f'{{"code": "{opened.code}"}}')
    assert granted.exit_code == 0
    token = granted.stdout.split('"token":"')[1].split('"')[0]
    assert (await gatewayctl(*at, "--token", token, "status")).exit_code == 0
    assert (await gatewayctl(*at, "--token", token[:-1], "status")).exit_code == 1
    followed = await gatewayctl(*at, "--token", token, "call", "diagnostics.run")  # over a WebSocket too
    assert '"DNS_TIMEOUT"' in followed.stdout


async def test_another_key_is_another_box(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    wrong = await gatewayctl("--url", box.url, "--fingerprint", "ab" * 32, "--token", "secret", "info")
    assert wrong.exit_code == 3
    assert wrong.stdout == ""
    assert "is not the box you mean" in wrong.stderr


async def test_an_unknown_certificate_is_not_silently_accepted(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    unknown = await gatewayctl("--url", box.url, "info")
    assert unknown.exit_code == 3
    assert unknown.stdout == ""
    assert "--fingerprint" in unknown.stderr
    assert box.pin[:4] in unknown.stderr
    assert (await gatewayctl("--url", box.url, "--insecure", "info")).exit_code == 0


async def test_nobody_there(gatewayctl: Gatewayctl, tmp_path: Path) -> None:
    absent = await gatewayctl("--socket", str(tmp_path / "no.sock"), "status")
    assert absent.exit_code == 3
    assert "Is it running?" in absent.stderr
    refused = await gatewayctl("--url", "https://127.0.0.1:1", "--insecure", "status")
    assert refused.exit_code == 3
    assert refused.stderr == "Nobody answers at https://127.0.0.1:1: Connection refused.\n"
    assert (await gatewayctl("--socket", str(tmp_path / "no.sock"), "watch")).exit_code == 3


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from gatewayd.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'aiohttp', 'rich', 'asyncio', 'segno', 'cryptography', 'msgspec'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "Exit status: 0 done" in done.stdout
