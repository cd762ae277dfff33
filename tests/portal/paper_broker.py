"""A broker of paper: enough MQTT 5 on a real socket to be connected to; it writes down what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, DISCONNECT = 1, 2, 3, 4, 8, 9, 12, 14


@dataclass
class Told:
    """One packet from the client; `properties` by their names in the standard, without spaces."""

    kind: int
    client_id: str = ""
    clean_start: bool = False
    keep_alive: int = 0
    topics: tuple[tuple[str, int], ...] = ()
    topic: str = ""
    payload: bytes = b""
    qos: int = 0
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass
class PaperBroker:
    """What it answers with, and what came in each connection."""

    port: int = 0
    connack: Callable[[Properties], None] = lambda _: None
    suback: int = 1
    acknowledges: bool = True
    connections: list[list[Told]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        told: list[Told] = []
        self.connections.append(told)
        try:
            while True:
                kind, flags, body = await _packet(reader)
                told.append(_read(kind, flags, body))
                writer.write(self._answer(kind, flags, body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, kind: int, flags: int, body: bytes) -> bytes:
        if kind == CONNECT:
            properties = Properties(PacketTypes.CONNACK)  # type: ignore[no-untyped-call]
            self.connack(properties)
            return _made(CONNACK, b"\0\0" + properties.pack())  # type: ignore[no-untyped-call]
        if kind == SUBSCRIBE:
            count = len(_topics(body))
            return _made(SUBACK, body[:2] + b"\0" + bytes([self.suback]) * count)
        if kind == PUBLISH and flags & 6 and self.acknowledges:
            length = int.from_bytes(body[:2], "big")
            return _made(PUBACK, body[2 + length : 4 + length])
        return b"\xd0\0" if kind == PINGREQ else b""

    def all(self, kind: int) -> list[Told]:
        """Every packet of that kind, of all connections."""
        return [each for connection in self.connections for each in connection if each.kind == kind]


@asynccontextmanager
async def paper_broker(**answers: Any) -> AsyncIterator[PaperBroker]:
    """One that listens."""
    broker = PaperBroker(**answers)
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    broker.port = server.sockets[0].getsockname()[1]
    async with server:
        yield broker


async def _packet(reader: asyncio.StreamReader) -> tuple[int, int, bytes]:
    first = (await reader.readexactly(1))[0]
    length, shift = 0, 0
    while True:
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            break
    return first >> 4, first & 15, await reader.readexactly(length)


def _made(kind: int, body: bytes) -> bytes:
    assert len(body) < 128
    return bytes([kind << 4, len(body)]) + body


def _text(body: bytes, at: int) -> tuple[str, int]:
    length = int.from_bytes(body[at : at + 2], "big")
    return body[at + 2 : at + 2 + length].decode(), at + 2 + length


def _properties(kind: int, body: bytes, at: int) -> tuple[dict[str, Any], int]:
    properties = Properties(kind)  # type: ignore[no-untyped-call]
    _, length = properties.unpack(body[at:])  # type: ignore[no-untyped-call]
    names = properties.json()  # type: ignore[no-untyped-call]
    return dict(names), at + int(length)


def _topics(body: bytes) -> tuple[tuple[str, int], ...]:
    at = 2 + 1 + body[2]
    found = []
    while at < len(body):
        topic, at = _text(body, at)
        found.append((topic, body[at] & 3))
        at += 1
    return tuple(found)


def _read(kind: int, flags: int, body: bytes) -> Told:
    if kind == CONNECT:
        _, at = _text(body, 0)
        assert body[at] == 5, "not MQTT 5"
        clean, keep_alive = bool(body[at + 1] & 2), int.from_bytes(body[at + 2 : at + 4], "big")
        properties, at = _properties(PacketTypes.CONNECT, body, at + 4)
        client_id, _ = _text(body, at)
        return Told(kind, client_id, clean, keep_alive, properties=properties)
    if kind == SUBSCRIBE:
        return Told(kind, topics=_topics(body))
    if kind == PUBLISH:
        topic, at = _text(body, 0)
        qos = flags >> 1 & 3
        properties, at = _properties(PacketTypes.PUBLISH, body, at + (2 if qos else 0))
        return Told(kind, topic=topic, payload=body[at:], qos=qos, properties=properties)
    return Told(kind)
