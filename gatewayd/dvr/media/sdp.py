"""What an RTSP server says of its stream (SDP, RFC 8866), as far as recording it needs. Pure."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urljoin

from gatewayd.errors import GatewayError

MOST_BYTES = 16 * 1024
MOST_MEDIA = 6
MP2T = 33
"""The static RTP payload type of a transport stream (RFC 3551)."""
_KEPT = ("a=rtpmap:", "a=fmtp:")


class Medium(NamedTuple):
    """One stream that can be set up: `control` is its address, `lines` what a demuxer must know of it."""

    kind: str
    payload: int
    control: str
    is_ts: bool
    lines: tuple[str, ...]


def parse(content: bytes, base: str) -> tuple[Medium, ...]:
    """The streams of sound and picture, of each payload type the first.

    A transport stream counts for all. Raises GatewayError `dvr.media_unreadable`.
    """
    if len(content) > MOST_BYTES:
        raise GatewayError("dvr.media_unreadable", f"The description is larger than {MOST_BYTES} bytes.")
    whole = base
    media: list[Medium] = []
    section: list[str] = []
    for line in [*map(str.strip, content.decode(errors="replace").splitlines()), "m="]:
        if line.startswith("m="):
            if section and section[0].startswith("m="):
                found = _medium(section, whole)
                if found is not None and all(found.payload != other.payload for other in media):
                    media.append(found)
            section = [line]
        elif line.startswith("a=control:") and not (section and section[0].startswith("m=")):
            whole = _join(base, line.removeprefix("a=control:"))
        else:
            section.append(line)
    if not media:
        raise GatewayError("dvr.media_unreadable", "The source describes no sound and no picture over RTP.")
    transport = [medium for medium in media if medium.is_ts]
    return tuple(transport[:1] or media[:MOST_MEDIA])


def description(media: tuple[Medium, ...]) -> bytes:
    """An SDP of these streams that leads a demuxer nowhere: no addresses, no ports."""
    lines = ["v=0", "o=- 0 0 IN IP4 0.0.0.0", "s=-", "c=IN IP4 0.0.0.0", "t=0 0"]
    for medium in media:
        lines += [f"m={medium.kind} 0 RTP/AVP {medium.payload}", *medium.lines]
    return ("\r\n".join(lines) + "\r\n").encode()


def _medium(section: list[str], base: str) -> Medium | None:
    kind, _, rest = section[0].removeprefix("m=").partition(" ")
    words = rest.split()
    if kind not in ("video", "audio") or len(words) < 3 or not words[2].isascii() or not words[2].isdigit():
        return None
    if not words[1].startswith("RTP/"):
        return None
    payload = int(words[2])
    if payload > 127:
        return None
    control, lines = base, []
    for line in section[1:]:
        if line.startswith("a=control:"):
            control = _join(base, line.removeprefix("a=control:"))
        elif line.startswith(_KEPT) and line.partition(":")[2].split(" ")[0] == str(payload):
            lines.append(line)
    is_ts = payload == MP2T or any(" MP2T/" in line for line in lines)
    return Medium(kind, payload, control, is_ts, tuple(lines))


def _join(base: str, control: str) -> str:
    """The address of a stream: absolute, or put behind the presentation's as servers expect it."""
    if control == "*" or not control:
        return base
    if "://" in control[:10]:
        return control
    if control.startswith("/"):
        return urljoin(base.replace("rtsp://", "http://", 1), control).replace("http://", "rtsp://", 1)
    return base.rstrip("/") + "/" + control
