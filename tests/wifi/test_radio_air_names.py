"""On a real radio: names and passwords that others choke on, as they were asked for, to the air and back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from gatewayd.errors import GatewayError
from tests.wifi.house import FIRST_SSID, House, open_house
from tests.wifi.radio_air import People, RadioAir, household, shared_air, taken_from_the_air

pytestmark = [pytest.mark.radio, pytest.mark.timeout(240)]
PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
assert len(PRINTABLE) == 95
TORTURE = (
    # 32 bytes, and between them the two passwords have every character that a password may have
    ("0123456789abcdefghijklmnopqrstuv", PRINTABLE[:63]),
    ("€€€€€€€€€€ß", PRINTABLE[-63:]),
    ("🏠", "8 letter"),
    ('a "quoted" \\name\\', "0123456789abcdef" * 4),
    (" spaces at both ends ", " spaces here too "),
    ('P"\\x41bc\\n"', 'P"12345\\n"'),
    ("ssid=open\\nwpa=0", "wpa=0\\nwpa_key_mgmt=NONE"),
    ("#no comment", "#no comment"),
)
INJECTIONS = ("Home\nwpa=0", "Home\r\nauth_algs=2", "Home\x00", "Home\x1b[2J")


@pytest.fixture(scope="module")
def people() -> Iterator[People]:
    with household() as found:
        yield found


async def test_whatever_is_asked_for_is_on_the_air_and_a_device_joins_by_it(people: People) -> None:
    async with shared_air(people) as air, open_house(air.folder, air.new_driver) as house:
        await house.settled()
        for ssid, passphrase in TORTURE:
            await _asked_for_and_joined(house, air, ssid, passphrase)


async def test_an_sae_password_may_have_every_character_too(people: People) -> None:
    async with shared_air(people) as air, open_house(air.folder, air.new_driver) as house:
        await house.settled()
        await house.wait(await house.update(security="wpa3", passphrase="a first one"))
        for ssid, passphrase in (
            (" 'n' \"m\" ", PRINTABLE[:63]),
            ("\\", PRINTABLE[-63:]),
            ("#", " 8 char "),
        ):
            await _asked_for_and_joined(house, air, ssid, passphrase, only_sae=True)


async def _asked_for_and_joined(
    house: House, air: RadioAir, ssid: str, passphrase: str, *, only_sae: bool = False
) -> None:
    change = await house.update(ssid=ssid, passphrase=passphrase, accept_risk=True)  # some are guessed first
    ended = await house.wait(change)
    assert ended["state"] == "applied", (ssid, ended["reason"])
    revealed = await house.call("wifi.networks.reveal", network="home")
    assert (revealed["ssid"], revealed["passphrase"]) == (ssid, passphrase)
    joined = await asyncio.to_thread(taken_from_the_air, air.phone, ssid, passphrase, sae=only_sae)
    assert joined == ssid.encode(), (ssid, passphrase)


async def test_what_would_be_a_line_of_its_own_is_refused_and_nothing_changes(people: People) -> None:
    async with shared_air(people) as air, open_house(air.folder, air.new_driver) as house:
        await house.settled()
        first = await house.passphrase()
        assert await air.join(FIRST_SSID, first)
        config = air.places.config_file("radio0").read_bytes()
        for injection in INJECTIONS:
            with pytest.raises(GatewayError, match=r"wifi\.invalid_ssid") as refused:
                await house.update(ssid=injection)
            assert refused.value.field == "ssid"
            with pytest.raises(GatewayError, match=r"wifi\.invalid_passphrase") as refused:
                await house.update(passphrase=f"long enough {injection}")
            assert (refused.value.field, injection in refused.value.detail) == ("passphrase", False)
        for size in (7, 65):
            with pytest.raises(GatewayError, match=rf"wifi\.invalid_passphrase.*{size}"):
                await house.update(passphrase="x" * size)
        with pytest.raises(GatewayError, match=r"wifi\.invalid_ssid.*33"):
            await house.update(ssid="€" * 11)
        assert air.places.config_file("radio0").read_bytes() == config
        assert await air.joined()
