"""The hostapd driver on a real radio does what every driver must."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.wifi import conformance
from tests.wifi.radio_air import People, household, shared_air

pytestmark = [pytest.mark.radio, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def people() -> Iterator[People]:
    with household() as found:
        yield found


@pytest.mark.parametrize("case", conformance.ALL, ids=lambda case: case.__name__)
async def test_hostapd_driver_on_a_radio(case: conformance.Case, people: People) -> None:
    async with shared_air(people) as air:
        await case(air)


async def test_a_second_radio_hears_what_is_claimed(people: People) -> None:
    async with shared_air(people, scan=True) as air:
        await conformance.ssid_changes(air)
        await conformance.wrong_proof_is_refused(air)
