"""The hostapd driver on a real radio does what every driver must."""

from __future__ import annotations

import pytest

from tests.wifi import conformance
from tests.wifi.radio_air import radio_air

pytestmark = [pytest.mark.radio, pytest.mark.timeout(180)]


@pytest.mark.parametrize("case", conformance.ALL, ids=lambda case: case.__name__)
async def test_hostapd_driver_on_a_radio(case: conformance.Case) -> None:
    async with radio_air() as air:
        await case(air)


async def test_a_second_radio_hears_what_is_claimed() -> None:
    async with radio_air(scan=True) as air:
        await conformance.ssid_changes(air)
        await conformance.wrong_proof_is_refused(air)
