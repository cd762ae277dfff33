"""M3U playlists as television boxes and IPTV exports write them. Pure: bytes in, channels out.

The format is a convention, not a standard: `#EXTM3U`, then for each channel an `#EXTINF:` line with
`key="value"` attributes and, after the first comma outside quotes, the name; then a line with the
address. Everything but the address may be missing.

A playlist is taken apart line by line, so that a large one costs little more memory than its bytes.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urljoin

from gatewayd.errors import GatewayError

MOST_BYTES = 16 * 1024 * 1024
MOST_ENTRIES = 50_000
LONGEST_LINE = 16 * 1024
LONGEST_TEXT = 200

_LINE = re.compile(rb"[^\r\n]+")
_ATTRIBUTE = re.compile(r'([A-Za-z][A-Za-z0-9_-]{0,40})="([^"]*)"')
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_HLS = (b"#EXT-X-TARGETDURATION", b"#EXT-X-STREAM-INF", b"#EXT-X-MEDIA-SEQUENCE")
_UNUSABLE = "file:"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Entry(NamedTuple):
    """One channel of a playlist; `url` is absolute."""

    name: str
    url: str
    number: str | None = None
    guide_id: str | None = None
    logo: str | None = None
    category: str | None = None


class Playlist(NamedTuple):
    """What can be used, in the playlist's order, and how many entries cannot."""

    entries: tuple[Entry, ...]
    skipped: int


def parse(content: bytes, base: str, usable: Callable[[str], bool]) -> Playlist:
    """Reads a playlist that came from `base`, to which its addresses may be relative.

    `usable` says whether an absolute address can be recorded; the others are counted as skipped.
    Takes UTF-16 with a byte order mark, else UTF-8, and Windows-1252 for each line that is none. Raises
    GatewayError `dvr.playlist_too_large` beyond MOST_BYTES or MOST_ENTRIES and `dvr.playlist_invalid`
    for what is no playlist of channels.
    """
    if len(content) > MOST_BYTES:
        raise GatewayError("dvr.playlist_too_large", f"The playlist is larger than {MOST_BYTES} bytes.")
    if content.startswith(_UTF16):
        content = content.decode("utf-16", errors="replace").encode()
    content = content.removeprefix(codecs.BOM_UTF8)
    if not _is_playlist(content):
        raise GatewayError(
            "dvr.playlist_invalid", "The address does not answer with an M3U playlist.", field="url"
        )
    entries: list[Entry] = []
    skipped = 0
    info: str | None = None
    group: str | None = None
    for line in map(_text, _LINE.finditer(content)):
        if line.startswith("#EXTINF:"):
            info = line
        elif line.startswith("#EXTGRP:"):
            group = line.removeprefix("#EXTGRP:")
        elif line and not line.startswith("#"):
            entry = _entry(info, group, line, base)
            info = group = None
            if entry is None or not usable(entry.url):
                skipped += 1
            else:
                entries.append(entry)
            if len(entries) + skipped > MOST_ENTRIES:
                raise GatewayError(
                    "dvr.playlist_too_large", f"The playlist has more than {MOST_ENTRIES} entries."
                )
    if not entries:
        raise GatewayError(
            "dvr.playlist_invalid",
            f"No entry of the playlist can be recorded ({skipped} are of another kind or not allowed).",
            field="url",
        )
    return Playlist(tuple(entries), skipped)


def _text(line: re.Match[bytes]) -> str:
    raw = line.group().strip()
    if len(raw) > LONGEST_LINE:
        return "#" if raw.startswith(b"#") else _UNUSABLE
    try:
        return raw.decode("utf-8").strip()
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace").strip()


def _is_playlist(content: bytes) -> bool:
    """A header, or at least an address on the first line that says anything; and no HLS stream."""
    if b"\x00" in content or any(tag in content for tag in _HLS):
        return False
    first = next((line.group().strip() for line in _LINE.finditer(content) if line.group().strip()), b"")
    return first.startswith((b"#EXTM3U", b"#EXTINF:")) or re.match(rb"[a-z]+://", first) is not None


def _entry(info: str | None, group: str | None, address: str, base: str) -> Entry | None:
    if len(address) > LONGEST_LINE or len(info or "") > LONGEST_LINE:
        return None
    try:
        address = address.split("|", 1)[0]  # players write headers behind a bar
        url = address if "://" in address[:8] else urljoin(base, address)
    except ValueError:
        return None
    told = {key.lower(): value for key, value in _ATTRIBUTE.findall(info or "")}
    guide_id = tidy(told.get("tvg-id"))
    return Entry(
        name=tidy(_title(info)) or tidy(told.get("tvg-name")) or guide_id or _from_address(url),
        url=url,
        number=tidy(told.get("tvg-chno") or told.get("channel-number")),
        guide_id=guide_id,
        logo=tidy(told.get("tvg-logo"), 2048),
        category=tidy(told.get("group-title")) or tidy(group),
    )


def _title(info: str | None) -> str:
    """What follows the first comma outside quotes; with unbalanced quotes, the last comma."""
    if info is None:
        return ""
    bare = _ATTRIBUTE.sub(lambda found: "=" * len(found.group()), info)
    comma = bare.rfind(",") if '"' in bare.partition(",")[0] else bare.find(",")
    return "" if comma < 0 else info[comma + 1 :]


def tidy(value: str | None, longest: int = LONGEST_TEXT) -> str | None:
    """A label without control characters and outer blanks, cut at `longest`; None when nothing is left."""
    return _CONTROL.sub(" ", value or "").strip()[:longest].strip() or None


def _from_address(url: str) -> str:
    return (tidy(url.split("?", 1)[0].rstrip("/").rpartition("/")[2]) or url)[:LONGEST_TEXT]
