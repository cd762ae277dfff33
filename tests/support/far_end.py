"""`python -m tests.support.far_end`: what answers at the far end of the test internet.

Listens on every address of its namespace: 443 accepts (an anchor), 80 answers 204 (the web), the portal
port answers with a redirect to a sign-in page, the SERVFAIL port answers every DNS question with an error.
"""

from __future__ import annotations

import asyncio
from typing import Any

from tests.support.internet import PORTAL_PORT, SERVFAIL_PORT

_NO_CONTENT = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
_SIGN_IN = (
    b"HTTP/1.1 302 Found\r\nLocation: http://login.portal.test/?next=1\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)
_ANSWER_SERVFAIL = b"\x81\x82"  # QR, RD; RA, RCODE 2 (RFC 1035, 4.1.1)


async def _accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.close()


async def _http(answer: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    writer.close()


class _Servfail(asyncio.DatagramProtocol):
    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.DatagramTransport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._transport.sendto(data[:2] + _ANSWER_SERVFAIL + data[4:6] + b"\0" * 6 + _question(data), addr)


def _question(data: bytes) -> bytes:
    end = 12
    while end < len(data) and data[end]:
        end += data[end] + 1
    return data[12 : end + 5]


async def main() -> None:
    """Serves until it is ended with its namespace."""
    await asyncio.get_running_loop().create_datagram_endpoint(
        _Servfail, local_addr=("0.0.0.0", SERVFAIL_PORT)
    )
    async with (
        await asyncio.start_server(_accept, "0.0.0.0", 443),
        await asyncio.start_server(lambda r, w: _http(_NO_CONTENT, r, w), "0.0.0.0", 80),
        await asyncio.start_server(lambda r, w: _http(_SIGN_IN, r, w), "0.0.0.0", PORTAL_PORT),
    ):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
