"""Where the box is, and how to be sure that it is the right one."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import click

from gatewayd.cli.member import file_of
from gatewayd.cli.refusals import Unreachable

SYSTEM_SOCKET = Path("/run/gatewayd/api.sock")
_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A Unix socket, or an address with a token. `pin` is the SHA-256 of the box's public key; `member` is
    what `gatewayctl join` has kept of the box there, and stands for both."""

    socket: Path | None = None
    url: str | None = None
    token: str | None = None
    pin: bytes | None = None
    insecure: bool = False
    member: Path | None = None

    @property
    def base(self) -> str:
        """What paths are added to."""
        return self.url or "http://localhost"

    def __str__(self) -> str:
        return str(self.socket or self.url)


def choose(
    *,
    socket: str | None,
    url: str | None,
    token: str | None,
    fingerprint: str | None,
    insecure: bool,
    environment: Mapping[str, str] = os.environ,
) -> Target:
    """The target that the options mean; the environment fills in what they leave open.

    Raises click.UsageError when the options contradict one another.
    """
    if socket is not None and url is not None:
        raise click.UsageError("Give either --socket or --url.")
    if url is None and socket is None:
        url = environment.get("GATEWAYD_URL") or None
    if url is None:
        for name, given in (("--token", token), ("--fingerprint", fingerprint), ("--insecure", insecure)):
            if given:
                raise click.UsageError(f"{name} goes with --url.")
        return Target(socket=find_socket(socket, environment))
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.path.strip("/"):
        raise click.UsageError("--url is https://NAME or https://NAME:PORT, without a path.")
    if parts.scheme == "http" and not insecure:
        raise click.UsageError("Plain http shows the token to everybody on the way; it needs --insecure.")
    if fingerprint is not None and insecure:
        raise click.UsageError("Give either --fingerprint or --insecure.")
    if not insecure:
        fingerprint = fingerprint or environment.get("GATEWAYD_FINGERPRINT") or None
    token = token or environment.get("GATEWAYD_TOKEN") or None
    member = file_of(url, environment)
    return Target(
        url=url.rstrip("/"),
        token=token,
        member=member if token is None and not insecure and fingerprint is None and member.exists() else None,
        pin=None if fingerprint is None else read_pin(fingerprint),
        insecure=insecure,
    )


def find_socket(given: str | None, environment: Mapping[str, str]) -> Path:
    """The socket by option, by `$GATEWAYD_SOCKET`, the system's, else the demo's."""
    named = given or environment.get("GATEWAYD_SOCKET")
    if named:
        return Path(named)
    demo = demo_socket(environment)
    return demo if demo.exists() and not SYSTEM_SOCKET.exists() else SYSTEM_SOCKET


def demo_socket(environment: Mapping[str, str]) -> Path:
    """Where `gatewayd --demo` listens when it is not told otherwise."""
    state = environment.get("XDG_STATE_HOME") or f"{environment.get('HOME', '')}/.local/state"
    return Path(state) / "gatewayd/run/api.sock"


def read_pin(text: str) -> bytes:
    """The 32 bytes of a fingerprint, however it was grouped. Raises click.UsageError."""
    digits = re.sub(r"[\s:.-]", "", text).lower().removeprefix("sha256")
    if not _HEX.fullmatch(digits):
        raise click.UsageError("--fingerprint is what `gatewayctl pair` shows: 64 hexadecimal digits.")
    return bytes.fromhex(digits)


def shown_pin(pin: str) -> str:
    """Groups of four digits: easier to compare by eye."""
    return " ".join(pin[place : place + 4] for place in range(0, len(pin), 4))


class UnknownCertificate(Unreachable):
    """No authority of this machine vouches for the box, and no fingerprint was given."""

    def __init__(self, target: Target) -> None:
        super().__init__(f"Nobody known to this machine vouches for {target}.")
        self._target = target

    def show(self, file: IO[Any] | None = None) -> None:
        """The sentence, and the fingerprint to compare."""
        super().show(file)
        pin = self._pin()
        if pin is not None:
            click.echo(
                f"Its fingerprint is\n  {shown_pin(pin.hex())}\nCompare it with the one that "
                "`gatewayctl pair` shows on the box itself, then give it with --fingerprint.",
                file=file,
                err=True,
            )

    def _pin(self) -> bytes | None:
        import ssl

        from gatewayd.client.pin import spki_sha256

        parts = urlsplit(self._target.base)
        try:
            pem = ssl.get_server_certificate((parts.hostname or "", parts.port or 443), timeout=10.0)
        except OSError:
            return None
        return spki_sha256(ssl.PEM_cert_to_DER_cert(pem))
