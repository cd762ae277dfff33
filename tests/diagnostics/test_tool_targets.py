"""Whom a tool may be pointed at."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.diagnostics.tool_targets import address_of, checked_name, checked_resolver
from gatewayd.errors import GatewayError, InvalidField


async def refusal(target: str, family: str = "any") -> str:
    with pytest.raises(GatewayError) as refused:
        await address_of(target, family, ())  # type: ignore[arg-type]
    return refused.value.code


@pytest.mark.parametrize(
    "target",
    [
        *(
            "127.0.0.1",
            "127.255.0.9",
            "0.0.0.0",
            "::",
            "::1",
            "[::1]",
            "localhost",
            "LOCALHOST.",
            "a.localhost",
        ),
        *("169.254.169.254", "fe80::1", "224.0.0.1", "ff02::1", "255.255.255.255", "240.0.0.1"),
        *("::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fec0::1"),
    ],
)
async def test_what_belongs_to_the_box_or_to_nobody_is_refused(target: str) -> None:
    assert await refusal(target) == "diagnostics.forbidden_target"


@pytest.mark.parametrize(
    "target",
    [
        *("127.1", "0x7f.0.0.1", "2130706433", "0177.0.0.1", "1.2.3"),  # what some libraries read as loopback
        *("a b", "a..b", "-a.example", "a-.example", "a/b", "a\n", "a;b", "fe80::1%eth0", "x" * 64),
        *("http://example.com", "user@host", "..", "é.example"),
    ],
)
async def test_what_is_neither_name_nor_address_is_refused(target: str) -> None:
    assert await refusal(target) == "request.invalid_field"


@pytest.mark.parametrize("target", ["192.0.2.1", "10.1.2.3", "2001:db8::1", "fd00::9", "[2001:db8::1]"])
async def test_the_home_and_the_internet_may_be_probed(target: str) -> None:
    assert await address_of(target, "any", ()) == target.strip("[]")


async def test_an_address_of_the_other_family_is_refused() -> None:
    assert await refusal("192.0.2.1", "v6") == "request.invalid_field"
    assert await refusal("2001:db8::1", "v4") == "request.invalid_field"


async def test_a_name_that_nobody_knows() -> None:
    assert await refusal("nobody.example") == "diagnostics.unresolved"


@given(st.text(max_size=60))
def test_a_checked_name_is_harmless(text: str) -> None:
    try:
        name = checked_name(text, "target")
    except InvalidField:
        return
    assert name.isascii()
    assert not set(name) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
    with pytest.raises(ValueError):
        ipaddress.ip_address(name)


@pytest.mark.parametrize("text", ["224.0.0.1", "fe80::1", "resolver.example", "0.0.0.0"])
def test_a_resolver_is_one_address_of_somebody(text: str) -> None:
    with pytest.raises(GatewayError) as refused:
        checked_resolver(text)
    assert refused.value.field == "resolver"
    assert checked_resolver("192.0.2.53") == "192.0.2.53"
