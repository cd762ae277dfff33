"""What a link and its transport agree on: MQTT and WebSocket differ in how, not in what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, Protocol

from msgspec import Struct

MOST_BYTES = 512 * 1024
"""No larger Record is taken: the largest that a controller has reason to send is a few kilobytes."""


class LinkLost(Exception):
    """The connection ended or never came about; the text is ours, made of bounded words, and names why."""


class Incoming(Struct, frozen=True, kw_only=True):
    """One Record as it came. `address` is what it came to (a topic, or the address of a connection);
    `expires_in` seconds the sender gives it, None for no limit; `vouches` says whose it can be."""

    record: bytes
    via: Literal["mqtt", "websocket"]
    address: str
    vouches: Callable[[str], bool]
    expires_in: float | None = None


class Handled(Struct, frozen=True, kw_only=True):
    """What goes back to the sender, and whether the Record could be read at all."""

    replies: tuple[bytes, ...]
    readable: bool = True


Receive = Callable[[Incoming], Awaitable[Handled]]


class Transport(Protocol):
    """One connection to the outside."""

    name: str
    """What a person calls it, such as `mqtt portal.example.net:8883`."""

    async def serve(self, receive: Receive, up: Callable[[], None]) -> None:
        """Connects, calls `up`, hands every Record to `receive` in the order of arrival and sends its
        replies. Raises LinkLost when the connection ends."""
        ...

    async def send(self, endpoint: str, record: bytes) -> bool:
        """Sends a Record to a controller; True once the far end has taken responsibility for it."""
        ...

    def reaches(self, endpoint: str) -> bool:
        """Whether this controller is behind this connection."""
        ...
