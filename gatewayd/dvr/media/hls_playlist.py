"""HLS playlists (RFC 8216). Pure: bytes in, what to fetch out.

Tags that a recorder has no use for are passed over; what it cannot do (SAMPLE-AES, a key system) is
said when such a segment's turn comes, not here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urljoin

from gatewayd.errors import GatewayError

MOST_BYTES = 4 * 1024 * 1024
MOST_SEGMENTS = 50_000
MOST_VARIANTS = 500
LONGEST_URL = 4096
LONGEST_SEGMENT = 600.0
"""Seconds that one segment may claim; longer ones are taken for this long."""

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^",]*)')
_DIGITS = re.compile(r"[0-9]{1,18}")


class Span(NamedTuple):
    """Bytes [start, stop) of a resource."""

    start: int
    stop: int


class Key(NamedTuple):
    """How segments are encrypted; `iv` None means the segment's sequence number."""

    method: str
    url: str | None
    iv: bytes | None


class Section(NamedTuple):
    """A media initialization section (EXT-X-MAP)."""

    url: str
    span: Span | None
    key: Key | None


class Segment(NamedTuple):
    """One media segment; `duration` in seconds, `fresh` after a discontinuity, `absent` for EXT-X-GAP."""

    url: str
    sequence: int
    duration: float
    span: Span | None
    key: Key | None
    section: Section | None
    fresh: bool
    absent: bool


class Media(NamedTuple):
    """A media playlist; `target` in seconds; `ended`: nothing will be added."""

    segments: tuple[Segment, ...]
    target: float
    ended: bool


class Variant(NamedTuple):
    """One rendition of the whole; `audio` is the address of its separate sound, if that is separate."""

    url: str
    bandwidth: int
    pixels: int
    has_video: bool
    audio: str | None


class Master(NamedTuple):
    """A master playlist's variants."""

    variants: tuple[Variant, ...]

    def best(self) -> Variant:
        """With picture rather than without, then the greatest bandwidth, then the largest picture."""
        return max(self.variants, key=lambda found: (found.has_video, found.bandwidth, found.pixels))


def parse(content: bytes, base: str) -> Master | Media:
    """Reads a playlist that came from `base`.

    Raises GatewayError `dvr.playlist_too_large` and `dvr.playlist_invalid`.
    """
    if len(content) > MOST_BYTES:
        raise GatewayError("dvr.playlist_too_large", f"The HLS playlist is larger than {MOST_BYTES} bytes.")
    lines = [line.strip() for line in content.decode("utf-8-sig", errors="replace").splitlines()]
    if not lines or not lines[0].startswith("#EXTM3U"):
        raise _invalid("The address does not answer with an HLS playlist.")
    try:
        if any(line.startswith("#EXT-X-STREAM-INF:") for line in lines):
            return _master(lines, base)
        if any(line.startswith("#EXT-X-TARGETDURATION:") for line in lines):
            return _Reader(base).read(lines)
    except ValueError as error:
        raise _invalid(f"The HLS playlist cannot be read: {error}.") from None
    raise _invalid("The playlist is not an HLS playlist: it has no segments and no variants.")


def _invalid(detail: str) -> GatewayError:
    return GatewayError("dvr.playlist_invalid", detail)


def _master(lines: list[str], base: str) -> Master:
    sounds: dict[str, list[dict[str, str]]] = {}
    for line in lines:
        if line.startswith("#EXT-X-MEDIA:"):
            told = _attributes(line)
            if told.get("TYPE") == "AUDIO":
                sounds.setdefault(told.get("GROUP-ID", ""), []).append(told)
    variants = []
    told = {}
    for line in lines:
        if line.startswith("#EXT-X-STREAM-INF:"):
            told = _attributes(line)
        elif line and not line.startswith("#") and told:
            variants.append(_variant(told, _address(base, line), sounds, base))
            told = {}
            if len(variants) > MOST_VARIANTS:
                raise ValueError(f"more than {MOST_VARIANTS} variants")
    if not variants:
        raise ValueError("no variant has an address")
    return Master(tuple(variants))


def _variant(told: dict[str, str], url: str, sounds: dict[str, list[dict[str, str]]], base: str) -> Variant:
    width, _, height = told.get("RESOLUTION", "").partition("x")
    pixels = _number(width) * _number(height)
    codecs = told.get("CODECS", "").lower()
    heard = codecs and all(name.strip().startswith(("mp4a", "ac-3", "ec-3")) for name in codecs.split(","))
    group = sorted(sounds.get(told.get("AUDIO", ""), ()), key=lambda sound: sound.get("DEFAULT") != "YES")
    audio = next((sound["URI"] for sound in group[:1] if sound.get("URI")), None)
    return Variant(
        url=url,
        bandwidth=_number(told.get("BANDWIDTH", "")),
        pixels=pixels,
        has_video=bool(pixels) or not heard,
        audio=_address(base, audio) if audio else None,
    )


