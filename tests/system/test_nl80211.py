"""What is made of the kernel's description of a radio."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gatewayd.system.genetlink import attribute, u32
from gatewayd.system.nl80211 import PhyChannel, PhyStation, country, facts, phy, station

FLAG = b""


def frequency(megahertz: int, *flags: int, dfs: int | None = None) -> bytes:
    told = u32(1, megahertz) + b"".join(attribute(flag, FLAG) for flag in flags) + u32(6, 2000)
    return told + (b"" if dfs is None else u32(7, dfs))


def band(index: int, *frequencies: bytes) -> bytes:
    listed = b"".join(attribute(number, one) for number, one in enumerate(frequencies))
    return attribute(22, attribute(index, attribute(1, listed)))


def test_a_split_description_is_put_together() -> None:
    limit = u32(1, 8) + attribute(2, attribute(3, FLAG) + attribute(2, FLAG))
    parts = [
        band(0, frequency(2412), frequency(2467, 2)),
        band(1, frequency(5180), frequency(5260, 3, 5), frequency(5500, 5, dfs=1)),
        band(2, frequency(60480)) + attribute(32, attribute(2, FLAG) + attribute(3, FLAG)),
        attribute(120, attribute(1, attribute(1, attribute(1, limit)))),
        u32(143, 1 << 5)
        + attribute(57, (0x000FAC04).to_bytes(4, "little") + (0x000FAC06).to_bytes(4, "little")),
    ]
    found = phy(parts)
    assert found.channels == (
        PhyChannel(band="2.4", number=1, frequency=2412, power_dbm=20.0),
        PhyChannel(band="2.4", number=12, frequency=2467, disabled=True, power_dbm=20.0),
        PhyChannel(band="5", number=36, frequency=5180, power_dbm=20.0),
        PhyChannel(band="5", number=52, frequency=5260, passive=True, radar=True, power_dbm=20.0),
        PhyChannel(band="5", number=100, frequency=5500, radar=True, silenced=True, power_dbm=20.0),
    )
    assert [one.usable for one in found.channels] == [True, False, True, False, False]
    assert (found.most_access_points, found.sae, found.management_protection) == (8, True, True)


def test_widths_are_told_apart_from_the_channels() -> None:
    ht, vht = attribute(4, (1 << 1).to_bytes(2, "little")), attribute(8, bytes(4))
    parts = [
        attribute(22, attribute(0, ht)),
        band(0, frequency(2412), frequency(2484, 9, 10)),
        attribute(22, attribute(1, ht + vht)),
        band(1, frequency(5180), frequency(5865, 11)),
        band(3, frequency(5955)),
    ]
    assert [(one.number, one.widths) for one in phy(parts).channels] == [
        (1, (20, 40)),
        (14, (20,)),
        (36, (20, 40, 80)),
        (173, (20, 40)),
        (1, (20,)),
    ]


def test_the_country_whose_rules_are_in_force() -> None:
    assert country(attribute(33, b"DE\0")) == "DE"
    for name in (b"00\0", b"", b"99\0", b"\xff\xff\0"):
        assert country(attribute(33, name)) is None


@given(st.binary(max_size=60))
def test_no_country_breaks_it(raw: bytes) -> None:
    country(raw)
    country(attribute(33, raw))


def test_a_radio_that_cannot_be_an_access_point() -> None:
    found = phy([attribute(32, attribute(2, FLAG))])
    assert (found.most_access_points, found.sae, found.management_protection) == (0, False, False)


@given(
    st.lists(
        st.binary(max_size=200) | st.binary(max_size=200).map(lambda raw: attribute(22, raw)), max_size=4
    )
)
def test_no_bytes_break_it(parts: list[bytes]) -> None:
    phy(parts)


async def test_what_is_no_radio_has_no_facts() -> None:
    assert await facts("lo") is None
    assert await facts("no-such-thing") is None


def test_a_station() -> None:
    info = u32(1, 1500) + u32(2, 10) + u32(3, 20) + attribute(7, b"\xd3") + u32(16, 99)
    info += attribute(17, b"\x02\0\0\0\x02\0\0\0") + attribute(23, (5_000_000_000).to_bytes(8, "little"))
    found = station(u32(3, 7) + attribute(6, bytes.fromhex("02aa00000001")) + attribute(21 | 0x8000, info))
    assert found == PhyStation(
        mac="02:aa:00:00:00:01",
        authorized=True,
        signal_dbm=-45,
        rx_bytes=5_000_000_000,
        tx_bytes=20,
        connected_seconds=99,
        idle_seconds=1.5,
    )


@given(st.binary(max_size=120))
def test_no_station_breaks_it(raw: bytes) -> None:
    station(raw)
    station(attribute(6, bytes(6)) + attribute(21, raw))
