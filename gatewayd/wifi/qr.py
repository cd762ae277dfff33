"""A network as a QR code that phones join by. Pure.

The text is the `WIFI:` form that cameras of phones read, with a backslash before each of ``\\ ; , : "``.
`T:WPA` stands for every network with a password, WPA3 too (it is the only type in the WPA3 Specification,
3.0, 7.1): a phone finds out by itself what the network speaks. That specification leaves the type out where
there is no password and writes `%3B` for a semicolon; phones read the older form, with `nopass` and
backslashes, which is therefore what is written. Passwords that we suggest are the same in both.
"""

from __future__ import annotations

import base64
import io
import re
from typing import Literal

import segno

from gatewayd.wifi.model import NetworkSettings

Format = Literal["svg", "png", "text"]
CONTENT_TYPES: dict[Format, str] = {"svg": "image/svg+xml", "png": "image/png", "text": "text/plain"}
_BORDER = 4  # modules of quiet zone that ISO/IEC 18004 asks for
_SCALE = 8
_HALVES = {(True, True): " ", (False, False): "█", (False, True): "▀", (True, False): "▄"}


def wifi_uri(network: NetworkSettings) -> str:
    """What the code says: with the password, so it is as secret as that."""
    kind = "WPA" if network.security.has_passphrase else "nopass"
    fields = [f"T:{kind}", f"S:{_escaped(network.ssid)}"]
    if network.passphrase is not None:
        fields.append(f"P:{_escaped(network.passphrase.reveal())}")
    if network.hidden:
        fields.append("H:true")
    return f"WIFI:{';'.join(fields)};;"


def draw(text: str, kind: Format) -> str:
    """The code as an SVG document, a PNG in base64, or lines for a dark terminal (two modules a letter)."""
    # Names beyond ASCII say that they are UTF-8: a reader that guesses may guess wrong.
    code = segno.make(text, error="m", micro=False, encoding="utf-8", eci=not text.isascii())
    if kind == "text":
        return _letters(code)
    drawn = io.BytesIO()
    options: dict[str, str] = {"light": "#fff"}
    code.save(drawn, kind=kind, scale=_SCALE, border=_BORDER, **options)
    return drawn.getvalue().decode() if kind == "svg" else base64.b64encode(drawn.getvalue()).decode()


def _letters(code: segno.QRCode) -> str:
    rows = [[bool(module) for module in row] for row in code.matrix_iter(border=_BORDER)]
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    return "\n".join(
        "".join(_HALVES[pair] for pair in zip(rows[number], rows[number + 1], strict=True))
        for number in range(0, len(rows), 2)
    )


def _escaped(text: str) -> str:
    return re.sub(r'([\\;,:"])', r"\\\1", text)
