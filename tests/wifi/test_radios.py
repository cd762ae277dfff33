"""Setting a radio: what is refused, what it does, how it ends; on a simulated radio and an injected clock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from gatewayd.errors import GatewayError, InvalidField
from gatewayd.system.nl80211 import PhyChannel, PhyFacts
from gatewayd.wifi.driver import NotOnAir
from gatewayd.wifi.model import Band, RadioTuning
from gatewayd.wifi.tunings import check_tuning
from tests.wifi.airs import DEVICE
from tests.wifi.box import Box, open_box
from tests.wifi.house import FIRST_SSID


async def _radio(box: Box, radio: str = "radio0") -> dict[str, Any]:
    told = (await box.house.call("wifi.radios.list"))["items"]
    return next(one for one in told if one["id"] == radio)


async def _update(box: Box, **fields: Any) -> dict[str, Any]:
    change: dict[str, Any] = (await box.house.call("wifi.radios.update", **fields))["change"]
    return change


async def test_a_channel_moves_with_its_devices_and_a_width_drops_them(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        assert box.radio.join(DEVICE, FIRST_SSID, await box.house.passphrase())
        change = await _update(box, radio="radio0", channel=11)
        assert (change["network"], change["radio"], change["state"]) == ("", "radio0", "pending")
        assert (change["impact"]["step"], change["impact"]["stations_dropped"]) == ("csa", 0)
        await box.applied(change["id"])
        assert (await _radio(box))["channel"] == 11
        assert await box.house.call("wifi.stations.list") != {"items": []}

        change = await _update(box, radio="radio0", width=40)
        assert (change["impact"]["step"], change["impact"]["stations_dropped"]) == ("restart", 1)
        await box.applied(change["id"])
        told = await _radio(box)
        assert (told["channel"], told["width"]) == (11, 40)
    async with open_box(tmp_path) as box:
        told = await _radio(box)
        assert (told["channel"], told["width"]) == (11, 40), "it was not remembered"


async def test_a_radio_that_does_not_send_afterwards_is_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_box(tmp_path) as box:
        prove = box.radio.prove

        async def only_on_6(network: Any) -> Any:
            if (await box.radio.radios())[0].channel != 6:
                raise NotOnAir("Nothing is heard.")
            return await prove(network)

        monkeypatch.setattr(box.radio, "prove", only_on_6)
        change = await _update(box, radio="radio0", channel=11)
        ended = await box.wait(change["id"], "rolled_back", "applied", seconds=60)
        assert (ended["state"], "Nothing is heard." in ended["reason"]) == ("rolled_back", True)
        assert (await _radio(box))["channel"] == 6


async def test_it_waits_for_its_requester_and_nothing_else_is_set_meanwhile(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        change = await _update(box, radio="radio0", channel=1, confirm="client", deadline_seconds=30)
        while (await box.wait(change["id"], "proving"))["proof"] == "none":
            await box.clock.advance(0.1)
        with pytest.raises(GatewayError, match=r"wifi\.change_open"):
            await _update(box, radio="radio0", channel=11)
        ended = await box.wait(change["id"], "rolled_back", seconds=40)
        assert ended["reason"] == "Nobody confirmed it within 30 s."
        assert (await _radio(box))["channel"] == 6


async def test_what_is_so_already_is_no_change(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        change = await _update(box, radio="radio0", channel=6)
        assert (change["state"], change["impact"]["step"], change["outage_ms"]) == ("applied", "none", 0)


async def test_a_preview_warns_of_radar(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        preview = await box.house.call("wifi.radios.preview", radio="radio1", channel=52, country="DE")
        assert "radar" in preview["risks"][0]
        assert (await _radio(box, "radio1"))["channel"] == 36
        harmless = await box.house.call("wifi.radios.preview", radio="radio1", channel=40, country="DE")
        assert not harmless["risks"]


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"radio": "radio7", "channel": 1}, "wifi.radio_not_found", "radio"),
        ({"radio": "radio0", "channel": 15}, "request.invalid_field", "channel"),
        ({"radio": "radio0", "width": 80}, "request.invalid_field", "width"),
        ({"radio": "radio0", "width": 30}, "request.invalid_field", "width"),
        ({"radio": "radio0", "band": "6", "country": "DE"}, "request.invalid_field", "band"),
        ({"radio": "radio0", "band": "5"}, "request.invalid_field", "country"),
        ({"radio": "radio1", "country": "de"}, "request.invalid_field", "country"),
        ({"radio": "radio0", "confirm": "client", "deadline_seconds": 5}, None, "deadline_seconds"),
    ],
)
async def test_what_cannot_be_is_refused_by_name(
    tmp_path: Path, fields: dict[str, Any], code: str | None, field: str
) -> None:
    async with open_box(tmp_path) as box:
        before = await box.house.call("wifi.radios.list")
        with pytest.raises(GatewayError) as refused:
            await _update(box, **fields)
        assert refused.value.field == field
        assert code in (None, refused.value.code)
        assert await box.house.call("wifi.radios.list") == before


async def test_the_last_radio_of_a_network_keeps_its_band(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        await box.applied(await box.house.update(bands=["2.4"]))
        with pytest.raises(GatewayError, match="No radio would be left for the network 'home'"):
            await _update(box, radio="radio0", band="5", country="DE")


async def test_a_device_that_never_left_does_not_count_as_joined(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        words = await box.house.passphrase()
        assert box.radio.join(DEVICE, FIRST_SSID, words)
        await box.clock.advance(5)
        change = await box.waiting(hidden=True, confirm="station", deadline_seconds=30)
        await box.clock.advance(5)
        assert (await box.wait(change, "proving"))["proof"] == "on_air"
        box.radio.leave(DEVICE)
        assert box.radio.join(DEVICE, FIRST_SSID, words)
        assert (await box.wait(change, "applied", "rolled_back", seconds=5))["proof"] == "station"


def test_before_the_country_is_known_only_what_the_radio_can_is_looked_at() -> None:
    world = PhyFacts(
        channels=(PhyChannel(band="5", number=36, frequency=5180, passive=True, widths=(20, 40)),),
        most_access_points=1,
        sae=True,
        management_protection=True,
    )
    tuning = RadioTuning(radio="radio0", revision=1, band=Band.GHZ_5, channel=36, width=40, country="DE")
    check_tuning(tuning, world)
    check_tuning(tuning, None)
    wrong: tuple[tuple[dict[str, Any], str], ...] = (
        ({"channel": 40}, "channel"),
        ({"width": 80}, "width"),
        ({"country": None}, "country"),
    )
    for changed, field in wrong:
        with pytest.raises(InvalidField) as refused:
            check_tuning(msgspec.structs.replace(tuning, **changed), world)
        assert refused.value.field == field
