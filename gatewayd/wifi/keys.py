"""Keys: from a passphrase to what a radio checks, and passphrases worth having. Pure but for randomness."""

from __future__ import annotations

import functools
import hashlib
import re
import secrets

from gatewayd.system.secret import Secret

_ITERATIONS = 4096  # IEEE Std 802.11-2020, J.4.1: PSK = PBKDF2(passphrase, ssid, 4096, 256 bits)
_PMK_BYTES = 32
_REMEMBERED = 256
_RAW_KEY = re.compile(r"[0-9A-Fa-f]{64}")

# Without 0 O o 1 l I and whatever a television's remote control or a QR reader might mistake.
_ALPHABET = "23456789abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
_GROUPS, _GROUP = 4, 4


def is_raw_key(passphrase: str) -> bool:
    """Whether this is the 256-bit key itself in hexadecimal, not words to derive it from."""
    return _RAW_KEY.fullmatch(passphrase) is not None


@functools.lru_cache(_REMEMBERED)
def pmk(passphrase: Secret, ssid: bytes) -> str:
    """The pairwise master key of WPA2-Personal, as 64 lower-case hexadecimal digits.

    Takes some milliseconds, but not again: a revocation must not wait for the keys of all the others. A raw
    key is returned as it is.
    """
    words = passphrase.reveal()
    if is_raw_key(words):
        return words.lower()
    return hashlib.pbkdf2_hmac("sha1", words.encode(), ssid, _ITERATIONS, _PMK_BYTES).hex()


def suggest_passphrase() -> Secret:
    """A new random passphrase of 92 bits that people can read out: `Xy4k-...`, four groups of four."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return Secret("-".join(groups))
