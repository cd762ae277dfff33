"""What the demo says in the terminal: where the page is, the claim code, the same as a QR code."""

from __future__ import annotations

import io

import segno


def banner(*, address: str, socket: str, fingerprint: str, code: str | None, uri: str | None) -> str:
    """The text. `code` is None when the box has an owner already."""
    lines = ["", "  gatewayd demo: a simulated radio, a real recorder, nothing outside its folder.", ""]
    lines += [f"  Page          {address}", f"  Fingerprint   {_groups(fingerprint)}"]
    if code is None or uri is None:
        lines += ["  Owner         claimed already (gatewayctl pair adds a device)"]
    else:
        lines += [f"  Claim code    {code[:4]} {code[4:]}", "", qr(uri)]
    lines += [f"  Shell         gatewayctl --socket {socket} status", "  Ctrl-C ends it.", ""]
    return "\n".join(lines)


def qr(text: str) -> str:
    """A QR code of half-height blocks, with its quiet zone, for a terminal."""
    out = io.StringIO()
    segno.make(text, error="l", micro=False).terminal(out, compact=True, border=2)
    return out.getvalue()


def _groups(fingerprint: str) -> str:
    """The first 128 bits in groups that a person can compare."""
    return " ".join(fingerprint[start : start + 4] for start in range(0, 32, 4)) + " ..."
