"""Frames that netd sends and reads by hand: ARP (RFC 826) and DHCPv4 (RFC 2131, 2132). Pure.

Parsers take whatever came off the wire and return None for what is not meant for us; they never raise.
"""

from __future__ import annotations

import ipaddress
import re
import struct
from typing import Any, NamedTuple

BROADCAST = b"\xff" * 6
ETH_IP, ETH_ARP = 0x0800, 0x0806
_PORTAL = 114  # RFC 8910, 2.1
_ETHERNET = struct.Struct("!6s6sH")
_ARP = struct.Struct("!HHBBH6s4s6s4s")
_ARP_REQUEST, _ARP_REPLY = 1, 2
_IP = struct.Struct("!BBHHHBBH4s4s")
_UDP = struct.Struct("!HHHH")
_BOOTP = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s")
_COOKIE = b"\x63\x82\x53\x63"
_BROADCAST_FLAG = 0x8000
_CLIENT_PORT, _SERVER_PORT = 68, 67
_PROTOCOL_UDP = 17
_DISCOVER, _OFFER, _REQUEST, _NAK = 1, 2, 3, 6
_NOWHERE = b"\0\0\0\0"

# Option numbers of RFC 2132
_PAD, _END = 0, 255
_MASK, _ROUTER, _DNS, _REQUESTED, _LEASE, _OVERLOAD, _TYPE, _SERVER, _WANTED = (
    1,
    3,
    6,
    50,
    51,
    52,
    53,
    54,
    55,
)


class ArpAnswer(NamedTuple):
    """Who says that it has which address."""

    address: str
    mac: str


class Offer(NamedTuple):
    """A DHCPOFFER; `prefix` is the mask's length, None without a (valid) mask. `portal` is the address of a
    captive portal's API (option 114, RFC 8910), None unless it is a plain https address."""

    server: str
    address: str
    prefix: int | None
    routers: tuple[str, ...]
    dns: tuple[str, ...]
    lease_seconds: int | None
    portal: str | None = None


def mac_text(raw: bytes) -> str:
    """Six bytes in the usual form."""
    return raw.hex(":")


def arp_request(source_mac: bytes, source: str, target: str) -> bytes:
    """A broadcast frame asking who has `target`."""
    body = _ARP.pack(
        1,
        ETH_IP,
        6,
        4,
        _ARP_REQUEST,
        source_mac,
        _packed(source),
        b"\0" * 6,
        _packed(target),
    )
    return _ETHERNET.pack(BROADCAST, source_mac, ETH_ARP) + body


def parse_arp(frame: bytes) -> ArpAnswer | None:
    """The sender of an ARP reply, or None. Announcements (a reply to itself) count as replies."""
    if len(frame) < _ETHERNET.size + _ARP.size:
        return None
    kind = _ETHERNET.unpack_from(frame)[2]
    hardware, protocol, hlen, plen, operation, mac, address, _, _ = _ARP.unpack_from(frame, _ETHERNET.size)
    if (kind, hardware, protocol, hlen, plen, operation) != (
        ETH_ARP,
        1,
        ETH_IP,
        6,
        4,
        _ARP_REPLY,
    ):
        return None
    if address == _NOWHERE or mac[0] & 1:
        return None
    return ArpAnswer(str(ipaddress.IPv4Address(address)), mac_text(mac))


def dhcp_discover(mac: bytes, transaction: int, seconds: int) -> bytes:
    """A broadcast DHCPDISCOVER frame that asks for a broadcast answer: we have no address to be sent to."""
    wishes = bytes([_WANTED, 5, _MASK, _ROUTER, _DNS, _LEASE, _PORTAL])
    return _dhcp(mac, transaction, seconds, bytes([_TYPE, 1, _DISCOVER]) + wishes)


def dhcp_claim(mac: bytes, transaction: int, seconds: int) -> bytes:
    """A DHCPREQUEST, as after a restart (RFC 2131, 4.3.2), for an address that is nobody's: to be refused."""
    claimed = bytes([_REQUESTED, 4]) + ipaddress.IPv4Address("192.0.2.1").packed  # RFC 5737
    return _dhcp(mac, transaction, seconds, bytes([_TYPE, 1, _REQUEST]) + claimed)


