"""The digest by which a telephone proves its password (RFC 3261, 22; RFC 8760). Pure, but for a drawn nonce.

The password itself never leaves the box; whoever hears the proof can try passwords on it, which is why the
settings offer TLS.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from typing import NamedTuple

from gatewayd.system.secret import Secret

ALGORITHMS = {"SHA-256": "sha256", "SHA-512-256": "sha512_256", "MD5": "md5"}
"""By the names of RFC 8760, 2.1; each also as a session variant, `-sess`."""
_PARAMETER = re.compile(r'([A-Za-z]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,"]+)\s*(?:,|$)')
_LONGEST = 1024


class Challenge(NamedTuple):
    """What a server wants proven. `algorithm` is spelt as the server did; `qop` empty or `auth`."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    opaque: str | None = None
    qop: str = ""
    stale: bool = False
    proxy: bool = False


class Account(NamedTuple):
    """Whom we are: `login` is the name in the digest, most often the user itself."""

    login: str
    password: Secret


def choose(values: Iterable[tuple[bool, str]]) -> Challenge | None:
    """The first challenge that we can meet, in the server's order (RFC 8760, 2.4); None when there is none.

    `values` are the headers' values, True for those of a proxy.
    """
    for proxy, value in values:
        found = read_challenge(value, proxy=proxy)
        if found is not None:
            return found
    return None


def read_challenge(value: str, *, proxy: bool = False) -> Challenge | None:
    """One `WWW-Authenticate` or `Proxy-Authenticate`; None when it is not one that we can meet."""
    scheme, _, rest = value[:_LONGEST].strip().partition(" ")
    if scheme.lower() != "digest" or not value.isprintable():
        return None  # what is in it is said back: no line of the server's becomes one of ours
    said = {name.lower(): _unquoted(text) for name, text in _PARAMETER.findall(rest.strip())}
    algorithm = said.get("algorithm", "MD5")
    offered = [one.strip().lower() for one in said["qop"].split(",")] if "qop" in said else []
    if "realm" not in said or "nonce" not in said or _hash(algorithm) is None:
        return None
    if offered and "auth" not in offered:
        return None  # auth-int alone: nobody serves it
    return Challenge(
        realm=said["realm"],
        nonce=said["nonce"],
        algorithm=algorithm,
        opaque=said.get("opaque"),
        qop="auth" if offered else "",
        stale=said.get("stale", "").lower() == "true",
        proxy=proxy,
    )


def authorization(
    challenge: Challenge, account: Account, method: str, uri: str, *, cnonce: str | None = None
) -> tuple[str, str]:
    """The header's name and value that answer a challenge, for the first request with its nonce."""
    drawn = cnonce or secrets.token_hex(8)
    digest = _hash(challenge.algorithm)
    assert digest is not None  # `read_challenge`

    def of(*parts: str) -> str:
        return hashlib.new(digest, ":".join(parts).encode(), usedforsecurity=False).hexdigest()

    secret = of(account.login, challenge.realm, account.password.reveal())
    if challenge.algorithm.lower().endswith("-sess"):
        secret = of(secret, challenge.nonce, drawn)
    question = of(method, uri)
    parts = {
        "username": _quoted(account.login),
        "realm": _quoted(challenge.realm),
        "nonce": _quoted(challenge.nonce),
        "uri": _quoted(uri),
    }
    if challenge.qop:
        count = "00000001"
        parts["response"] = _quoted(of(secret, challenge.nonce, count, drawn, challenge.qop, question))
        parts |= {"qop": challenge.qop, "nc": count}
    else:
        parts["response"] = _quoted(of(secret, challenge.nonce, question))
    if challenge.qop or challenge.algorithm.lower().endswith("-sess"):
        parts["cnonce"] = _quoted(drawn)
    parts["algorithm"] = challenge.algorithm
    if challenge.opaque is not None:
        parts["opaque"] = _quoted(challenge.opaque)
    name = "Proxy-Authorization" if challenge.proxy else "Authorization"
    return name, "Digest " + ", ".join(f"{key}={value}" for key, value in parts.items())


def _hash(algorithm: str) -> str | None:
    return ALGORITHMS.get(algorithm.upper().removesuffix("-SESS"))


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
