"""Pictures of each view at 390 and 1280 px, light and dark, of a house that is lived in: build/screenshots.

They are for looking at. What a machine can tell of them is tested: nothing scrolls sideways, not at 360 px
either, and no view says that it has gone wrong.
"""

from __future__ import annotations

import pytest

from tests.page.lived import busy, lived_in
from tests.page.pictures import picture, settled
from tests.page.visit import DESK, PHONE, Visit, visit
from tests.support.daemon import Daemon

pytestmark = [pytest.mark.page, pytest.mark.timeout(300)]
PLACES = {
    "home": "#/home",
    "diagnose": "#/diagnose",
    "speed": "#/diagnose/speed",
    "tools": "#/diagnose/tools",
    "outages": "#/diagnose/outages",
    "report": "#/diagnose/report",
    "wifi": "#/wifi",
    "wifi-network": "#/wifi/network/home",
    "wifi-devices": "#/wifi/devices",
    "wifi-air": "#/wifi/air",
    "wifi-changes": "#/wifi/changes",
    "tv": "#/tv",
    "tv-channels": "#/tv/channels",
    "box": "#/box",
}
OUTSIDE = {"claim": "#/enter/claim", "signin": "#/enter/signin", "visit": "#/enter/technician"}
SMALL = (360, 740)


async def test_each_view_has_its_picture(box: Daemon) -> None:
    await lived_in(box)
    await busy(box)
    for size in (PHONE, DESK):
        for dark in (False, True):
            kind = f"{size[0]}-{'dark' if dark else 'light'}"
            async with visit(box, size=size, dark=dark) as there:
                for name, place in OUTSIDE.items():
                    await _shown(there, place)
                    await picture(there, f"{name}-{kind}")
                await there.own()
                await there.open("#/")
                await there.page.reload()
                for name, place in PLACES.items():
                    await _shown(there, place)
                    await picture(there, f"{name}-{kind}")


async def test_nothing_scrolls_sideways_on_a_small_phone(box: Daemon) -> None:
    await lived_in(box)
    async with visit(box, size=SMALL) as there:
        await there.own()
        wide = []
        for name, place in PLACES.items():
            await _shown(there, place)
            if await there.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wide.append(name)
                await picture(there, f"{name}-wide")
        assert wide == []


async def _shown(there: Visit, place: str) -> None:
    await there.open(place)
    await settled(there)
    troubles = await there.page.get_by_role("alert").all_inner_texts()
    assert troubles == [], (place, troubles)
