"""The registration probe against Kamailio, a registrar of other people's making. `make lab` installs it."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gatewayd.diagnostics import sip, sip_message
from gatewayd.diagnostics.sip import Answer, Line
from gatewayd.diagnostics.sip_digest import Account
from gatewayd.system.secret import Secret
from tests.support.ports import free_port

KAMAILIO = shutil.which("kamailio", path="/usr/sbin:/usr/bin")
MODULES = next(iter(Path("/usr/lib").glob("*/kamailio/modules")), Path("/usr/lib/kamailio/modules"))
pytestmark = pytest.mark.skipif(KAMAILIO is None, reason="Kamailio is not installed: run `make lab` as root")
USER, PASSWORD, REALM = "4930", "swordfish", "calls.test"

_CONFIG = """
debug=0
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
mpath="{modules}"
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "auth.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
modparam("usrloc", "db_mode", 0)
modparam("auth", "algorithm", "{algorithm}")
modparam("auth", "secret", "of the nonces")

request_route {{
    if ($rm != "REGISTER") {{
        sl_send_reply("200", "OK");
        exit;
    }}
    if (!pv_www_authenticate("{realm}", "{password}", "0")) {{
        www_challenge("{realm}", "1");
        exit;
    }}
    save("location");
    exit;
}}
"""


@pytest.fixture(scope="module", params=["MD5", "SHA-256"])
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A registrar on the loopback, with one account and nobody registered."""
    folder, chosen = tmp_path_factory.mktemp("kamailio"), free_port()
    config = folder / "kamailio.cfg"
    config.write_text(
        _CONFIG.format(port=chosen, modules=MODULES, algorithm=request.param, realm=REALM, password=PASSWORD)
    )
    assert KAMAILIO is not None
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [KAMAILIO, "-DD", "-E", "-f", config, "-Y", folder, "-P", folder / "pid", "-m", "16", "-M", "4"],
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
    try:
        for _ in range(40):
            if asyncio.run(asked(chosen, account=None, seconds=0.5)).outcome == "alive":
                break
            assert process.poll() is None, (folder / "log").read_text()[-2000:]
        else:
            raise AssertionError("Kamailio does not answer")
        yield chosen
    finally:
        process.terminate()
        process.wait(10)


async def asked(port: int, *, seconds: float = 4.0, transport: Any = "udp", **more: Any) -> Answer:
    """What our probe hears."""
    line: dict[str, Any] = {"user": USER, "account": Account(USER, Secret(PASSWORD))} | more
    return await sip.ask(Line(REALM, "127.0.0.1", port, transport, REALM, **line), seconds)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_the_account_is_let_in_and_nothing_is_registered_by_asking(
    port: int, transport: str, request: pytest.FixtureRequest
) -> None:
    for _ in range(2):
        answer = await asked(port, transport=transport)
        assert answer.algorithm == request.node.callspec.params["port"]
        assert (answer.outcome, answer.status, answer.bindings) == ("empty", 200, 0)


async def test_a_wrong_password_is_turned_away(port: int) -> None:
    answer = await asked(port, account=Account(USER, Secret("swordfis")))
    assert (answer.outcome, answer.status) == ("account", 401)


async def test_a_registered_telephone_is_counted_and_stays(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = sip_message.request

    def with_contact(*arguments: Any, **named: Any) -> bytes:
        contact = ("Contact", "<sip:4930@127.0.0.1:5999>;expires=60")
        return plain(*arguments, **named | {"extra": (*named.get("extra", ()), contact)})

    with monkeypatch.context() as telephone:  # the telephone itself: it registers
        telephone.setattr("gatewayd.diagnostics.sip.request", with_contact)
        assert (await asked(port)).bindings == 1
    for _ in range(2):
        answer = await asked(port)
        assert (answer.outcome, answer.bindings) == ("registered", 1)
