"""A canary in every password: the whole daemon on real hostapd, and then a search of all that it left."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from gatewayd.system import core_dumps
from gatewayd.system.secret import Secret
from gatewayd.wifi.keys import pmk
from tests.acceptance.test_radio import ENDED, box, change, gets_in, hostapds, state_of
from tests.lab.radio import Radio
from tests.support.daemon import Daemon
from tests.wifi import canaries

pytestmark = [pytest.mark.radio, pytest.mark.timeout(400)]
NETWORK = "/wifi/networks/home"
FIRST, AGAIN, SAE, DEVICE, GUEST, NEVER = (
    f"canary {kind} 7Qx" for kind in ("first", "again", "for-sae", "device", "guest", "never-kept")
)
WRONG, LONG = "canary that no network has", "canary too long " * 5
PLACES = (
    *("/wifi/networks", NETWORK, "/wifi/changes", "/wifi/stations", f"{NETWORK}/keys", f"{NETWORK}/rotation"),
    *("/wifi/radios", "/activity", "/jobs", "/status", "/info", "/openapi.json", "/household"),
)


async def test_no_secret_is_in_anything_that_the_run_produced(
    lab_radios: list[Radio], tmp_path: Path
) -> None:
    log = tmp_path / "daemon.log"
    heard: list[str] = []
    with canaries.Watch() as watch:
        async with box(lab_radios, scans=False, log=log) as (daemon, phone):
            listening = asyncio.create_task(_listen(daemon, heard))
            own = await daemon.post(f"{NETWORK}/reveal")
            secrets = {str(own["passphrase"]), FIRST, AGAIN, SAE, DEVICE, GUEST, NEVER, WRONG, LONG}
            ssid = str(own["ssid"])
            secrets |= {pmk(Secret(words), ssid.encode()) for words in (FIRST, AGAIN, DEVICE)}
            secrets |= await _live(daemon, ssid)
            assert await gets_in(phone, ssid, AGAIN)
            await asyncio.to_thread(lambda: phone.set_network(ssid, psk=WRONG))
            async with asyncio.timeout(30):
                while not any("wifi.wrong_password" in text for text in heard):
                    await asyncio.sleep(0.1)
            answers = [str(await daemon.get(place)) for place in PLACES]
            for pid in (daemon.pid, *hostapds(daemon)):
                assert await asyncio.to_thread(core_dumps.are_forbidden, pid), pid
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            places = await asyncio.to_thread(_everything, daemon.folder)
    places["log"] = log.read_bytes()
    places |= {f"answer {place}": text.encode() for place, text in zip(PLACES, answers, strict=True)}
    places |= {f"event {number}": text.encode() for number, text in enumerate(heard)}
    places["command lines"] = b"\n".join(watch.seen)
    assert b"wifi.change_applied" in places["log"], "it did not log"
    assert any(b"hostapd" in line for line in watch.seen), "no command line was seen"
    assert {
        place: found for place, text in places.items() if (found := canaries.found_in(text, secrets))
    } == {}


async def _live(daemon: Daemon, ssid: str) -> set[str]:
    """Everything that takes a password or gives one; the random ones."""
    applied = ("applied",)
    status, begun = await daemon.call("PATCH", NETWORK, {"passphrase": FIRST}, Idempotency_Key="canary-2")
    await state_of(daemon, begun["change"]["id"], *applied)
    await state_of(daemon, await change(daemon, passphrase=SAE, security="wpa2-wpa3"), *applied)
    await state_of(daemon, await change(daemon, passphrase=AGAIN, security="wpa2"), *applied)
    waiting = await change(daemon, passphrase=NEVER, confirm="client")
    await state_of(daemon, waiting, "proving")
    await daemon.post(f"/wifi/changes/{waiting}/revert")
    await state_of(daemon, waiting, *ENDED)
    for wrong in ({"passphrase": LONG}, {"passphrase": [SAE]}, {"passphrase": SAE, "colour": "red"}):
        status, _ = await daemon.call("PATCH", NETWORK, wrong, Idempotency_Key="canary")
        assert status == 422
    key = await daemon.post(f"{NETWORK}/keys", {"label": "Tablet", "passphrase": DEVICE})
    await state_of(daemon, key["change"]["id"], *applied)
    _, revoked = await daemon.call("DELETE", f"{NETWORK}/keys/tablet")
    await state_of(daemon, revoked["change"]["id"], *applied)
    made = await daemon.post("/wifi/networks", {"role": "guest", "passphrase": GUEST})
    await state_of(daemon, made["change"]["id"], *applied)
    await daemon.get("/wifi/networks/guest/qr?format=text")
    suggested = await daemon.get("/wifi/passphrase")
    begun = await daemon.post(f"{NETWORK}/rotation")
    await state_of(daemon, begun["change"]["id"], *applied)
    rotated = str((await daemon.post(f"{NETWORK}/reveal"))["passphrase"])
    return {str(suggested["passphrase"]), rotated, pmk(Secret(rotated), ssid.encode())}


async def _listen(daemon: Daemon, heard: list[str]) -> None:
    connector = aiohttp.UnixConnector(path=str(daemon.api))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.ws_connect("http://box/v1/events") as socket,
    ):
        async for message in socket:
            heard.append(str(message.data))


def _everything(folder: Path) -> dict[str, bytes]:
    """What the run left behind, but where passwords belong; and that is closed to others."""
    kept = canaries.safes(folder)
    assert {name for name in kept if name.endswith(".psk")}, kept
    assert set(kept.values()) == {0o600}, kept
    places = dict(canaries.open_files(folder))
    for table, text in canaries.rows(folder / "state.db", but=("wifi_revisions",)):
        places[f"table {table}"] = text
    assert any(AGAIN.encode() in text for _, text in canaries.rows(folder / "state.db", but=())), "not found"
    return places