def _dhcp(mac: bytes, transaction: int, seconds: int, options: bytes) -> bytes:
    bootp = _BOOTP.pack(
        1, 1, 6, 0, transaction, min(seconds, 0xFFFF), _BROADCAST_FLAG,
        _NOWHERE, _NOWHERE, _NOWHERE, _NOWHERE, mac, b"", b"",
    )  # fmt: skip
    payload = (bootp + _COOKIE + options + bytes([_END])).ljust(
        300, b"\0"
    )  # BOOTP relays drop shorter ones (RFC 1542, 2.1)
    length = _UDP.size + len(payload)
    pseudo = _NOWHERE + b"\xff" * 4 + struct.pack("!BBH", 0, _PROTOCOL_UDP, length)
    udp = _UDP.pack(_CLIENT_PORT, _SERVER_PORT, length, 0)
    # A sum of 0 means "none" in UDP; its other form says the same number (RFC 768).
    udp = _UDP.pack(_CLIENT_PORT, _SERVER_PORT, length, checksum(pseudo + udp + payload) or 0xFFFF)
    header = _IP.pack(0x45, 0x10, _IP.size + length, 0, 0, 64, _PROTOCOL_UDP, 0, _NOWHERE, b"\xff" * 4)
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return _ETHERNET.pack(BROADCAST, mac, ETH_IP) + header + udp + payload


def parse_offer(frame: bytes, mac: bytes, transaction: int) -> Offer | None:
    """A DHCPOFFER for this MAC and transaction, or None."""
    answer = _answer(frame, mac, transaction, _OFFER)
    if answer is None:
        return None
    fields, options = answer
    yours = fields[8]
    server = _addresses(options.get(_SERVER, b"")) or (str(ipaddress.IPv4Address(fields[9])),)
    lease = options.get(_LEASE, b"")
    return Offer(
        server=server[0],
        address=str(ipaddress.IPv4Address(yours)),
        prefix=_prefix(options.get(_MASK, b"")),
        routers=_addresses(options.get(_ROUTER, b"")),
        dns=_addresses(options.get(_DNS, b"")),
        lease_seconds=int.from_bytes(lease, "big") if len(lease) == 4 else None,
        portal=_portal(options.get(_PORTAL, b"")),
    )


def _portal(raw: bytes) -> str | None:
    return raw.decode("ascii") if re.fullmatch(rb"https://[!-~]{1,247}", raw) else None


def parse_refusal(frame: bytes, mac: bytes, transaction: int) -> str | None:
    """The address of the server that refuses our claim (DHCPNAK), or None."""
    answer = _answer(frame, mac, transaction, _NAK)
    if answer is None:
        return None
    server = _addresses(answer[1].get(_SERVER, b""))
    return server[0] if server else str(ipaddress.IPv4Address(answer[0][9]))


def _answer(
    frame: bytes, mac: bytes, transaction: int, kind: int
) -> tuple[tuple[Any, ...], dict[int, bytes]] | None:
    """Fixed fields and options of a server's message of this kind to us.

    The UDP checksum is not looked at: on virtual links with checksum offload it is never filled in, and
    the transaction id already says that the answer is ours.
    """
    payload = _udp_payload(frame)
    if payload is None or len(payload) < _BOOTP.size + len(_COOKIE):
        return None
    fields = _BOOTP.unpack_from(payload)
    operation, answered, hardware = fields[0], fields[4], fields[11]
    if operation != 2 or answered != transaction or hardware[:6] != mac:
        return None
    if payload[_BOOTP.size : _BOOTP.size + 4] != _COOKIE:
        return None
    options = _all_options(payload[_BOOTP.size + 4 :], sname=fields[12], file=fields[13])
    return (fields, options) if options.get(_TYPE) == bytes([kind]) else None


