"""The whole daemon on real hostapd, a real station in a namespace of its own, a radio that listens."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gatewayd.system.children import peer_pid
from tests.lab.radio import Radio, Station
from tests.support.daemon import Daemon, running, until

CONFIG = """
[api]
advertise = false
[wifi]
driver = "hostapd"
interfaces = ["{sends}"]
scan_interface = "{listens}"
run_dir = "{folder}/ctl"
channel = 6
max_changes_per_minute = 60
[dvr]
folder = "media"
testcard = false
"""
ENDED = ("applied", "rolled_back")


@asynccontextmanager
async def box(
    lab_radios: list[Radio], *, scans: bool = True, log: Path | None = None
) -> AsyncIterator[tuple[Daemon, Station]]:
    """A daemon on the first radio that listens with the second (if it `scans`), and a phone on the third.

    With `log` it tells everything that it can, into that file.
    """
    sends, listens, carried = lab_radios[:3]
    with tempfile.TemporaryDirectory(prefix="gwt-") as folder, Station("phone", carried) as phone:
        (Path(folder) / "ctl").mkdir()
        config = CONFIG.format(sends=sends.interface, listens=listens.interface, folder=folder)
        if not scans:
            config = config.replace("scan_interface", "# scan_interface")
        async with running(Path(folder), config, demo=False, log=log) as daemon:
            await until(lambda: asyncio.to_thread(peer_pid, daemon.folder / "run" / "netd.sock"), 90)
            try:
                yield daemon, phone
            finally:
                for pid in hostapds(daemon):
                    os.kill(pid, signal.SIGTERM)


def hostapds(daemon: Daemon) -> list[int]:
    """Every hostapd that runs a configuration of this daemon's."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"hostapd") and any(str(daemon.folder).encode() in word for word in words[1:]):
            found.append(int(path.parent.name))
    return found


async def change(daemon: Daemon, **fields: Any) -> str:
    status, answer = await daemon.call("PATCH", "/wifi/networks/home", fields)
    assert status == 202, answer
    return str(answer["change"]["id"])


async def state_of(daemon: Daemon, identifier: str, *states: str) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        found: dict[str, Any] = await daemon.get(f"/wifi/changes/{identifier}")
        return found if found["state"] in states else None

    return await until(look, 90)


async def gets_in(phone: Station, ssid: str, passphrase: str, patience: float = 30.0) -> bool:
    await asyncio.to_thread(lambda: phone.set_network(ssid, psk=passphrase))
    try:
        await asyncio.to_thread(phone.wait_connected, patience)
    except TimeoutError:
        return False
    return True


@pytest.mark.radio
@pytest.mark.timeout(400)
async def test_a_change_through_the_api_reaches_the_phone_and_survives_the_daemon(
    lab_radios: list[Radio],
) -> None:
    async with box(lab_radios) as (daemon, phone):
        first = await change(daemon, ssid="Erste", passphrase="one good passphrase")
        done = await state_of(daemon, first, *ENDED)
        assert (done["state"], done["reason"]) == ("applied", None)
        assert await gets_in(phone, "Erste", "one good passphrase")
        stations = (await daemon.get("/wifi/stations"))["items"]
        assert [station["network"] for station in stations] == ["home"]

        # The daemon dies and comes back: hostapd and the phone do not notice.
        (hostapd,) = hostapds(daemon)
        await daemon.kill()
        assert hostapds(daemon) == [hostapd]
        assert await asyncio.to_thread(phone.connected)
        await daemon.start()
        assert hostapds(daemon) == [hostapd]
        assert await asyncio.to_thread(phone.connected)

        second = await change(daemon, ssid="Zweite", passphrase="another passphrase")
        assert (await state_of(daemon, second, *ENDED))["state"] == "applied"
        assert await gets_in(phone, "Zweite", "another passphrase")
        assert not await gets_in(phone, "Zweite", "one good passphrase", patience=8)


@pytest.mark.radio
@pytest.mark.timeout(400)
async def test_a_daemon_killed_in_mid_change_comes_back_on_the_old_network(lab_radios: list[Radio]) -> None:
    async with box(lab_radios) as (daemon, phone):
        good = await change(daemon, ssid="Good", passphrase="one good passphrase")
        assert (await state_of(daemon, good, *ENDED))["state"] == "applied"
        # Nobody will confirm this one: it is on the air and waits when the daemon is killed.
        open_one = await change(daemon, ssid="Never", passphrase="nobody knows it", confirm="client")
        await state_of(daemon, open_one, "applying", "proving")
        await daemon.kill()
        await daemon.start()
        ended = await state_of(daemon, open_one, *ENDED)
        assert ended["state"] == "rolled_back"
        assert await gets_in(phone, "Good", "one good passphrase")
        assert len(hostapds(daemon)) == 1