class _Reader:
    """What the tags above a segment's address have said so far."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._segments: list[Segment] = []
        self._sequence = 0
        self._target = 0.0
        self._ended = False
        self._key: Key | None = None
        self._section: Section | None = None
        self._duration: float | None = None
        self._range: str | None = None
        self._fresh = False
        self._absent = False
        self._ends: dict[str, int] = {}

    def read(self, lines: Iterable[str]) -> Media:
        """Goes through the lines. Raises ValueError."""
        for line in lines:
            if line.startswith("#EXT"):
                self._tag(line)
            elif line and not line.startswith("#"):
                self._segment(line)
        if self._target <= 0:
            raise ValueError("the target duration is not a number of seconds")
        return Media(tuple(self._segments), self._target, self._ended)

    def _tag(self, line: str) -> None:
        name, _, value = line.partition(":")
        match name:
            case "#EXTINF":
                self._duration = _seconds(value.split(",", 1)[0])
            case "#EXT-X-TARGETDURATION":
                self._target = _seconds(value)
            case "#EXT-X-MEDIA-SEQUENCE" if not self._segments:  # RFC 8216, 4.3.3.2: before the first one
                self._sequence = _number(value)
            case "#EXT-X-DISCONTINUITY":
                self._fresh = True
            case "#EXT-X-ENDLIST":
                self._ended = True
            case "#EXT-X-GAP":
                self._absent = True
            case "#EXT-X-BYTERANGE":
                self._range = value
            case "#EXT-X-KEY":
                self._key = _key(_attributes(line), self._base)
            case "#EXT-X-MAP":
                told = _attributes(line)
                url = _address(self._base, told.get("URI", ""))
                span = _span(told["BYTERANGE"], 0) if "BYTERANGE" in told else None
                self._section = Section(url, span, self._key)

    def _segment(self, line: str) -> None:
        if len(self._segments) >= MOST_SEGMENTS:
            raise ValueError(f"more than {MOST_SEGMENTS} segments")
        url = _address(self._base, line)
        span = None
        if self._range is not None:
            span = _span(self._range, self._ends.get(url, 0))
            self._ends = {url: span.stop}
        self._segments.append(
            Segment(
                url=url,
                sequence=self._sequence,
                duration=self._target if self._duration is None else self._duration,
                span=span,
                key=self._key,
                section=self._section,
                fresh=self._fresh,
                absent=self._absent,
            )
        )
        self._sequence += 1
        self._duration = self._range = None
        self._fresh = self._absent = False


def _attributes(line: str) -> dict[str, str]:
    """An attribute list (RFC 8216, 4.2), quotes taken off."""
    return {name: value.strip('"') for name, value in _ATTRIBUTE.findall(line.partition(":")[2])}


def _key(told: dict[str, str], base: str) -> Key | None:
    method = told.get("METHOD", "")
    if method == "NONE":
        return None
    iv = told.get("IV")
    if iv is not None and not re.fullmatch(r"0[xX][0-9A-Fa-f]{1,32}", iv):
        raise ValueError("an initialization vector is not a hexadecimal number of 128 bits")
    url = _address(base, told["URI"]) if "URI" in told else None
    plain = told.get("KEYFORMAT", "identity") == "identity"
    return Key(
        method if plain else f"{method} ({told['KEYFORMAT'][:80]})",
        url,
        None if iv is None else int(iv, 16).to_bytes(16, "big"),
    )


def _address(base: str, written: str) -> str:
    url = urljoin(base, written)
    if not written or len(url) > LONGEST_URL:
        raise ValueError(f"an address is empty or longer than {LONGEST_URL} characters")
    if not url.startswith(("http://", "https://")):
        raise ValueError("an address does not begin with http:// or https://")
    return url


def _span(text: str, after: int) -> Span:
    """`length[@offset]`; without an offset it follows the one before (RFC 8216, 4.3.2.2)."""
    length, at, offset = text.strip().partition("@")
    if not _DIGITS.fullmatch(length) or (at and not _DIGITS.fullmatch(offset)):
        raise ValueError("a byte range is not length@offset")
    start = int(offset) if at else after
    return Span(start, start + int(length))


def _number(text: str) -> int:
    found = _DIGITS.match(text.strip())
    return int(found.group()) if found else 0


def _seconds(text: str) -> float:
    try:
        seconds = float(text.strip() or "0")
    except ValueError:
        raise ValueError("a duration is not a number of seconds") from None
    if not 0 <= seconds < float("inf"):
        raise ValueError("a duration is not a number of seconds")
    return min(seconds, LONGEST_SEGMENT)
