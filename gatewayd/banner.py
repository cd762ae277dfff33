"""What the demo says in the terminal: where the page is, the claim code, the same as a QR code."""

from __future__ import annotations

import io

import segno


def banner(
    *, address: str, socket: str, fingerprint: str, claimed: bool, code: str | None, uri: str | None
) -> str:
    """The text. `code` is None when the box is claimed, or when a code's tries were used up before."""
    lines = ["", "  gatewayd demo: a simulated radio, a real recorder, nothing outside its folder.", ""]
    lines += [f"  Page          {address}", f"  Fingerprint   {_groups(fingerprint)}"]
    if code is None or uri is None:
        why = (
            "claimed; to add a device"
            if claimed
            else "none yet, and the code's tries are used up; for a new one"
        )
        lines += [f"  Owner         {why}: gatewayctl --socket {socket} pair"]
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
