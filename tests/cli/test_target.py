"""Where the box is, and which fingerprint it must have."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.cli import target
from gatewayd.cli.target import Target, choose, find_socket, read_pin, shown_pin


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(target, "SYSTEM_SOCKET", tmp_path / "system.sock")
    return tmp_path / "system.sock"


def chosen(environment: dict[str, str] | None = None, /, **options: str | bool) -> Target:
    given = {"socket": None, "url": None, "token": None, "fingerprint": None, "insecure": False} | options
    return choose(**given, environment=environment or {})  # type: ignore[arg-type]


def test_the_socket_is_the_named_one_then_the_environments_then_the_systems_then_the_demos(
    system: Path, tmp_path: Path
) -> None:
    environment = {"GATEWAYD_SOCKET": "/env.sock", "XDG_STATE_HOME": str(tmp_path)}
    demo = tmp_path / "gatewayd/run/api.sock"
    assert find_socket("/given.sock", environment) == Path("/given.sock")
    assert find_socket(None, environment) == Path("/env.sock")
    del environment["GATEWAYD_SOCKET"]
    assert find_socket(None, environment) == system
    demo.parent.mkdir(parents=True)
    demo.touch()
    assert find_socket(None, environment) == demo
    system.touch()
    assert find_socket(None, environment) == system


def test_the_demo_lives_in_the_users_state_folder() -> None:
    assert target.demo_socket({"HOME": "/home/ada"}) == Path("/home/ada/.local/state/gatewayd/run/api.sock")


def test_an_address_takes_its_token_and_fingerprint_from_the_environment() -> None:
    environment = {
        "GATEWAYD_URL": "https://box:8443/",
        "GATEWAYD_TOKEN": "t",
        "GATEWAYD_FINGERPRINT": "ab" * 32,
    }
    found = chosen(environment)
    assert (found.url, found.token, found.pin) == ("https://box:8443", "t", b"\xab" * 32)
    assert chosen(environment, socket="/x").socket == Path("/x")
    assert chosen(environment, insecure=True).pin is None


@pytest.mark.parametrize(
    "options",
    [
        {"socket": "/x", "url": "https://box"},
        {"token": "t"},
        {"fingerprint": "ab" * 32},
        {"insecure": True},
        {"url": "http://box"},
        {"url": "box"},
        {"url": "https://box/path"},
        {"url": "ftp://box"},
        {"url": "https://box", "fingerprint": "ab" * 32, "insecure": True},
        {"url": "https://box", "fingerprint": "ab" * 31},
        {"url": "https://box", "fingerprint": "xy" * 32},
    ],
)
def test_what_contradicts_itself_is_wrong_usage(options: dict[str, str | bool]) -> None:
    with pytest.raises(click.UsageError):
        chosen({}, **options)


@given(st.binary(min_size=32, max_size=32), st.sampled_from([":", " ", "-", ""]))
def test_a_fingerprint_is_read_however_it_was_grouped(pin: bytes, separator: str) -> None:
    assert read_pin(shown_pin(pin.hex())) == pin
    assert read_pin(pin.hex(separator).upper() if separator else pin.hex()) == pin
