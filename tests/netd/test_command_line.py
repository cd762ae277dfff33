"""netd's command line: who is heard."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from gatewayd.errors import GatewayError
from gatewayd.netd import NetdClient
from gatewayd.netd.__main__ import arguments
from tests.support.netd import netd_process


def test_uids_and_users_add_up() -> None:
    name = pwd.getpwuid(0).pw_name
    options = arguments(
        ["--socket", "/x", "--allow-uid", "1000", "--allow-user", name, "--interfaces", "wan0"]
    )
    assert (options.allow_uid, options.interfaces) == ([1000, 0], ["wan0"])


@pytest.mark.parametrize(
    "wrong",
    [
        ["--allow-user", "nobody-of-that-name"],
        ["--allow-uid", "x"],
        ["--interfaces", "a b"],
    ],
)
def test_mistakes_are_usage_errors(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        arguments(["--socket", "/x", *wrong])
    assert ended.value.code == 2
    assert wrong[0] in capsys.readouterr().err


async def test_a_stranger_is_not_heard(tmp_path: Path) -> None:
    path = tmp_path / "netd.sock"
    with netd_process(path, "--allow-uid", str(os.getuid() + 1)):
        client = NetdClient(path)
        with pytest.raises(GatewayError, match=r"helper\.unavailable"):
            await client.conntrack_flush([])
        await client.close()


async def test_our_own_uid_is_heard_by_default(tmp_path: Path) -> None:
    path = tmp_path / "netd.sock"
    with netd_process(path):
        client = NetdClient(path)
        assert await client.conntrack_flush([]) == 0
        await client.close()
