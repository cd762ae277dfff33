"""What is typed, scanned and carried: claim codes, their QR text, tokens. Pure but for the drawing."""

from __future__ import annotations

import hashlib
import hmac
import io
import re
import secrets
from urllib.parse import urlencode

import segno

from gatewayd.access import base64url

CODE_DIGITS = 8
SECRET_BYTES = 16  # 128 bits: nobody guesses it, so it needs no five tries
TOKEN_BYTES = 32
TOKEN_PREFIX = "gwt_"  # noqa: S105  # lets secret scanners know one when they see one
REFRESH_PREFIX = "gwr_"
CSRF_CHARACTERS = 22
_DIGITS = re.compile(rf"[0-9]{{{CODE_DIGITS}}}")


def draw_code() -> str:
    """Eight decimal digits, each as likely as any other; leading zeros belong to it."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"


def draw_secret() -> str:
    """The 128 bits of a QR code, as 22 characters of base64url."""
    return secrets.token_urlsafe(SECRET_BYTES)


def draw_token() -> str:
    """A bearer token: 256 random bits that mean nothing by themselves."""
    return TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


def next_refresh(chain: bytes, before: str) -> str:
    """The refresh token after `before` in the chain of one session: 256 bits.

    Made, not drawn: a reply that was lost can be given again although only hashes are kept. Who has the
    state file knows `chain` but no token, who has a token does not know `chain`.
    """
    return REFRESH_PREFIX + base64url.encode(hmac.digest(chain, before.encode("utf-8"), "sha256"))


def csrf(token: str) -> str:
    """What a page repeats in a header beside its cookie: it shows that the page may read our answers."""
    return base64url.encode(hashlib.sha256(b"csrf " + token.encode("utf-8", "surrogatepass")).digest())[
        :CSRF_CHARACTERS
    ]


def draw_ticket() -> str:
    """A ticket: 128 bits, short enough for an address."""
    return "gwk_" + secrets.token_urlsafe(SECRET_BYTES)


def read_code(typed: str) -> str | None:
    """The digits of a code as people type it (`1234 5678`, `1234-5678`); None when it cannot be one."""
    digits = typed.replace(" ", "").replace("-", "")
    return digits if _DIGITS.fullmatch(digits) else None


def shown_code(code: str) -> str:
    """`1234 5678`: two groups are easier to read out."""
    return f"{code[:4]} {code[4:]}"


def digest(token: str) -> bytes:
    """What is stored of a token. Random 256 bits need neither salt nor stretching."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def salted(salt: bytes, value: str) -> bytes:
    """What is stored of a code or a QR secret.

    A fast hash of eight digits does not withstand whoever has the state file; but who can read that
    file is the box itself, and the code is good for five tries and one use.
    """
    return hashlib.sha256(salt + value.encode("utf-8", "surrogatepass")).digest()


def same(stored: bytes, salt: bytes, offered: str) -> bool:
    """Compares in constant time."""
    return hmac.compare_digest(stored, salted(salt, offered))


def claim_uri(*, box: str, secret: str, fingerprint: str, host: str) -> str:
    """The text of the QR code: `gatewayd://claim?id=..&secret=..&spki=..&host=..`.

    An app connects to `host`, accepts only the public key with the hash `spki`, and then redeems the
    secret: what it scanned tells it whom it speaks to.
    """
    return "gatewayd://claim?" + urlencode({"id": box, "secret": secret, "spki": fingerprint, "host": host})


def qr_svg(text: str) -> str:
    """A QR code of `text` as an SVG document, with the quiet zone that cameras need."""
    drawn = io.BytesIO()
    segno.make(text, error="m", micro=False).save(drawn, kind="svg", scale=8, border=4, light="#fff")
    return drawn.getvalue().decode()
