"""A telephone's registrar over UDP, TCP and TLS, written after RFC 3261 and 8760 and not after our probe.

It notes every request, and fails a test that sends it what changes anything.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

REALM = "calls.test"
_HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}


@dataclass
class Registrar:
    """`users` are names and passwords; `telephones` are registered; `algorithms` are offered in this order.

    `always` answers everything with one status. `silent` drops so many requests first, `lost` so many
    answers to a proof, `stale` lets so many
    nonces run out, `trying` sends a 100 before each answer.
    """

    users: dict[str, str] = field(default_factory=lambda: {"4930": "swordfish"})
    telephones: tuple[str, ...] = ('"Hall, upstairs" <sip:4930@192.0.2.7:5060;ob>;expires=1800',)
    algorithms: tuple[str, ...] = ("SHA-256", "MD5")
    qop: str | None = "auth"
    proxy: bool = False
    always: int | None = None
    silent: int = 0
    lost: int = 0
    stale: int = 0
    trying: bool = False
    requests: list[str] = field(default_factory=list)
    _nonces: set[str] = field(default_factory=set)

    def answers(self, data: bytes) -> list[bytes]:
        """What is sent back for one request."""
        text = data.decode()
        self.requests.append(text)
        if self.silent:
            self.silent -= 1
            return []
        method, uri = text.split(" ", 2)[:2]
        assert method in ("REGISTER", "OPTIONS"), method
        assert "contact:" not in text.lower(), "a probe must not register anything"
        trying = [self._reply(text, 100)] if self.trying else []
        if self.always is not None:
            return [*trying, self._reply(text, self.always)]
        if method == "OPTIONS":
            return [*trying, self._reply(text, 200)]
        state = self._proven(text, method, uri)
        if state != "proven":
            return [*trying, self._reply(text, 407 if self.proxy else 401, *self._challenges(state))]
        if self.lost:
            self.lost -= 1
            return []
        contacts = [f"m: {', '.join(self.telephones)}"] if self.telephones else []
        return [*trying, self._reply(text, 200, *contacts)]

    def _proven(self, text: str, method: str, uri: str) -> Literal["proven", "stale", "wrong"]:
        header = "Proxy-Authorization" if self.proxy else "Authorization"
        found = re.search(rf"^{header}: Digest (.*)\r$", text, re.MULTILINE)
        if found is None:
            return "wrong"
        said = {key: value.strip('"') for key, value in re.findall(r'(\w+)=("[^"]*"|[^,\s]+)', found[1])}
        algorithm = said.get("algorithm", "MD5")
        if said["nonce"] not in self._nonces or said["uri"] != uri:
            return "wrong"
        self._nonces.discard(said["nonce"])  # each is good for one request
        password = self.users.get(said["username"])

        def of(*parts: str) -> str:
            return hashlib.new(_HASHES[algorithm.removesuffix("-sess")], ":".join(parts).encode()).hexdigest()

        if password is None:
            return "wrong"
        first = of(said["username"], REALM, password)
        if algorithm.endswith("-sess"):
            first = of(first, said["nonce"], said["cnonce"])
        middle = (said["nonce"], said["nc"], said["cnonce"], said["qop"]) if self.qop else (said["nonce"],)
        if said["response"] != of(first, *middle, of(method, uri)):
            return "wrong"
        if self.stale:
            self.stale -= 1
            return "stale"
        return "proven"

    def _challenges(self, state: str) -> list[str]:
        header = "Proxy-Authenticate" if self.proxy else "WWW-Authenticate"
        lines = []
        for algorithm in self.algorithms:
            nonce = secrets.token_hex(12)
            self._nonces.add(nonce)
            line = f'{header}: Digest realm="{REALM}", nonce="{nonce}", algorithm={algorithm},'
            line += '\r\n opaque="x\\"y"'
            line += f', qop="{self.qop}"' if self.qop else ""
            lines.append(line + (", stale=TRUE" if state == "stale" else ""))
        return lines

    @staticmethod
    def _reply(text: str, status: int, *extra: str) -> bytes:
        kept = [
            line
            for line in text.split("\r\n")
            if line.lower().startswith(("via:", "from:", "to:", "call-id:", "cseq:"))
        ]
        return "\r\n".join((f"SIP/2.0 {status} Words", *kept, *extra, "l: 0", "", "")).encode()

    @asynccontextmanager
    async def serving(
        self,
        transport: str = "udp",
        context: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> AsyncIterator[int]:
        """Listens; the port."""
        if transport == "udp":
            loop = asyncio.get_running_loop()
            made, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), local_addr=(host, port))
            try:
                yield made.get_extra_info("sockname")[1]
            finally:
                made.close()
            return
        server = await asyncio.start_server(self.stream, host, port, ssl=context)
        async with server:
            yield server.sockets[0].getsockname()[1]

    async def stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One TCP or TLS connection: requests without content, one after the other."""
        try:
            while True:
                for answer in self.answers(await reader.readuntil(b"\r\n\r\n")):
                    writer.write(b"\r\n\r\n" + answer)  # a keep-alive in between (RFC 5626, 3.5.1)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, registrar: Registrar) -> None:
        self._registrar = registrar

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.DatagramTransport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for answer in self._registrar.answers(data):
            self._transport.sendto(answer, addr)
