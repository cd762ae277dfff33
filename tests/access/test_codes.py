"""What is typed, scanned and carried."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.access import codes

DIGITS = st.text("0123456789", min_size=8, max_size=8)


@given(code=DIGITS, gaps=st.lists(st.sampled_from(["", " ", "-", "  "]), min_size=8, max_size=8))
def test_a_code_is_read_however_people_group_it(code: str, gaps: list[str]) -> None:
    typed = "".join(digit + gap for digit, gap in zip(code, gaps, strict=True))
    assert codes.read_code(typed) == code
    assert codes.read_code(codes.shown_code(code)) == code


@given(st.text(max_size=20))
def test_what_is_not_eight_ascii_digits_is_no_code(typed: str) -> None:
    read = codes.read_code(typed)
    assert read is None or (len(read) == 8 and read.isascii() and read.isdigit())


@pytest.mark.parametrize("typed", ["", "1234567", "123456789", "1234567a", "１２３４５６７８", "12345678\n"])
def test_near_misses_are_no_codes(typed: str) -> None:
    assert codes.read_code(typed) is None


def test_codes_use_all_ten_digits_in_every_place() -> None:
    drawn = [codes.draw_code() for _ in range(2000)]
    assert all(codes.read_code(code) == code for code in drawn)
    assert all({code[place] for code in drawn} == set("0123456789") for place in range(8))


def test_secrets_and_tokens_have_their_bits_and_do_not_repeat() -> None:
    assert len({codes.draw_secret() for _ in range(200)}) == 200
    assert len({codes.draw_token() for _ in range(200)}) == 200
    assert len(codes.draw_secret()) == 22  # 16 bytes in base64url
    assert len(codes.draw_token()) == len(codes.TOKEN_PREFIX) + 43  # 32 bytes in base64url


@given(salt=st.binary(min_size=16, max_size=16), code=DIGITS, other=st.text(max_size=30))
def test_only_the_same_code_under_the_same_salt_matches(salt: bytes, code: str, other: str) -> None:
    stored = codes.salted(salt, code)
    assert codes.same(stored, salt, code)
    assert codes.same(stored, salt, other) == (other == code)
    assert not codes.same(stored, salt[::-1] + b"x", code)


@given(secret=st.text(min_size=1, max_size=30), fingerprint=st.text(min_size=1, max_size=50))
def test_the_qr_text_carries_everything_back(secret: str, fingerprint: str) -> None:
    uri = codes.claim_uri(box="gw-1", secret=secret, fingerprint=fingerprint, host="[fe80::1]:8443")
    assert uri.startswith("gatewayd://claim?id=gw-1&secret=")
    fields = parse_qs(urlsplit(uri).query, strict_parsing=True)
    assert fields == {"id": ["gw-1"], "secret": [secret], "spki": [fingerprint], "host": ["[fe80::1]:8443"]}
