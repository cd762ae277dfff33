"""Which addresses a source may have."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.dvr.addresses import LONGEST_URL, Group, check, group, origin, shown, usable
from gatewayd.errors import InvalidField


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0",
        "localhost",
        "LOCALHOST.",
        "tv.localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::]",
        "169.254.169.254",
        "[fe80::1%25eth0]",
        "239.1.1.1",
        "user:word@127.0.0.1:8443",
    ],
)
def test_the_box_itself_is_refused_in_every_spelling(host: str) -> None:
    with pytest.raises(InvalidField) as refused:
        check(f"http://{host}/v1/info", allow_loopback=False)
    assert (refused.value.code, refused.value.field) == ("dvr.forbidden_address", "url")
    assert check(f"http://{host}/v1/info", allow_loopback=True)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "tuner",
        "ftp://h/",
        "file:///etc/passwd",
        "http://",
        "http:///x",
        "http://h:0/",
        "http://h:70000/",
        "http://[::1/",
        "http://h/a b",
        "http://h/\r\nHost: x",
        "http://h/" + "x" * LONGEST_URL,
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidField) as refused:
        check(url, allow_loopback=True)
    assert refused.value.code == "request.invalid_field"


@pytest.mark.parametrize(
    "url",
    ["http://192.0.2.1/x", "https://tuner.example:8080/a?b=c&d=%20", "http://[2001:db8::1]:5004/auto/v1"],
)
def test_others_are_left_as_they_are(url: str) -> None:
    assert check(url, allow_loopback=False) == url


def test_credentials_are_not_shown() -> None:
    assert shown("http://me:secret@tuner.example:81/x?y=z") == "http://tuner.example:81/x?y=z"


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    assert usable(f"http://{text}", allow_loopback=False) in (True, False)
    if usable(f"http://{text}", allow_loopback=False):
        assert not set(check(f"http://{text}", allow_loopback=False)) & set(" \t\r\n#")


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("udp://@239.1.1.1:1234", Group(ip_address("239.1.1.1"), 1234, None)),
        ("rtp://239.1.1.1:5004?buffer=1", Group(ip_address("239.1.1.1"), 5004, None)),
        ("udp://10.0.0.9@232.1.1.1:5000", Group(ip_address("232.1.1.1"), 5000, ip_address("10.0.0.9"))),
        ("udp://@[ff0e::1]:5000", Group(ip_address("ff0e::1"), 5000, None)),
    ],
)
def test_groups_are_read(url: str, found: Group) -> None:
    assert group(url) == found
    assert check(url, allow_loopback=False, streams=True) == url


@pytest.mark.parametrize(
    "url",
    [
        "udp://@239.1.1.1",
        "udp://192.0.2.1:1",
        "udp://@:1234",
        "rtp://name:1",
        "udp://x@239.1.1.1:1",
        "udp://10.0.0.1@[ff0e::1]:1",
    ],
)
def test_only_groups_are_joined(url: str) -> None:
    with pytest.raises(InvalidField) as refused:
        check(url, allow_loopback=True, streams=True)
    assert refused.value.code == "request.invalid_field"


@pytest.mark.parametrize("host", ["224.0.0.1", "224.0.0.251", "[ff02::fb]", "[ff01::1]", "[ff32::1]"])
def test_groups_of_one_link_are_not_televisions(host: str) -> None:
    with pytest.raises(InvalidField) as refused:
        check(f"udp://@{host}:5353", allow_loopback=True, streams=True)
    assert refused.value.code == "dvr.forbidden_address"


@pytest.mark.parametrize("url", ["rtsp://192.0.2.1/1", "udp://@239.1.1.1:1"])
def test_a_stream_is_not_fetched(url: str) -> None:
    assert usable(url, allow_loopback=False)
    with pytest.raises(InvalidField):
        check(url, allow_loopback=False)


@pytest.mark.parametrize(
    ("kind", "url", "wanted"),
    [
        ("hdhomerun", "http://192.0.2.9:5004/auto/v1", "tuner"),
        ("m3u", "rtp://@239.1.1.1:5000", "multicast"),
        ("http", "UDP://@239.1.1.1:5000", "multicast"),
        ("m3u", "https://tv.test/live.m3u8", "http"),
        ("http", "rtsp://camera.test/", "http"),
        ("testcard", "testcard:", None),
        (None, "", None),
    ],
)
def test_where_a_stream_comes_from(kind: str | None, url: str, wanted: str | None) -> None:
    assert origin(kind, url) == wanted
