"""Taking out of texts and documents what nobody else has to know. Pure but for a salt.

Two ways at once: secrets that the box knows are searched for by their very letters, and what looks like one
(addresses of pages with their paths, hardware addresses, long random words) is taken out wherever it stands.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from typing import Any

HIDDEN = "***"
SHORTEST = 4
"""Known secrets with fewer characters are not searched for: they would tear ordinary words apart."""
_HIDDEN_KEYS = re.compile(
    r"(pass(word|phrase)?|secret|token|authori[sz]ation|credential|cookie|csrf|psk|pin|otp|recovery_codes?|"
    r"body|username|sender|serial|private_key|uri|code)$"
)
_NOT_HIDDEN = {"code"}  # error codes; a claim code is never in what is collected
_WORDS = re.compile(
    r"(?P<mac>(?<![0-9A-Za-z:-])[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?![0-9A-Za-z:-]))"
    r"|(?P<url>[a-z][a-z0-9+.-]{1,11}://[^\s\"'<>]+)"
    r"|(?P<sip>sips?:[^\s\"'<>]+)"
    r"|(?P<pem>-----BEGIN [A-Z ]+-----.*?(?:-----END [A-Z ]+-----|\Z))"
    r"|(?P<mail>[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+)"
    r"|(?P<bearer>(?i:bearer|basic|dpop|digest)[ =][\w~+/.=-]{8,})"
    r"|(?P<named>(?i:\b[\w-]*(?:passw(?:or)?d|passphrase|secret|token|psk|api_?key)\b[\"']?\s*[=:]\s*)"
    r"(?:\"[^\"]*\"|'[^']*'|[^\s,;&]+))"
    r"|(?P<random>(?<![\w-])[\w-]{40,}(?![\w-]))",
    re.DOTALL,
)
_HOST = re.compile(
    r"^(?P<scheme>[a-z][a-z0-9+.-]*://)(?:[^/@?#]*@)?(?P<host>\[[^\]]*\]|[^/?#:]*)(?P<port>:\d+)?"
)


class Redactor:
    """Hardware addresses become names such as `mac-1f2e3d`, the same ones as long as this object lives."""

    def __init__(self) -> None:
        self._salt = secrets.token_bytes(16)

    def text(self, text: str, known: Iterable[str] = ()) -> str:
        """The text without them; `known` are secrets to be searched for."""
        for secret in sorted(set(known), key=len, reverse=True):
            if len(secret) >= SHORTEST:
                text = text.replace(secret, HIDDEN)
        return _WORDS.sub(self._instead, text)

    def document(self, value: Any, known: Iterable[str] = ()) -> Any:
        """A JSON document without them, also in its keys; values whose key names a secret are hidden."""
        known = tuple(known)
        if isinstance(value, dict):
            return {
                self.text(str(key), known): HIDDEN
                if item is not None and _is_hidden(str(key)) and not isinstance(item, bool)
                else self.document(item, known)
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.document(item, known) for item in value]
        return self.text(value, known) if isinstance(value, str) else value

    def _instead(self, found: re.Match[str]) -> str:
        text = found[0]
        if found["mac"]:
            plain = re.sub("[^0-9a-f]", "", text.lower()).encode()
            return "mac-" + hashlib.blake2s(plain, key=self._salt, digest_size=3).hexdigest()
        if found["url"]:
            return _bare(text)
        if found["named"]:
            return re.split(r"(?<=[=:])\s*", text, maxsplit=1)[0] + HIDDEN
        return HIDDEN


def _is_hidden(key: str) -> bool:
    return key not in _NOT_HIDDEN and _HIDDEN_KEYS.search(key.lower()) is not None


def _bare(url: str) -> str:
    """The scheme, host and port: providers put their customers' passwords into everything else."""
    found = _HOST.match(url)
    if found is None:
        return HIDDEN
    rest = url[found.end() :]
    return f"{found['scheme']}{found['host']}{found['port'] or ''}{'/...' if rest.strip('/') else ''}"
