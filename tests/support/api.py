"""The API on real sockets, TLS and Unix, around a table of sample operations."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar

import aiohttp
from aiohttp import web
from msgspec import Meta, Struct

from gatewayd.api import ApiServer, BoxTls, Limits
from gatewayd.api.authenticate import Callers
from gatewayd.api.sockets import open_tcp, open_unix
from gatewayd.api.websocket import EventStream
from gatewayd.callers import ROLES, Caller, Scope, Shown, anonymous
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.events import EventData
from gatewayd.jobs import JobHandle
from gatewayd.operations import Context, Empty, JobAnswer, Operation, Request, Result
from gatewayd.system.secret import Secret
from tests.support.core import Core, open_core

BOX_ID = "gw-7k3m9x2a"


class Lamp(Result, frozen=True, kw_only=True):
    """What the samples are about."""

    lamp: str
    brightness: int
    tags: tuple[str, ...] = ()
    since: datetime | None = None


class LampQuery(Request, frozen=True, kw_only=True):
    """Reads."""

    lamp: str
    brightness: Annotated[int, Meta(ge=0, le=100)] = 7
    tags: tuple[str, ...] = ()
    start: Annotated[int, Meta(ge=0)] | None = None


class LampUpdate(Request, frozen=True, kw_only=True):
    """Changes."""

    lamp: str
    brightness: Annotated[int, Meta(ge=0, le=100)]


class LampNumber(Request, frozen=True, kw_only=True):
    """A path field that is a number."""

    number: int


class LampKey(Request, frozen=True, kw_only=True):
    """Carries a secret."""

    key: Secret


class LampsChanged(EventData, frozen=True, kw_only=True):
    """A wifi kind of event: not everybody may hear it."""

    topic: ClassVar[str] = "wifi.changed"
    count: int


class Noted(EventData, frozen=True, kw_only=True):
    """Everybody who may hear events hears it."""

    topic: ClassVar[str] = "box.noted"
    text: str


@dataclass
class Samples:
    """Sample operations; `done` counts effects."""

    done: int = 0

    def operations(self) -> tuple[Operation, ...]:
        """The table."""

        def row(name: str, method: str, path: str, **more: Any) -> Operation:
            settings: dict[str, Any] = {"request": LampQuery, "result": Lamp, "scope": Scope.BOX_READ}
            settings |= {"handler": self.read, "summary": f"Sample <{name}>"} | more
            return Operation(name=name, method=method, path=path, **settings)

        change: dict[str, Any] = {"mutates": True, "recovery": "transaction", "scope": Scope.WIFI_WRITE}
        return (
            row("lamps.get", "GET", "/lamps/{lamp}"),
            row("lamps.free", "GET", "/free", request=Empty, scope=None, handler=self.free),
            row("lamps.update", "PATCH", "/lamps/{lamp}", request=LampUpdate, handler=self.update, **change),
            row(
                "lamps.create",
                "POST",
                "/lamps",
                request=LampUpdate,
                handler=self.update,
                status=201,
                **change,
            ),
            row("lamps.delete", "DELETE", "/lamps/{lamp}", handler=self.read, **change),
            row("lamps.dim", "POST", "/dim/{number}", request=LampNumber, handler=self.dim, **change),
            row(
                "lamps.paint",
                "POST",
                "/paint",
                request=Empty,
                result=JobAnswer,
                handler=self.paint,
                status=202,
                outcome=Lamp,
                partial=Empty,
                **change,
            ),
            row(
                "lamps.lock",
                "POST",
                "/lock",
                request=LampKey,
                handler=self.lock,
                secret_answer=True,
                **change,
            ),
            row("lamps.crash", "POST", "/crash", request=Empty, handler=self.crash, **change),
            row("lamps.wait", "GET", "/wait", request=Empty, handler=self.wait),
        )

    async def read(self, request: LampQuery, context: Context) -> Lamp:
        """Answers what was asked."""
        return Lamp(
            lamp=request.lamp, brightness=request.brightness, tags=request.tags, since=context.clock.now()
        )

    async def free(self, request: Empty, context: Context) -> Lamp:
        """For everybody; tells who asks."""
        return Lamp(lamp=context.caller.role, brightness=0)

    async def update(self, request: LampUpdate, context: Context) -> Lamp:
        """Counts."""
        self.done += 1
        if request.lamp == "broken":
            raise InvalidField("lamp", "lamp: it is broken.")
        return Lamp(lamp=request.lamp, brightness=request.brightness)

    async def dim(self, request: LampNumber, context: Context) -> Lamp:
        """Takes a number."""
        return Lamp(lamp=str(request.number), brightness=request.number)

    async def paint(self, request: Empty, context: Context) -> JobAnswer:
        """Takes its time."""

        async def run(handle: JobHandle) -> Struct:
            handle.progress(0.5, "Half")
            return Lamp(lamp="painted", brightness=1)

        return await context.start_job(run)

    async def lock(self, request: LampKey, context: Context) -> Lamp:
        """Knows a secret."""
        assert request.key.reveal() == "hunter2hunter2"
        return Lamp(lamp=str(request.key), brightness=0)

    async def crash(self, request: Empty, context: Context) -> Lamp:
        """Has a defect."""
        raise RuntimeError("a defect with a secret in it")

    async def wait(self, request: Empty, context: Context) -> Lamp:
        """Asks for patience."""
        raise GatewayError("access.throttled", "Wait a little.", retry_after=2.2)


@dataclass
class FakeAuthenticator:
    """The token is the role; `revoked` ends sessions."""

    revoked: set[str] = field(default_factory=set)

    async def admit(self, shown: Shown) -> Caller:
        """The role's caller."""
        if shown.kind == "none":
            return anonymous("http")
        bearer = shown.token
        if bearer not in ROLES or bearer == "anonymous" or f"session:{bearer}" in self.revoked:
            raise GatewayError("access.unauthenticated", "This token is not known.")
        return Caller(id=f"session:{bearer}", role=bearer, scopes=ROLES[bearer], via="http")

    def stranger(self, shown: Shown) -> Caller:
        """Nobody."""
        return anonymous("http")

    def nonce(self) -> str:
        """Always the same."""
        return "nonce"

    def still_valid(self, caller: Caller) -> bool:
        """Until it is revoked."""
        return caller.id not in self.revoked


