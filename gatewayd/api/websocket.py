"""Events over a WebSocket: `/v1/events?since=N&epoch=E&topics=wifi.*,jobs.*`.

Each text frame is one event as JSON. A reader that is too slow loses events knowingly (`gap`) and one
that takes nothing at all is cut off; neither keeps anybody waiting.
"""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Any

import structlog
from aiohttp import WSCloseCode, web
from msgspec import Meta

from gatewayd import wire
from gatewayd.api.authenticate import Callers
from gatewayd.callers import Caller, Scope
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.events import Bus, Event, Subscription
from gatewayd.operations import Request

log = structlog.get_logger(__name__)
MAX_TOPICS = 32
GOODBYE = 2.0
_TOPIC = re.compile(r"[a-z0-9_.*]{1,64}")


class EventsRequest(Request, frozen=True, kw_only=True):
    """What the query of /v1/events may hold; `topics` are patterns with commas between them, `ticket` is for
    clients that cannot send a header."""

    since: Annotated[int, Meta(ge=0)] | None = None
    epoch: Annotated[str, Meta(max_length=64)] | None = None
    topics: Annotated[str, Meta(max_length=2048)] = "*"
    ticket: Annotated[str, Meta(max_length=64)] | None = None


class EventStream:
    """The route `/v1/events`. Times in seconds; `queue` bounds the events kept for a slow reader."""

    def __init__(
        self,
        bus: Bus,
        callers: Callers,
        *,
        ping: float = 20.0,
        recheck: float = 0.5,
        stalled: float = 20.0,
        queue: int = 256,
    ) -> None:
        self._bus = bus
        self._callers = callers
        self._ping = ping
        self._recheck = recheck
        self._stalled = stalled
        self._queue = queue
        self._open: dict[web.WebSocketResponse, web.Request] = {}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serves one reader until it leaves, its session ends, or the daemon stops."""
        caller = await self._callers.of(request, ticket=True)
        asked = wire.decode(_single(request), EventsRequest, strict=False)
        topics = _topics(asked.topics)
        _authorise(caller)
        socket = web.WebSocketResponse(heartbeat=self._ping, max_msg_size=4096, compress=False, timeout=1.0)
        if not socket.can_prepare(request):
            raise GatewayError("request.upgrade_required", "Open this address as a WebSocket.")
        with self._bus.subscribe(
            *topics, since=asked.since, epoch=asked.epoch, size=self._queue
        ) as subscription:
            await socket.prepare(request)
            self._open[socket] = request
            try:
                await self._serve(request, socket, subscription, caller)
            finally:
                del self._open[socket]
        return socket

    async def close(self, _: web.Application) -> None:
        """Signal `on_shutdown`: tells every reader that the daemon goes away."""
        await asyncio.gather(
            *(
                _close(request, socket, WSCloseCode.GOING_AWAY, "the daemon stops")
                for socket, request in tuple(self._open.items())
            )
        )

    async def _serve(
        self, request: web.Request, socket: web.WebSocketResponse, events: Subscription, caller: Caller
    ) -> None:
        tasks = (
            asyncio.create_task(self._send(request, socket, events, caller), name="events send"),
            asyncio.create_task(self._watch(request, socket, caller), name="events watch"),
        )
        try:
            async for _ in socket:  # pings are answered within; nothing else is expected of a reader
                await _close(request, socket, WSCloseCode.UNSUPPORTED_DATA, "this stream goes one way")
        finally:
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception):
                    log.error("api.events_crashed", error=repr(outcome), exc_info=outcome)
            if (transport := request.transport) is not None:
                # What is still on its way to a reader that takes nothing would keep the connection.
                asyncio.get_running_loop().call_later(GOODBYE, transport.abort)

    async def _send(
        self, request: web.Request, socket: web.WebSocketResponse, events: Subscription, caller: Caller
    ) -> None:
        async for event in events:
            if not caller.may_hear(event.type):
                continue
            try:
                async with asyncio.timeout(self._stalled):
                    await socket.send_str(frame(event))
            except (TimeoutError, ConnectionError) as error:
                log.debug("api.events_reader_lost", caller=caller.id, error=type(error).__name__)
                if request.transport is not None:
                    request.transport.abort()
                return

    async def _watch(self, request: web.Request, socket: web.WebSocketResponse, caller: Caller) -> None:
        while True:
            await asyncio.sleep(self._recheck)
            if not self._callers.still_valid(caller):
                break
        await _close(request, socket, WSCloseCode.POLICY_VIOLATION, "access.session_revoked")


def frame(event: Event) -> str:
    """One event as the text of a frame."""
    return wire.encode(event).decode()


async def _close(request: web.Request, socket: web.WebSocketResponse, code: int, reason: str) -> None:
    """Says goodbye; a reader that takes not even that is cut off."""
    try:
        async with asyncio.timeout(GOODBYE):
            await socket.close(code=code, message=reason.encode(), drain=False)
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()


def _authorise(caller: Caller) -> None:
    if caller.role == "anonymous":
        raise GatewayError("access.unauthenticated", "Sign in first: this needs a token.")
    if Scope.EVENTS_READ not in caller.scopes:
        raise GatewayError("access.forbidden", f"Events need the permission {Scope.EVENTS_READ.value}.")


def _single(request: web.Request) -> dict[str, Any]:
    repeated = [name for name in request.query if len(request.query.getall(name)) > 1]
    if repeated:
        raise InvalidField(repeated[0][:80], f"{repeated[0][:80]}: given more than once.")
    return dict(request.query)


def _topics(text: str) -> list[str]:
    topics = [part for part in text.split(",") if part]
    if len(topics) > MAX_TOPICS or not all(_TOPIC.fullmatch(topic) for topic in topics):
        raise InvalidField(
            "topics",
            f"topics: at most {MAX_TOPICS} patterns of lower-case letters, digits, '.', '_' and '*'.",
        )
    return topics
