"""The tools for services, as a technician reads them."""

from __future__ import annotations

from tests.cli.conftest import Gatewayctl
from tests.support.box import FakeBox


async def test_the_telephone_in_two_sentences(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    shown = await gatewayctl("phone")
    assert shown.exit_code == 0, shown.stderr
    assert shown.stdout.splitlines()[1] == "REGISTER over UDP: status 200 in 21.0 ms, proven by SHA-256."
    other = await gatewayctl("phone", "sip.other.example", "--transport", "tls")
    assert other.stdout.splitlines()[1] == "OPTIONS over TLS: status 200 in 21.0 ms."


async def test_mail_servers_are_a_table(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    shown = await gatewayctl("mail", "home.example")
    lines = shown.stdout.splitlines()
    assert lines[1].split() == ["mx.home.example:25", "delivery", "greets", "18", "ms", "yes"]
    assert lines[-1] == "Mail works as far as can be seen without an account."
