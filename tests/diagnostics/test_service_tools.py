"""The tools for telephone and mail on real sockets: whom they may ask, and what they never give away."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gatewayd.diagnostics import mail_server, service_tools
from gatewayd.diagnostics.mail_server import Exchangers
from gatewayd.diagnostics.service_tools import MailStart, PhoneStart
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.settings import DiagnosticsSettings
from tests.diagnostics.test_mail_server import resolver, server
from tests.diagnostics.test_sip import targets
from tests.support.registrar import Registrar


async def test_the_settings_account_is_asked_for(tmp_path: Path) -> None:
    registrar = Registrar()
    async with registrar.serving() as port:
        found = await service_tools.phone(PhoneStart(), targets(port, tmp_path), ())
    assert (found.method, found.outcome, found.bindings, found.algorithm) == (
        "REGISTER", "registered", 1, "SHA-256",
    )  # fmt: skip
    assert found.sentence.endswith("telephones registered: 1.")


@pytest.mark.parametrize("more", [{"transport": "tcp"}, {"port": 5060}])
async def test_nobody_has_the_account_proven_another_way(more: dict[str, Any], tmp_path: Path) -> None:
    registrar = Registrar()
    async with registrar.serving() as port:
        with pytest.raises(InvalidField) as refused:
            await service_tools.phone(PhoneStart(**more), targets(port, tmp_path), ())
        assert refused.value.field == next(iter(more))
    assert not registrar.requests


async def test_another_server_never_sees_the_account(tmp_path: Path) -> None:
    registrar = Registrar(always=401)
    async with registrar.serving() as port:
        wanted = PhoneStart(server="127.0.0.1", port=port)
        found = await service_tools.phone(wanted, targets(port, tmp_path), (), own=True)
        assert (found.method, found.outcome) == ("OPTIONS", "alive")
        with pytest.raises(GatewayError, match="forbidden_target"):
            await service_tools.phone(wanted, targets(port, tmp_path), ())
    assert len(registrar.requests) == 1
    assert "4930" not in registrar.requests[0]


async def test_what_is_not_set_is_said() -> None:
    for asked in (
        service_tools.phone(PhoneStart(), DiagnosticsSettings(), ()),
        service_tools.mail(MailStart(), DiagnosticsSettings(), ()),
    ):
        with pytest.raises(GatewayError, match="not_set"):
            await asked
    for name in ("a b", "-x.test", "1.2.3"):
        with pytest.raises(InvalidField):
            await service_tools.phone(PhoneStart(server=name), DiagnosticsSettings(), ())
        with pytest.raises(InvalidField):
            await service_tools.mail(MailStart(domain=name), DiagnosticsSettings(), ())


async def test_the_settings_mail_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    async with server("220 a\n", "250 STARTTLS\n", "221\n", port=587, monkeypatch=monkeypatch) as (port, _):
        wanted = DiagnosticsSettings(mail_servers=(f"127.0.0.1:{port}",))
        found = await service_tools.mail(MailStart(), wanted, (), own=True)
        assert found.ok
        assert [(one.use, one.outcome, one.secure, one.text) for one in found.servers] == [
            ("send", "greeted", True, "220 a")
        ]
        kept_out = await service_tools.mail(MailStart(), wanted, ())
        assert [one.outcome for one in kept_out.servers] == ["forbidden"]


async def test_a_domain_leads_to_its_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []

    async def greet(host: str, address: str, port: int, seconds: float) -> mail_server.Greeting:
        asked.append((host, port))
        await asyncio.sleep(0)
        return mail_server.Greeting("timeout" if port == 25 else "greeted", 1.0)

    monkeypatch.setattr(mail_server, "greet", greet)
    async with resolver() as one:
        unset = DiagnosticsSettings()
        found = await service_tools.mail(MailStart(domain="post.test"), unset, (one,), own=True)
        nowhere = await service_tools.mail(MailStart(domain="none.test"), unset, (one,))
    assert asked == [("mx.post.test", 25), ("smtp.post.test", 465), ("imap.post.test", 143)]
    assert found.ok, "port 25 is closed on many lines"
    assert (found.lookup, found.exchangers) == Exchangers("found", ("mx.post.test",))
    assert (nowhere.ok, nowhere.lookup) == (False, "refused")
