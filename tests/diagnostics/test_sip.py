"""The telephone's registration against a registrar on real sockets, the digest against published figures."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.diagnostics import sip, sip_digest, sip_message, telephone
from gatewayd.diagnostics.service_results import PhoneOutcome
from gatewayd.diagnostics.sip import Answer, Line
from gatewayd.diagnostics.sip_digest import Account
from gatewayd.errors import GatewayError
from gatewayd.settings import DiagnosticsSettings
from gatewayd.system.secret import Secret
from tests.diagnostics import far_end
from tests.support.registrar import REALM, Registrar

ACCOUNT = Account("4930", Secret("swordfish"))


async def asked(registrar: Registrar, transport: Any = "udp", seconds: float = 4.0, **more: Any) -> Answer:
    more = {"user": "4930", "account": ACCOUNT, "host": "calls.test"} | more
    context = more.pop("context", None)
    async with registrar.serving(transport, context) as port:
        return await sip.ask(Line(address="127.0.0.1", port=port, transport=transport, **more), seconds)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(
    ("registrar", "outcome", "status", "bindings"),
    [
        (Registrar(), "registered", 200, 1),
        (Registrar(telephones=("<sip:a@192.0.2.1>", "<sip:b@192.0.2.2>;expires=0")), "registered", 200, 1),
        (Registrar(telephones=()), "empty", 200, 0),
        (Registrar(users={"4930": "changed"}), "account", 401, None),
        (Registrar(users={}), "account", 401, None),
        (Registrar(proxy=True), "registered", 200, 1),
        (Registrar(stale=1), "registered", 200, 1),
        (Registrar(stale=9), "account", 401, None),
        (Registrar(trying=True), "registered", 200, 1),
        (Registrar(qop=None, algorithms=("MD5",)), "registered", 200, 1),
        (Registrar(qop="auth-int,auth"), "registered", 200, 1),
        (Registrar(qop="auth-int"), "unclear", 401, None),
        (Registrar(algorithms=("SHA-512-256",)), "registered", 200, 1),
        (Registrar(algorithms=("MD5-sess",)), "registered", 200, 1),
        (Registrar(algorithms=("AKAv1-MD5",)), "unclear", 401, None),
        (Registrar(always=403), "account", 403, None),
        (Registrar(always=404), "account", 404, None),
        (Registrar(always=503), "service", 503, None),
        (Registrar(always=500), "service", 500, None),
        (Registrar(always=405), "unclear", 405, None),
        (Registrar(always=302), "unclear", 302, None),
    ],
    ids=str,
)
async def test_each_answer(
    registrar: Registrar, outcome: PhoneOutcome, status: int, bindings: int | None, transport: str
) -> None:
    registrar.requests.clear()
    answer = await asked(registrar, transport)
    assert (answer.outcome, answer.method, answer.status, answer.bindings) == (
        outcome, "REGISTER", status, bindings,
    )  # fmt: skip
    assert all("swordfish" not in one for one in registrar.requests), "the password left the box"
    calls = {line for one in registrar.requests for line in one.split("\r\n") if line.startswith("Call-ID")}
    assert len(calls) == 1
    assert len(registrar.requests) <= 3


async def test_the_strongest_that_the_server_wants_is_proven() -> None:
    assert (await asked(Registrar())).algorithm == "SHA-256"
    assert (await asked(Registrar(algorithms=("AKAv1-MD5", "MD5")))).algorithm == "MD5"


async def test_without_an_account_the_server_is_only_asked_whether_it_lives() -> None:
    registrar = Registrar()
    answer = await asked(registrar, account=None, user=None)
    assert (answer.outcome, answer.method, answer.status) == ("alive", "OPTIONS", 200)
    assert [one.split(" ")[0] for one in registrar.requests] == ["OPTIONS"]
    assert (await asked(Registrar(always=403), account=None)).outcome == "alive", "strangers are told nothing"
    assert (await asked(Registrar(always=501), account=None)).outcome == "alive"
    assert (await asked(Registrar(always=503), account=None)).outcome == "service"


async def test_lost_datagrams_are_sent_again() -> None:
    registrar = Registrar(silent=1)
    assert (await asked(registrar)).outcome == "registered"
    assert registrar.requests[0] == registrar.requests[1], "a repetition is the same request"
    assert (await asked(Registrar(silent=99), seconds=0.7)).outcome == "silent"
    assert (await asked(Registrar(silent=99), "tcp", seconds=0.3)).outcome == "silent"


async def test_a_lost_answer_is_no_wrong_password() -> None:
    """This registrar remembers no request: to a repeated proof it says that its nonce is no good."""
    registrar = Registrar(lost=1)
    assert (await asked(registrar)).outcome == "registered"
    assert len(registrar.requests) == 4
    assert (await asked(Registrar(lost=2), seconds=6.0)).outcome == "unclear"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_nobody_at_the_port(transport: Any) -> None:
    async with Registrar().serving("tcp") as port:
        pass
    line = Line("calls.test", "127.0.0.1", port, transport, account=ACCOUNT, user="4930")
    assert (await sip.ask(line, 3.0)).outcome == "refused"


async def test_over_tls_the_certificate_must_be_the_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far_end.certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    own, foreign = (far_end._tls(tmp_path, name) for name in ("server", "foreign"))
    assert (await asked(Registrar(), "tls", context=own, host="probe.test")).outcome == "registered"
    registrar = Registrar()
    assert (await asked(registrar, "tls", context=foreign, host="probe.test")).outcome == "untrusted"
    assert (await asked(registrar, "tls", context=own, host="other.test")).outcome == "untrusted"
    assert not registrar.requests, "whoever is not the server is told nothing"
    assert (await asked(registrar, "tls", host="probe.test", seconds=1.0)).outcome == "silent", (
        "no TLS spoken there"
    )


async def test_a_stream_that_never_says_enough() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with pytest.raises((ConnectionError, TimeoutError)):
            while True:
                writer.write(b"x" * 65536)
                await asyncio.wait_for(writer.drain(), 2.0)
        writer.close()

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        answer = await sip.ask(Line("calls.test", "127.0.0.1", port, "tcp", account=ACCOUNT), 2.0)
    assert answer.outcome == "silent"


# --- digest and messages -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [  # RFC 7616, 3.9.1
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_published_example_of_a_digest(algorithm: str, response: str) -> None:
    challenge = sip_digest.read_challenge(
        f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm},'
        ' nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",'
        ' opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    assert challenge is not None
    name, value = sip_digest.authorization(
        challenge, Account("Mufasa", Secret("Circle of Life")), "GET", "/dir/index.html",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )  # fmt: skip
    assert name == "Authorization"
    assert f'response="{response}"' in value


def test_an_account_is_never_printed() -> None:
    assert "swordfish" not in f"{ACCOUNT!r} {Line('h', 'a', 1, account=ACCOUNT)}"


@given(st.text(max_size=300))
def test_no_challenge_is_too_strange(value: str) -> None:
    sip_digest.read_challenge(value)
    challenge = sip_digest.read_challenge(f'Digest realm="{REALM}", nonce="n", {value}')
    if challenge is not None:
        said = sip_digest.authorization(challenge, ACCOUNT, "REGISTER", "sip:x")[1]
        assert said.isprintable(), "a line of the server's became one of ours"


@given(st.binary(max_size=400))
def test_no_message_is_too_strange(data: bytes) -> None:
    assert sip_message.read_reply(data, "c", 1, "REGISTER") is None
    sip_message.content_length(data)
    found = sip_message.read_reply(
        b"SIP/2.0 200 OK\r\ni: c\r\nCSeq: 1 REGISTER\r\nm: " + data, "c", 1, "REGISTER"
    )
    assert found is None or sip_message.bindings(found) >= 0


@pytest.mark.parametrize(
    "head",
    [
        b"SIP/2.0 200 OK\r\nCall-ID: c\r\nCSeq: 2 REGISTER",
        b"SIP/2.0 200 OK\r\nCall-ID: other\r\nCSeq: 1 REGISTER",
        b"SIP/2.0 200 OK\r\nCall-ID: c\r\nCSeq: 1 OPTIONS",
        b"REGISTER sip:x SIP/2.0\r\nCall-ID: c\r\nCSeq: 1 REGISTER",
    ],
)
def test_somebody_elses_answer_is_none(head: bytes) -> None:
    assert sip_message.read_reply(head + b"\r\n\r\n", "c", 1, "REGISTER") is None


# --- as the settings say -------------------------------------------------------------------------------


def targets(port: int, folder: Path, **more: Any) -> DiagnosticsSettings:
    (folder / "password").write_text("swordfish\nnot this\n")
    return DiagnosticsSettings(
        **{
            "sip_server": f"127.0.0.1:{port}",
            "sip_account": f"4930@{REALM}",
            "sip_password_file": str(folder / "password"),
        }
        | more
    )


async def test_the_settings_account(tmp_path: Path) -> None:
    registrar = Registrar()
    async with registrar.serving() as port:
        answer = await telephone.ask(targets(port, tmp_path), (), 3.0)
        assert (answer.outcome, answer.bindings) == ("registered", 1)
        assert registrar.requests[0].startswith(f"REGISTER sip:{REALM} SIP/2.0\r\n")
        assert f"To: <sip:4930@{REALM}>" in registrar.requests[0]
        wrong = await telephone.ask(targets(port, tmp_path, sip_login="4931"), (), 3.0)
        assert wrong.outcome == "account"
        nobody = await telephone.ask(targets(port, tmp_path, sip_password_file=None), (), 3.0)
        assert (nobody.method, nobody.outcome) == ("OPTIONS", "alive")


async def test_a_password_file_that_cannot_be_read_is_named_and_nothing_is_sent(tmp_path: Path) -> None:
    registrar = Registrar()
    (tmp_path / "empty").write_text("\n")
    async with registrar.serving() as port:
        for file in ("missing", "empty"):
            with pytest.raises(GatewayError, match="sip_password_file") as refused:
                await telephone.ask(targets(port, tmp_path, sip_password_file=str(tmp_path / file)), (), 1.0)
            assert refused.value.code == "settings.invalid"
    assert not registrar.requests
