"""Every driver that needs no radio does what `conformance` asks; test_radio_conformance asks the real one."""

from __future__ import annotations

import pytest

from tests.wifi import conformance
from tests.wifi.airs import fake_air, simulated_air


@pytest.mark.parametrize("case", conformance.ALL, ids=lambda case: case.__name__)
async def test_simulated(case: conformance.Case) -> None:
    async with simulated_air() as air:
        await case(air)


@pytest.mark.parametrize("case", conformance.ALL, ids=lambda case: case.__name__)
async def test_hostapd_driver_on_the_fake(case: conformance.Case) -> None:
    async with fake_air() as air:
        await case(air)
