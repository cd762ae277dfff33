"""HDHomeRun network tuners and what imitates them: their packets and their JSON. Pure.

Discovery is one UDP packet to port 65001 and one back. A packet is a type and a length (16 bit, big
endian), tag-length-value fields, and the Ethernet CRC-32 of all that, little endian. A length above 127
takes two bytes: the low seven bits with the top bit set, then the rest. Numbers are those of
libhdhomerun's hdhomerun_pkt.h; names of the JSON those of the maker's HTTP development guide.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar
from urllib.parse import urljoin, urlsplit

import msgspec

from gatewayd.dvr.playlist import Entry, Playlist, tidy
from gatewayd.errors import GatewayError

T = TypeVar("T")

PORT = 65001
DISCOVER_REQUEST, DISCOVER_REPLY = 0x0002, 0x0003
DEVICE_TYPE, DEVICE_ID, TUNER_COUNT, BASE_URL = 0x01, 0x02, 0x10, 0x2A
TUNER = 0x00000001
ANY = 0xFFFFFFFF
MOST_PACKET = 1460
MOST_BYTES = 4 * 1024 * 1024
MOST_CHANNELS = 10_000
MOST_TUNERS = 64


class Reply(NamedTuple):
    """What a device says of itself in a packet; `device` is its id, eight hexadecimal digits."""

    device: str
    tuners: int | None
    base: str | None


class Device(NamedTuple):
    """What a device says of itself in `/discover.json`; `lineup` is where its channels are."""

    name: str | None
    model: str | None
    device: str | None
    tuners: int | None
    lineup: str


class Tuner(NamedTuple):
    """One tuner of `/status.json`: `channel` as the device names it, None when it is free. Percentages."""

    name: str
    channel: str | None
    strength: int | None
    quality: int | None
    symbols: int | None


# --- packets


def encode(kind: int, fields: Iterable[tuple[int, bytes]]) -> bytes:
    """A packet of a type with its tag-value fields."""
    payload = b"".join(bytes([tag]) + _length(len(value)) + value for tag, value in fields)
    body = kind.to_bytes(2, "big") + len(payload).to_bytes(2, "big") + payload
    return body + zlib.crc32(body).to_bytes(4, "little")


def decode(packet: bytes) -> tuple[int, list[tuple[int, bytes]]]:
    """The type and the fields of a packet. Raises ValueError that says what is wrong with it."""
    if not 8 <= len(packet) <= MOST_PACKET:
        raise ValueError(f"a packet has 8 to {MOST_PACKET} bytes, this one {len(packet)}")
    body, crc = packet[:-4], int.from_bytes(packet[-4:], "little")
    if int.from_bytes(body[2:4], "big") != len(body) - 4:
        raise ValueError("the length is wrong")
    if zlib.crc32(body) != crc:
        raise ValueError("the checksum is wrong")
    return int.from_bytes(body[:2], "big"), _fields(body[4:])


def request(device: str | None = None) -> bytes:
    """The question for every tuner there is, or for the one with this id."""
    wanted = ANY if device is None else int(device, 16)
    return encode(
        DISCOVER_REQUEST, [(DEVICE_TYPE, TUNER.to_bytes(4, "big")), (DEVICE_ID, wanted.to_bytes(4, "big"))]
    )


def reply(packet: bytes) -> Reply:
    """A tuner's answer. Raises ValueError for what is none."""
    kind, fields = decode(packet)
    told = dict(fields)
    if kind != DISCOVER_REPLY or len(told.get(DEVICE_ID, b"")) != 4:
        raise ValueError("this is no answer of a device")
    if told.get(DEVICE_TYPE) != TUNER.to_bytes(4, "big"):
        raise ValueError("the device is no tuner")
    count = told.get(TUNER_COUNT, b"")
    return Reply(
        device=told[DEVICE_ID].hex().upper(),
        tuners=_count(count[0]) if len(count) == 1 else None,
        base=told[BASE_URL].decode("utf-8", "replace") if BASE_URL in told else None,
    )


def _length(size: int) -> bytes:
    return bytes([size]) if size <= 127 else bytes([size & 0x7F | 0x80, size >> 7])


def _fields(payload: bytes) -> list[tuple[int, bytes]]:
    fields, at = [], 0
    try:
        while at < len(payload):
            tag, size = payload[at], payload[at + 1]
            at += 2
            if size & 0x80:
                size = size & 0x7F | payload[at] << 7
                at += 1
            if at + size > len(payload):
                raise ValueError("a field is longer than its packet")
            fields.append((tag, payload[at : at + size]))
            at += size
    except IndexError:
        raise ValueError("the packet ends within a field") from None
    return fields


def _count(tuners: int | None) -> int | None:
    return tuners if tuners is not None and 1 <= tuners <= MOST_TUNERS else None


# --- JSON


class _Discover(msgspec.Struct):
    device: str | int | None = msgspec.field(name="DeviceID", default=None)
    name: str | None = msgspec.field(name="FriendlyName", default=None)
    model: str | None = msgspec.field(name="ModelNumber", default=None)
    tuners: int | None = msgspec.field(name="TunerCount", default=None)
    lineup: str | None = msgspec.field(name="LineupURL", default=None)


