"""Settings: what is not understood is refused, with the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewayd.errors import GatewayError
from gatewayd.settings import Settings, load, parse

CONFIG = Path(__file__).resolve().parents[2] / "config"


@pytest.mark.parametrize("name", ["gatewayd.toml", "demo.toml"])
def test_what_we_ship_is_understood(name: str) -> None:
    assert isinstance(load(CONFIG / name), Settings)


def test_an_empty_file_is_the_defaults() -> None:
    assert parse("") == Settings()


@pytest.mark.parametrize(
    ("text", "field", "line"),
    [
        ("colour = 'red'", "colour", 1),
        ("[box]\nname = 'a'\n\nnmae = 'b'", "box.nmae", 4),
        ("[api]\n# 70000 is too much\nport = 70000", "api.port", 3),
        ("api.port = 'x'", "api.port", 1),
        ("[wifi]\ndriver = 'magic'", "wifi.driver", 2),
        ("\n[bxo]\nname = 'a'", "bxo", 2),
        ("[wifi]\ninterfaces = ['wlan0', 5]", "wifi.interfaces", 2),
        ("[diagnostics]\nmail_servers = ['imap.example']", "diagnostics.mail_servers", 2),
        ('[diagnostics]\nsip_account = "4930\\r\\nVia: x"', "diagnostics.sip_account", 2),
        ('[diagnostics]\nsip_login = "4930\\n"', "diagnostics.sip_login", 2),
    ],
)
def test_a_bad_key_is_named_with_its_line(text: str, field: str, line: int) -> None:
    with pytest.raises(GatewayError) as caught:
        parse(text, "box.toml")
    assert caught.value.code == "settings.invalid"
    assert caught.value.field == field
    assert f"box.toml, line {line}:" in caught.value.detail


def test_broken_toml_and_a_missing_file(tmp_path: Path) -> None:
    for text in ("x = ", "[a", "\x00"):
        with pytest.raises(GatewayError, match=r"settings\.invalid"):
            parse(text)
    with pytest.raises(GatewayError, match=r"none\.toml"):
        load(tmp_path / "none.toml")
