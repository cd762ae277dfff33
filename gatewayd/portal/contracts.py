"""What the agent's core and the link agree on: the core knows no transport, the link no data model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, Protocol

from msgspec import Struct

from gatewayd.operations import Recovery
from gatewayd.store.database import Unit


class About(Struct, frozen=True, kw_only=True):
    """What the agent is: its endpoint id, and what the maker says of the box. `folder` holds its state."""

    endpoint: str
    software: str
    manufacturer: str = "gatewayd"
    oui: str = ""
    product_class: str = "gatewayd"
    serial: str = ""
    started: float = 0.0
    folder: str = "/"


class Sender(Struct, frozen=True, kw_only=True):
    """Who a Record came from, as the transport knows it.

    `vouches` says whether this way in proves to be the endpoint that the Record names: by its certificate, or
    because the broker is trusted to keep senders apart. `expires` is the wall time (seconds since 1970) after
    which nothing of it may be carried out any more. `held`: it may be older than the backup that the state
    was restored from.
    """

    via: Literal["mqtt", "websocket", "test"]
    link: str
    vouches: Callable[[str], bool]
    expires: float | None = None
    held: bool = False


class Command(Struct, frozen=True, kw_only=True):
    """A message that changes something, as the ledger knows it.

    `controller` is an endpoint id; `key` is `key:` and the command key, or `msg:` and the message id;
    `request` is the message's body, the same bytes for the same message. `expires`: see Sender, or the
    command's own `X_GATEWAYD_NotAfter`. `held`: see Sender.
    """

    controller: str
    key: str
    name: str
    request: bytes
    recovery: Recovery
    expires: float | None = None
    held: bool = False


Finish = Callable[[Unit, bytes], None]
"""Queues the answer of a command (the encoded Body of its reply) into the unit of its effect."""


class Commands(Protocol):
    """The ledger of commands."""

    async def once(self, command: Command, act: Callable[[Finish], Awaitable[bytes]]) -> bytes:
        """The answer of the command: of its first run where it was seen before, else of `act`.

        `act` gets a `Finish` and calls it with the unit that it commits. A GatewayError of `act` is a
        refusal: nothing was changed. Raises GatewayError, also for what is expired, was begun and cannot be
        known (`operation.outcome_unknown`), or came before with another body (`idempotency.mismatch`).
        """
        ...


class Notification(Struct, frozen=True, kw_only=True):
    """One Notify on its way to one controller.

    `message` is the encoded Msg, `id` its message id. With `retry` it is sent again until a NotifyResp comes:
    the n-th wait lies between minimum * (multiplier / 1000) ** (n - 1) and that times multiplier / 1000
    seconds (n at most 10). `expires` is the wall time after which it is given up, None for never.
    """

    recipient: str
    id: str
    subscription: str
    message: bytes
    topic: str
    retry: bool = False
    minimum: int = 5
    multiplier: int = 2000
    expires: float | None = None


class Outbox(Protocol):
    """Where notifications wait until they are delivered; the core writes, the link drains."""

    def put(self, unit: Unit, notification: Notification) -> None:
        """Queues a notification into the unit of what it tells of."""
        ...

    def forget(self, unit: Unit, recipient: str, subscription: str) -> None:
        """Drops what waits for a subscription that is gone."""
        ...

    async def answered(self, recipient: str, identifier: str) -> None:
        """A NotifyResp with that message id came: it is delivered."""
        ...


class Policy(Protocol):
    """What the household lets the operator see. (What it lets him do, the table of operations knows.)"""

    def may_leave(self, topic: str) -> bool:
        """Whether values and events of this topic (`wifi`, `dvr`, ...) may be told to controllers."""
        ...


class LinkStates(Protocol):
    """How the links are."""

    def state(self, path: str) -> str:
        """Of the link at that path (`Device.MQTT.Client.1.`): `off`, `connecting`, `up` or `waiting`."""
        ...

    def response_topic(self, path: str) -> str:
        """Where answers reach us over the broker of that MQTT.Client; empty where it is not known."""
        ...


class NoLinks:
    """Fulfils LinkStates where there are none."""

    def state(self, path: str) -> str:
        """Always `off`."""
        return "off"

    def response_topic(self, path: str) -> str:
        """Never known."""
        return ""


class Witness(Protocol):
    """Told of what the household's activity and the portal's log are to show."""

    async def refused(self, sender: Sender, endpoint: str, reason: str) -> None:
        """A Record was not accepted; `reason` is a sentence of ours."""
        ...

    def done(self, unit: Unit, controller: str, what: str, targets: tuple[str, ...]) -> None:
        """A message changed something; queued into its own unit."""
        ...
