"""SIP's messages, as far as a probe needs them (RFC 3261, 7). Pure."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

_STATUS = re.compile(r"SIP/2\.0 ([1-6]\d\d)(?: |$)")
_SHORT = {"v": "via", "i": "call-id", "l": "content-length", "m": "contact", "f": "from", "t": "to"}
_EXPIRES = re.compile(r";\s*expires\s*=\s*(\d{1,10})", re.IGNORECASE)
_LENGTH = re.compile(rb"(?:^|\r\n)(?:content-length|l)[ \t]*:[ \t]*(\d{1,6})[ \t]*(?:\r\n|$)", re.IGNORECASE)
MOST = 65_536
_MOST_LINES = 200


class Reply(NamedTuple):
    """A response: its status and its headers, names in lower case and in full."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a header, in order."""
        return tuple(value for key, value in self.headers if key == name)

    def first(self, name: str) -> str:
        """The first value of a header, empty when there is none."""
        return next(iter(self.all(name)), "")


def request(
    method: str,
    uri: str,
    *,
    aor: str,
    via: str,
    call: str,
    tag: str,
    number: int,
    extra: tuple[tuple[str, str], ...] = (),
) -> bytes:
    """A request without content. `aor` is whom it is about, `via` the whole header's value.

    A REGISTER without Contact asks for the bindings and changes none (RFC 3261, 10.2.3).
    """
    headers = (
        ("Via", via),
        ("Max-Forwards", "70"),
        ("From", f"<{aor}>;tag={tag}"),
        ("To", f"<{aor}>"),
        ("Call-ID", call),
        ("CSeq", f"{number} {method}"),
        ("User-Agent", "gatewayd"),
        *extra,
        ("Content-Length", "0"),
    )
    lines = [f"{method} {uri} SIP/2.0", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode()


def read_reply(data: bytes, call: str, number: int, method: str) -> Reply | None:
    """The response to our request of that Call-ID and CSeq; None for whatever else comes. Never raises."""
    head = data[:MOST].partition(b"\r\n\r\n")[0].decode("utf-8", errors="replace")
    unfolded = re.sub(r"\r\n[ \t]+", " ", head)  # RFC 3261, 7.3.1
    first, *lines = unfolded.split("\r\n")[:_MOST_LINES]
    match = _STATUS.match(first)
    if match is None:
        return None
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            plain = name.strip().lower()
            headers.append((_SHORT.get(plain, plain), value.strip()))
    reply = Reply(int(match[1]), tuple(headers))
    sequence = reply.first("cseq").split()
    ours = sequence == [str(number), method] and reply.first("call-id") == call
    return reply if ours else None


def content_length(head: bytes) -> int:
    """How many bytes follow a message's head on a stream; 0 when it does not say. Never raises."""
    match = _LENGTH.search(head)
    return int(match[1]) if match else 0


def bindings(reply: Reply) -> int:
    """How many places a registrar says to ring: its Contacts that have not run out. Pure."""
    count = 0
    for value in reply.all("contact"):
        for one in _split(value):
            expires = _EXPIRES.search(one.rpartition(">")[2] if ">" in one else one)
            if one.strip() and (expires is None or int(expires[1]) > 0):
                count += 1
    return count


def host_of(name: str) -> str:
    """A host as a URI and a Via write it: an IPv6 address in brackets."""
    try:
        return f"[{name}]" if ipaddress.ip_address(name).version == 6 else name
    except ValueError:
        return name


def _split(value: str) -> list[str]:
    """At the commas that stand neither in quotes nor in angle brackets."""
    parts, quoted, angled, start = [], False, False, 0
    skip = False
    for place, letter in enumerate(value):
        if skip:
            skip = False
        elif quoted and letter == "\\":
            skip = True
        elif letter == '"' and not angled:
            quoted = not quoted
        elif not quoted and letter in "<>":
            angled = letter == "<"
        elif letter == "," and not quoted and not angled:
            parts.append(value[start:place])
            start = place + 1
    return [*parts, value[start:]]