class _Channel(msgspec.Struct):
    url: str | None = msgspec.field(name="URL", default=None)
    number: str | int | float | None = msgspec.field(name="GuideNumber", default=None)
    name: str | None = msgspec.field(name="GuideName", default=None)
    tags: str | None = msgspec.field(name="Tags", default=None)
    drm: bool | int | None = msgspec.field(name="DRM", default=None)

    @property
    def protected(self) -> bool:
        """Whether the device gives it only to players with copy protection."""
        return bool(self.drm) or "drm" in (self.tags or "").lower().split(",")


class _Tuner(msgspec.Struct):
    name: str = msgspec.field(name="Resource", default="")
    number: str | int | float | None = msgspec.field(name="VctNumber", default=None)
    channel: str | None = msgspec.field(name="VctName", default=None)
    target: str | None = msgspec.field(name="TargetIP", default=None)
    frequency: int | None = msgspec.field(name="Frequency", default=None)
    strength: int | None = msgspec.field(name="SignalStrengthPercent", default=None)
    quality: int | None = msgspec.field(name="SignalQualityPercent", default=None)
    symbols: int | None = msgspec.field(name="SymbolQualityPercent", default=None)


_DISCOVER = msgspec.json.Decoder(_Discover, strict=False)
_LINEUP = msgspec.json.Decoder(list[_Channel], strict=False)
_STATUS = msgspec.json.Decoder(list[_Tuner], strict=False)


def discovered(content: bytes, base: str) -> Device:
    """Reads `/discover.json` that came from `base`. Raises GatewayError `dvr.not_a_tuner`.

    A lineup on another host than the device's own is not followed: it is asked for at the device.
    """
    told = _read(_DISCOVER, content)
    if told.device is None and told.lineup is None and told.tuners is None:
        raise _not_a_tuner("it names neither itself nor its tuners")
    return Device(
        name=tidy(told.name),
        model=tidy(told.model),
        device=None if told.device is None else tidy(str(told.device).upper(), 32),
        tuners=_count(told.tuners),
        lineup=_lineup(told.lineup, base),
    )


def _lineup(told: str | None, base: str) -> str:
    own = urljoin(base, "/lineup.json")
    try:
        lineup = urljoin(base, told or own)
        same = urlsplit(lineup)[0] == "http" and urlsplit(lineup).hostname == urlsplit(base).hostname
    except ValueError:
        return own
    return lineup if same else own


def channels(content: bytes, base: str, usable: Callable[[str], bool]) -> Playlist:
    """Reads `/lineup.json`; what is copy protected or not `usable` is counted as skipped.

    Raises GatewayError `dvr.not_a_tuner`, `dvr.playlist_too_large` beyond MOST_CHANNELS and
    `dvr.playlist_invalid` when nothing is left: a device that scans says that it has no channels.
    """
    told = _read(_LINEUP, content)
    if len(told) > MOST_CHANNELS:
        raise GatewayError(
            "dvr.playlist_too_large",
            f"A tuner has at most {MOST_CHANNELS} channels; this one says {len(told)}.",
        )
    entries = []
    for channel in told:
        number = None if channel.number is None else tidy(str(channel.number), 32)
        try:
            url = urljoin(base, channel.url or "")
        except ValueError:
            continue
        if channel.url and not channel.protected and usable(url):
            entries.append(Entry(name=tidy(channel.name) or number or "Channel", url=url, number=number))
    if not entries:
        raise GatewayError(
            "dvr.playlist_invalid",
            f"The tuner has no channel that can be recorded ({len(told)} are protected or not allowed). "
            "Let it scan for channels first.",
            field="url",
        )
    return Playlist(tuple(entries), len(told) - len(entries))


def tuners(content: bytes) -> tuple[Tuner, ...]:
    """Reads `/status.json`. Raises GatewayError `dvr.not_a_tuner`."""
    return tuple(
        Tuner(
            name=tidy(tuner.name, 32) or f"tuner{position}",
            channel=_tuned(tuner),
            strength=tuner.strength,
            quality=tuner.quality,
            symbols=tuner.symbols,
        )
        for position, tuner in enumerate(_read(_STATUS, content)[:MOST_TUNERS])
    )


def _tuned(tuner: _Tuner) -> str | None:
    number = None if tuner.number is None else str(tuner.number)
    words = " ".join(word for word in (number, tuner.channel) if word)
    if words or tuner.target is None:
        return tidy(words)
    return tidy(f"{tuner.frequency} Hz") if tuner.frequency else "in use"


def _read(decoder: msgspec.json.Decoder[T], content: bytes) -> T:
    try:
        return decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _not_a_tuner(str(error)[:120]) from None


def _not_a_tuner(why: str) -> GatewayError:
    return GatewayError(
        "dvr.not_a_tuner", f"The address does not answer as a network tuner: {why}.", field="url"
    )