def checksum(data: bytes) -> int:
    """The internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _packed(address: str) -> bytes:
    return ipaddress.IPv4Address(address).packed


def _udp_payload(frame: bytes) -> bytes | None:
    """What an unfragmented UDP datagram to the client port carries."""
    start = _ETHERNET.size
    if len(frame) < start + _IP.size or _ETHERNET.unpack_from(frame)[2] != ETH_IP:
        return None
    first, _, total, _, fragment, _, protocol, _, _, _ = _IP.unpack_from(frame, start)
    header = (first & 0x0F) * 4
    if first >> 4 != 4 or header < _IP.size or protocol != _PROTOCOL_UDP or fragment & 0x3FFF:
        return None
    datagram = frame[start + header : start + total]
    if len(datagram) < _UDP.size:
        return None
    source, destination, length, _ = _UDP.unpack_from(datagram)
    if (source, destination) != (
        _SERVER_PORT,
        _CLIENT_PORT,
    ) or not _UDP.size <= length <= len(datagram):
        return None
    return datagram[_UDP.size : length]


def _all_options(raw: bytes, *, sname: bytes, file: bytes) -> dict[int, bytes]:
    """The options, with those that overflowed into `file` and `sname` (option 52, RFC 2132, 9.3)."""
    options = _options(raw, {})
    overload = options.get(_OVERLOAD, b"\0")[:1] or b"\0"
    if overload[0] & 1:
        _options(file, options)
    if overload[0] & 2:
        _options(sname, options)
    return options


def _options(raw: bytes, into: dict[int, bytes]) -> dict[int, bytes]:
    position = 0
    while position < len(raw) and raw[position] != _END:
        code = raw[position]
        position += 1
        if code == _PAD:
            continue
        if position >= len(raw):
            break
        value = raw[position + 1 : position + 1 + raw[position]]
        if len(value) < raw[position]:
            break  # cut off: what came before it still counts
        into[code] = into.get(code, b"") + value  # a long option comes in parts (RFC 3396)
        position += 1 + len(value)
    return into


def _addresses(raw: bytes) -> tuple[str, ...]:
    return tuple(str(ipaddress.IPv4Address(raw[at : at + 4])) for at in range(0, len(raw) - 3, 4))


def _prefix(raw: bytes) -> int | None:
    if len(raw) != 4:
        return None
    mask = int.from_bytes(raw, "big")
    length = mask.bit_count()
    return length if mask == (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF else None


def pcap_header(snap: int) -> bytes:
    """The head of a pcap file of Ethernet frames with times in nanoseconds (draft-ietf-opsawg-pcap)."""
    return struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, snap, 1)


def pcap_record(nanoseconds: int, frame: bytes, length: int) -> bytes:
    """One frame of a pcap file; `length` is what it was before it was cut."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return struct.pack("<IIII", seconds & 0xFFFFFFFF, rest, len(frame), length) + frame


def address_filter(address: str | None, snap: int) -> bytes:
    """A classic BPF program (struct sock_filter of <linux/filter.h>): frames with IP packets from or to
    `address`, cut to `snap`; without an address, all."""
    if address is None:
        return _bpf(0x06, snap)  # ret
    raw = ipaddress.ip_address(address).packed
    ethertype, source = (ETH_IP, 26) if len(raw) == 4 else (0x86DD, 22)
    words = struct.unpack(f"!{len(raw) // 4}I", raw)
    # Each address is a run of pairs (load a word, go on if it is equal). A miss at the source goes to the
    # destination, a miss there to the refusal, which is the last instruction; the accepting one is before it.
    run = 2 * len(words)
    program = [_bpf(0x28, 12), _bpf(0x15, ethertype, 0, 2 * run + 1)]  # ldh [12]; jeq
    for start, at_source in ((source, True), (source + len(raw), False)):
        for number, word in enumerate(words):
            left = run - 2 * number
            found = run if at_source and left == 2 else 0
            missed = left - 2 if at_source else left - 1
            program += [_bpf(0x20, start + 4 * number), _bpf(0x15, word, found, missed)]  # ld; jeq
    return b"".join((*program, _bpf(0x06, snap), _bpf(0x06, 0)))


def _bpf(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
