"""The API against its own OpenAPI document, by schemathesis: no 5xx, no drift, no way around the token.

The program itself runs, as its users run it; what it finds stands in its report, which the failure shows.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.daemon import Daemon, running

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.acceptance]

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "token_needed",
    "unsupported_method",
)
EXCLUDED = {
    "upkeep.restart": "ends the daemon that is tested",
    "access.logout": "ends the session that tests",
    "access.sessions.revoke": "may end the session that tests",
    "privacy.delete": "ends all accounts, and with them the session that tests",
}


async def schemathesis(daemon: Daemon, token: str | None, *options: str) -> str:
    """Runs it against the daemon; its report. AssertionError with the report when it found something."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run"),
        f"https://localhost:{daemon.port}/v1/openapi.json",
        *("--tls-verify=false", "--no-color", "--request-timeout=20"),
        f"--checks={','.join(CHECKS)}",
        *(f"--exclude-operation-id={name}" for name in EXCLUDED),
        "--exclude-path=/v1/events",  # a WebSocket
        *([] if token is None else [f"--header=Authorization: Bearer {token}"]),
        *options,
        cwd=daemon.folder,
        env=os.environ | {"SCHEMATHESIS_HOOKS": "tests.support.schema_checks", "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    report = (await process.communicate())[0].decode()
    assert process.returncode == 0, report
    return report


async def last_act(daemon: Daemon) -> str:
    rows: list[dict[str, str]] = (await daemon.get("/activity?limit=1"))["items"]
    return rows[0]["id"] if rows else ""


async def owner_token(daemon: Daemon) -> str:
    code = (await daemon.post("/access/pairing/open"))["code"]
    return str((await daemon.post("/access/claim/finish", {"code": code}))["token"])


async def both(*options: str) -> None:
    """With no token, which changes nothing; then with an owner's."""
    with tempfile.TemporaryDirectory(prefix="gwt-") as folder:
        async with running(Path(folder)) as daemon:
            token = await owner_token(daemon)
            before = await last_act(daemon)
            await schemathesis(daemon, None, *options)
            assert await last_act(daemon) == before, "a stranger has changed something"
            report = await schemathesis(daemon, token, *options)
            print(report[-400:])
            assert "Tested:" in report


@pytest.mark.timeout(240)
async def test_a_few_examples_of_each_operation() -> None:
    await both("--phases=fuzzing,stateful", "--max-examples=1", "--max-time=20", "--generation-deterministic")


@pytest.mark.long
@pytest.mark.timeout(7200)
async def test_many_examples_of_each_operation() -> None:
    await both(
        "--phases=examples,coverage,fuzzing,stateful", "--max-examples=60", "--generation-database=none"
    )
