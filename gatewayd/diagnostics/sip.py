"""Does the telephone's server live? SIP OPTIONS over UDP (RFC 3261, 11)."""

from __future__ import annotations

import asyncio
import re
import secrets

_STATUS = re.compile(rb"SIP/2\.0 (\d{3}) ")
_RESEND = (0.5, 1.0, 2.0)  # T1, doubled (RFC 3261, 17.1.2.2)


class _Options(asyncio.DatagramProtocol):
    def __init__(self, tag: str, answer: asyncio.Future[int]) -> None:
        self._tag = tag.encode()
        self._answer = answer

    def datagram_received(self, data: bytes, addr: object) -> None:
        status = read_status(data, self._tag)
        if status is not None and status >= 200 and not self._answer.done():
            self._answer.set_result(status)

    def error_received(self, exc: Exception) -> None:
        """Nobody at that port now; a later try may find somebody."""


async def options(address: str, port: int, seconds: float) -> int | None:
    """The final status that the server answers with, None when it does not answer within `seconds`."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[int] = loop.create_future()
    tag = secrets.token_hex(8)
    try:
        async with asyncio.timeout(seconds):
            transport, _ = await loop.create_datagram_endpoint(
                lambda: _Options(tag, answer), remote_addr=(address, port)
            )
            try:
                request = _request(address, port, transport.get_extra_info("sockname"), tag)
                for wait in (*_RESEND, seconds):
                    transport.sendto(request)
                    done, _ = await asyncio.wait((answer,), timeout=wait)
                    if done:
                        return answer.result()
            finally:
                transport.close()
    except (TimeoutError, OSError):
        pass
    return None


def read_status(data: bytes, tag: bytes) -> int | None:
    """The status of an answer to our question (our Via's branch is in it), else None. Pure."""
    match = _STATUS.match(data)
    return int(match[1]) if match and tag in data else None


def _request(address: str, port: int, own: tuple[object, ...], tag: str) -> bytes:
    host = f"[{address}]" if ":" in address else address
    here = f"[{own[0]}]:{own[1]}" if ":" in str(own[0]) else f"{own[0]}:{own[1]}"
    lines = (
        f"OPTIONS sip:{host}:{port} SIP/2.0",
        f"Via: SIP/2.0/UDP {here};branch=z9hG4bK{tag};rport",
        "Max-Forwards: 70",
        f"From: <sip:probe@{here}>;tag={tag[:8]}",
        f"To: <sip:{host}:{port}>",
        f"Call-ID: {tag}",
        "CSeq: 1 OPTIONS",
        "Accept: application/sdp",
        "Content-Length: 0",
        "",
        "",
    )
    return "\r\n".join(lines).encode()
