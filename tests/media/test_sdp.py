"""What RTSP servers say of themselves."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewayd.dvr.media.rtsp_client import Address, address_of
from gatewayd.dvr.media.sdp import MOST_MEDIA, Medium, description, parse
from gatewayd.errors import GatewayError

BASE = "rtsp://tv.example/stream"
CAMERA = b"""v=0\r
o=- 1 1 IN IP4 127.0.0.1\r
s=-\r
c=IN IP4 239.0.0.1\r
a=control:*\r
m=video 5000 RTP/AVP 96 97\r
a=rtpmap:96 H264/90000\r
a=rtpmap:97 H265/90000\r
a=fmtp:96 packetization-mode=1\r
a=control:trackID=1\r
m=audio 0 RTP/AVP 8\r
a=control:rtsp://other.example/sound\r
m=application 0 RTP/AVP 107\r
a=control:trackID=3\r
"""


def test_a_camera() -> None:
    video, audio = parse(CAMERA, BASE)
    assert (video.kind, video.payload, video.control) == ("video", 96, BASE + "/trackID=1")
    assert video.lines == ("a=rtpmap:96 H264/90000", "a=fmtp:96 packetization-mode=1")
    assert (audio.payload, audio.control, audio.is_ts) == (8, "rtsp://other.example/sound", False)
    told = description((video, audio)).decode()
    assert "239.0.0.1" not in told
    assert "5000" not in told
    assert "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000" in told


@pytest.mark.parametrize("line", ["m=video 0 RTP/AVP 33", "m=video 0 RTP/AVP 98\r\na=rtpmap:98 MP2T/90000"])
def test_a_transport_stream_counts_for_all(line: str) -> None:
    [medium] = parse(CAMERA + line.encode() + b"\r\n", BASE)
    assert medium.is_ts


@settings(deadline=None)
@given(st.binary(max_size=400), st.lists(st.integers(0, 13), max_size=30))
def test_anything_is_a_description_or_named(noise: bytes, order: list[int]) -> None:
    lines = [*CAMERA.split(b"\r\n"), noise]
    content = b"\r\n".join(lines[number] for number in [*order, -1])
    if not any(line.startswith((b"m=video", b"m=audio")) for line in content.splitlines()):
        with pytest.raises(GatewayError):
            parse(content, BASE)
        return
    media: tuple[Medium, ...] = ()
    with contextlib.suppress(GatewayError):
        media = parse(content, BASE)
    assert len(media) <= MOST_MEDIA
    assert len({medium.payload for medium in media}) == len(media)
    for medium in media:
        assert f"\r\nm={medium.kind} 0 RTP/AVP {medium.payload}\r\n".encode() in description(media)


def test_addresses() -> None:
    told = address_of("rtsp://us%40er:p%3Aw@10.0.0.9:8554/a?b=c#d")
    assert told == Address("rtsp://10.0.0.9:8554/a?b=c", "10.0.0.9", 8554, "us@er", "p:w")
    assert address_of("rtsp://[fd00::1]/x").port == 554
    for bad in ("http://10.0.0.9/", "rtsp:///x", "rtsp://h:99999/", "rtsp://[", ""):
        with pytest.raises(GatewayError) as caught:
            address_of(bad)
        assert caught.value.code == "dvr.source_unreachable"