class Info(Struct, frozen=True, kw_only=True):
    """What the box says of itself."""

    id: str = BOX_ID
    name: str = 'Grandma\'s <box> & "co"'
    model: str = "gatewayd <demo>"
    version: str = "0.1"
    api: str = "v1"
    state: str = "unclaimed"


@dataclass
class Api:
    """A running server, and clients of it."""

    server: ApiServer
    core: Core
    samples: Samples
    authenticator: FakeAuthenticator
    https: aiohttp.ClientSession
    local: aiohttp.ClientSession
    socket: Path
    tls: BoxTls
    info: list[Info]

    @property
    def url(self) -> str:
        """The base address over TLS."""
        return f"https://127.0.0.1:{self.server.port}"

    def as_role(self, role: str) -> dict[str, str]:
        """Headers of a caller."""
        return {"Authorization": f"Bearer {role}"}

    async def raw(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A bare TLS connection, for what no honest client sends."""
        return await asyncio.open_connection("127.0.0.1", self.server.port, ssl=trusting())


def trusting() -> ssl.SSLContext:
    """A client that takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@asynccontextmanager
async def open_api(
    folder: Path,
    *,
    limits: Limits | None = None,
    hosts: Iterable[str] = (),
    redirect: socket.socket | None = None,
    extra: Callable[[Callers], Iterable[web.RouteDef]] | None = None,
    admin_group: str = "gatewayd-admin",
    **events: Any,
) -> AsyncIterator[Api]:
    """The server on 127.0.0.1 (any port) and on `folder/api.sock`. `events` go to EventStream."""
    info = [Info()]

    async def box() -> Info:
        return info[0]

    async with open_core(folder) as core:
        samples, authenticator = Samples(), FakeAuthenticator()
        core.registry.add(samples.operations())
        tls = BoxTls(folder / "tls", core.clock, box=BOX_ID)
        await tls.load()
        server = ApiServer(
            registry=core.registry,
            bus=core.bus,
            authenticator=authenticator,
            box=box,
            hosts=hosts,
            limits=limits,
            extra=extra,
            admin_group=admin_group,
            events=lambda bus, callers: EventStream(bus, callers, **events),
        )
        path = folder / "api.sock"
        await server.start(
            tls=tls.context,
            https=[open_tcp(0, "127.0.0.1")],
            local=[open_unix(path)],
            redirect=[redirect] if redirect else [],
        )
        connector = aiohttp.TCPConnector(ssl=trusting())
        try:
            async with (
                aiohttp.ClientSession(connector=connector) as https,
                aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as local,
            ):
                yield Api(server, core, samples, authenticator, https, local, path, tls, info)
        finally:
            await server.close()
            await asyncio.sleep(0.01)  # TLS connections end a turn of the loop after they were closed
