"""What hostapd says of a configuration before it counts: the real program where there is one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from gatewayd.wifi import dry_run as module
from gatewayd.wifi.driver import DriverError, Refused
from gatewayd.wifi.dry_run import dry_run
from gatewayd.wifi.model import Security
from gatewayd.wifi.render import Places, dry_run_configs, render
from tests.support import hostapd
from tests.wifi.settings import RADIO, home

REAL = "/usr/sbin/hostapd"


def _real(_folder: Path) -> str:
    if not Path(REAL).exists():
        pytest.skip("hostapd is not installed: run `make lab` as root")
    return REAL


PROGRAMS = pytest.mark.parametrize("program", [_real, hostapd.program], ids=["real", "fake"])


@PROGRAMS
@pytest.mark.parametrize("security", Security)
async def test_what_we_render_is_taken(
    program: Callable[[Path], str], security: Security, tmp_path: Path
) -> None:
    network = home(security=security)
    if not security.has_passphrase:
        network = msgspec.structs.replace(network, passphrase=None)
    rendered = render(RADIO, (network,), Places(configuration=tmp_path, control=tmp_path))
    for name, keys in rendered.keys.items():
        (tmp_path / f"radio0-{name}.psk").write_text(keys)
    (config,) = dry_run_configs(rendered.config)
    file = tmp_path / "candidate.conf"
    file.write_text(config)
    await dry_run(program(tmp_path), file)


@PROGRAMS
async def test_a_faulty_line_is_named_without_its_value(
    program: Callable[[Path], str], tmp_path: Path
) -> None:
    file = tmp_path / "candidate.conf"
    file.write_text("interface=lo\ndriver=none\nssid2=41\nsword=fish\n")
    with pytest.raises(Refused, match=r"refuses these settings \(at sword\)") as refused:
        await dry_run(program(tmp_path), file)
    assert "fish" not in str(refused.value)


async def test_a_program_that_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.2)
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\nexec sleep 60\n")
    silent.chmod(0o755)
    with pytest.raises(DriverError, match="did not judge"):
        await dry_run(str(silent), silent)


async def test_what_a_killed_daemon_left_is_ended(tmp_path: Path) -> None:
    file = tmp_path / "candidate" / "radio0-0.conf"
    file.parent.mkdir()
    file.write_text("interface=lo\ndriver=none\nssid2=41\n")
    process = await asyncio.create_subprocess_exec(
        hostapd.program(tmp_path), str(file), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert b"AP-ENABLED" in await process.stdout.readline()
    await asyncio.to_thread(module.end_orphans, tmp_path / "other")
    assert process.returncode is None
    await asyncio.to_thread(module.end_orphans, file.parent)
    await process.communicate()
    assert process.returncode == -9
