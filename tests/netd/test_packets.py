"""Frames built and read by hand: against known bytes, against each other, against noise."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewayd.netd import packets

MAC = bytes.fromhex("020000000001")
PEER = bytes.fromhex("020000000002")
TRANSACTION = 0x12345678
OPTIONS = (
    b"\x35\x01\x02" b"\x36\x04\xc0\x00\x02\x01" b"\x01\x04\xff\xff\xff\x00" b"\x03\x04\xc0\x00\x02\x01"
    b"\x06\x08\xc0\x00\x02\x35\xc0\x00\x02\x36" b"\x33\x04\x00\x00\x0e\x10" b"\xff"
)  # fmt: skip


def offer(
    options: bytes = OPTIONS,
    *,
    mac: bytes = MAC,
    transaction: int = TRANSACTION,
    sname: bytes = b"",
    file: bytes = b"",
) -> bytes:
    """A DHCPOFFER frame of 192.0.2.20 by 192.0.2.1, with an IP header of 24 bytes (one option)."""
    bootp = struct.pack(
        "!BBBBIHH4s4s4s4s16s64s128s", 2, 1, 6, 0, transaction, 0, 0x8000, b"\0" * 4, bytes([192, 0, 2, 20]),
        b"\0" * 4, b"\0" * 4, mac, sname, file,
    )  # fmt: skip
    payload = bootp + b"\x63\x82\x53\x63" + options
    udp = struct.pack("!HHHH", 67, 68, 8 + len(payload), 0) + payload
    ip = struct.pack(
        "!BBHHHBBH4s4s", 0x46, 0, 24 + len(udp), 0, 0, 64, 17, 0, bytes([192, 0, 2, 1]), b"\xff" * 4
    )
    return b"\xff" * 6 + PEER + b"\x08\x00" + ip + b"\x01\x01\x01\x00" + udp


def arp_reply(address: bytes = bytes([192, 0, 2, 1]), mac: bytes = PEER) -> bytes:
    """A reply as a neighbour sends it, padded to the smallest frame."""
    body = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 2, mac, address, MAC, bytes([192, 0, 2, 20]))
    return (MAC + mac + b"\x08\x06" + body).ljust(60, b"\0")


def test_arp_request_is_what_rfc_826_says() -> None:
    assert packets.arp_request(MAC, "192.0.2.20", "192.0.2.1") == bytes.fromhex(
        "ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 c0000214 000000000000 c0000201"
    )


def test_arp_reply_is_read() -> None:
    assert packets.parse_arp(arp_reply()) == ("192.0.2.1", "02:00:00:00:00:02")


@pytest.mark.parametrize(
    "frame",
    [
        arp_reply(address=b"\0\0\0\0"),
        arp_reply(mac=b"\xff" * 6),
        packets.arp_request(MAC, "192.0.2.20", "192.0.2.1"),
        arp_reply()[:41],
        offer(),
    ],
)
def test_not_an_arp_reply(frame: bytes) -> None:
    assert packets.parse_arp(frame) is None


def test_discover_has_right_checksums_and_length() -> None:
    frame = packets.dhcp_discover(MAC, TRANSACTION, 3)
    ip, udp = frame[14:34], frame[34:]
    assert packets.checksum(ip) == 0
    assert struct.unpack("!H", ip[2:4])[0] == len(frame) - 14
    pseudo = ip[12:20] + struct.pack("!BBH", 0, 17, len(udp))
    assert packets.checksum(pseudo + udp) == 0
    assert len(udp) == 8 + 300
    assert udp[8 + 28 : 8 + 34] == MAC


def test_offer_is_read() -> None:
    assert packets.parse_offer(offer(), MAC, TRANSACTION) == packets.Offer(
        server="192.0.2.1",
        address="192.0.2.20",
        prefix=24,
        routers=("192.0.2.1",),
        dns=("192.0.2.53", "192.0.2.54"),
        lease_seconds=3600,
    )


def test_options_that_overflowed_into_other_fields_are_read() -> None:
    frame = offer(
        b"\x34\x01\x03\x35\x01\x02\xff", sname=b"\x03\x04\xc0\x00\x02\x01\xff", file=b"\x33\x04\0\0\0\x3c\xff"
    )
    read = packets.parse_offer(frame, MAC, TRANSACTION)
    assert read is not None
    assert (read.routers, read.lease_seconds, read.server, read.prefix) == (
        ("192.0.2.1",),
        60,
        "0.0.0.0",
        None,
    )


@pytest.mark.parametrize(
    ("told", "read"),
    [
        (b"https://portal.test/api", "https://portal.test/api"),
        (b"http://portal.test/api", None),
        (b"urn:ietf:params:capport:unrestricted", None),  # RFC 8910, 2: there is none
        (b"https://portal.test/\r\nX: y", None),
        (b"https://portal.test/\xff", None),
        (b"https://", None),
        (b"", None),
    ],
)
def test_a_portal_is_named_by_a_plain_address(told: bytes, read: str | None) -> None:
    options = b"\x35\x01\x02\x72" + bytes([len(told)]) + told + b"\xff"
    found = packets.parse_offer(offer(options), MAC, TRANSACTION)
    assert found is not None
    assert found.portal == read


def test_a_mask_with_holes_is_no_prefix() -> None:
    read = packets.parse_offer(offer(b"\x35\x01\x02\x01\x04\xff\x00\xff\x00\xff"), MAC, TRANSACTION)
    assert read is not None
    assert read.prefix is None


@pytest.mark.parametrize(
    "frame",
    [
        offer(mac=PEER),
        offer(transaction=1),
        offer(b"\x35\x01\x05\xff"),  # an ACK
        offer(b"\xff"),
        offer()[:-40],
        packets.dhcp_discover(MAC, TRANSACTION, 0),
        b"",
    ],
)
def test_not_our_offer(frame: bytes) -> None:
    assert packets.parse_offer(frame, MAC, TRANSACTION) is None


@settings(max_examples=500)
@given(st.binary(max_size=600))
def test_noise_is_nothing(frame: bytes) -> None:
    assert packets.parse_offer(frame, MAC, TRANSACTION) is None
    packets.parse_arp(frame)


@settings(max_examples=500)
@given(st.binary(max_size=320))
def test_any_options_are_read_without_harm(options: bytes) -> None:
    read = packets.parse_offer(offer(b"\x35\x01\x02" + options), MAC, TRANSACTION)
    assert read is None or read.address == "192.0.2.20"


@settings(max_examples=500)
@given(st.data())
def test_damaged_frames_never_raise(data: st.DataObject) -> None:
    frame = bytearray(data.draw(st.sampled_from([offer(), arp_reply()])))
    for _ in range(data.draw(st.integers(1, 6))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(frame[: data.draw(st.integers(0, len(frame)))])
    packets.parse_offer(cut, MAC, TRANSACTION)
    packets.parse_arp(cut)
