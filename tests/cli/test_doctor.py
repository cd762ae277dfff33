"""`gatewayctl doctor`: machines with and without what a box needs, as folders that look like them."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from gatewayd.cli.doctoring import Box, Finding, examine
from tests.cli.conftest import Gatewayctl
from tests.support.box import FakeBox

USERS = "root:x:0:0::/root:/bin/sh\n" + "".join(
    f"gatewayd{more}:x:99{at}:99{at}::/:/bin/false\n" for at, more in enumerate(("", "-netd", "-media"))
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine on which everything is right."""
    root = tmp_path / "root"
    for path, text in {
        "etc/passwd": USERS,
        "etc/group": "gatewayd-admin:x:990:anna,ben\n",
        "etc/gatewayd/gatewayd.toml": "[network]\nmode = 'router'\n",
        "proc/sys/net/ipv4/ping_group_range": "0\t2147483647\n",
        "proc/sys/net/core/rmem_max": "8388608\n",
        "usr/sbin/hostapd": "",
        "usr/sbin/nft": "",
        "usr/sbin/dnsmasq": "",
        "sys/class/ieee80211/phy0/name": "phy0",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    for path, mode in (("var/lib/gatewayd", 0o700), ("var/lib/gatewayd-media", 0o2750)):
        (root / path).mkdir(parents=True)
        (root / path).chmod(mode)
    return root


def found(root: Path, api: Path | None = None, printed: str = "hostapd v2.10\n") -> dict[str, Finding]:
    box = Box(root, lambda program, option: printed)
    return {each.name: each for each in examine(box, api or root / "none.sock")}


def test_a_machine_on_which_everything_is_right(root: Path) -> None:
    api = root / "api.sock"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(api))
        sock.listen()
        told = found(root, api)
    marks = {name: each.mark for name, each in told.items() if name not in ("time", "state", "recordings")}
    assert set(marks.values()) == {"ok"}, told
    assert "anna,ben" in told["group"].sentence
    assert "phy0" in told["radio"].sentence


@pytest.mark.parametrize(
    ("path", "text", "name", "mark", "words"),
    [
        ("etc/gatewayd/gatewayd.toml", "[network]\nmode = 'rooter'\n", "settings", "wrong", "line 2"),
        ("etc/passwd", "root:x:0:0::/:/bin/sh\n", "users", "advice", "gatewayd-netd"),
        ("etc/group", "wheel:x:1:\n", "group", "advice", "only root"),
        ("proc/sys/net/ipv4/ping_group_range", "1\t0\n", "ping", "wrong", "sysctl"),
        ("proc/sys/net/core/rmem_max", "212992\n", "multicast", "advice", "8388608"),
        ("usr/sbin/hostapd", None, "hostapd", "advice", "apt install hostapd"),
        ("usr/sbin/nft", None, "nft", "wrong", "apt install nftables"),
    ],
)
def test_what_is_missing_is_said(
    root: Path, path: str, text: str | None, name: str, mark: str, words: str
) -> None:
    if text is None:
        (root / path).unlink()
    else:
        (root / path).write_text(text)
    told = found(root)[name]
    assert (told.mark, words in told.sentence) == (mark, True), told


def test_folders_and_versions(root: Path) -> None:
    (root / "var/lib/gatewayd").chmod(0o755)
    assert "chmod 700" in found(root)["state"].sentence
    assert found(root, printed="hostapd v2.9\n")["hostapd"].mark == "wrong"
    assert found(root, printed="hostapd v2.11-devel\n")["hostapd"].mark == "ok"
    assert found(root, printed="?")["hostapd"].mark == "advice"
    assert found(root)["daemon"].mark == "wrong"
    (root / "etc/gatewayd/gatewayd.toml").write_text("[wifi]\ndriver = 'simulated'\n")
    told = found(root)
    assert told["radio"].mark == "skipped"
    assert "hostapd" not in told


async def test_the_command(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    told = await gatewayctl("doctor")
    assert told.exit_code in (0, 1)  # it depends on this machine
    lines = told.stdout.splitlines()
    assert any(line.startswith("ok       daemon") for line in lines), told.stdout
    items = json.loads((await gatewayctl("--json", "doctor")).stdout)["items"]
    assert [item["name"] for item in items] == [line.split()[1] for line in lines]
