"""One application behind every listener: HTTPS for the home, the Unix socket for the box itself."""

from __future__ import annotations

import asyncio
import contextlib
import grp
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence

import structlog
from aiohttp import web

from gatewayd import __version__
from gatewayd.api import defence, playback, problems, routes
from gatewayd.api.authenticate import Authenticator, Callers
from gatewayd.api.box import BoxInfoSource
from gatewayd.api.connections import Admins, Connection, Gate, Limits, Listener
from gatewayd.api.defence import Defence
from gatewayd.api.door import Door
from gatewayd.api.pages import Pages
from gatewayd.api.websocket import EventStream
from gatewayd.errors import Crash, GatewayError
from gatewayd.events import Bus
from gatewayd.operations import Registry
from gatewayd.system.identity import new_id
from gatewayd.tasks import Tasks

log = structlog.get_logger(__name__)
ADMIN_GROUP = "gatewayd-admin"
Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ApiServer:
    """Serves the operations table. Build it when the table is complete; `start`, later `close`.

    `hosts` are names that requests may be addressed to beside the box's addresses, `localhost` and
    `<id>.local`. `extra` are further routes (media, metrics): they get the same defence, and ask
    `callers` who is there.
    """

    def __init__(
        self,
        *,
        registry: Registry,
        bus: Bus,
        authenticator: Authenticator,
        box: BoxInfoSource,
        hosts: Iterable[str] = (),
        limits: Limits | None = None,
        extra: Callable[[Callers], Iterable[web.RouteDef]] | None = None,
        events: Callable[[Bus, Callers], EventStream] = EventStream,
        admin_group: str = ADMIN_GROUP,
    ) -> None:
        self.callers = Callers(authenticator)
        self.port = 0
        self._limits = limits or Limits()
        self._hosts = tuple(hosts)
        self._box = box
        self._admin_group = admin_group
        self._admins = Admins(frozenset(), None)
        self._defence = Defence(self._hosts)
        self._tasks = Tasks()
        self._doors: list[Door] = []
        app = web.Application(middlewares=[self._answer, self._defend])
        app.on_response_prepare.append(defence.add_headers)
        app.on_response_prepare.append(self.callers.add_nonce)
        stream = events(bus, self.callers)
        app.on_shutdown.append(stream.close)
        app.router.add_get(f"{routes.BASE}/events", stream.handle, allow_head=False)
        app.add_routes(Pages(registry, box, __version__).routes())
        app.add_routes(() if extra is None else extra(self.callers))
        routes.bind(app, registry, self.callers, self._limits)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)

    async def start(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        https: Sequence[socket.socket] = (),
        local: Sequence[socket.socket] = (),
        redirect: Sequence[socket.socket] = (),
    ) -> None:
        """Listens on bound sockets (`sockets.open_tcp`, `open_unix`, `inherited`) and owns them from now on.

        `https` without `tls` is plain HTTP: for tests only. `redirect` sends plain HTTP to `https`.
        """
        box = await self._box()
        self._defence = Defence((f"{box.id}.local", *self._hosts))
        await self._runner.setup()
        group = await asyncio.to_thread(group_id, self._admin_group)
        self._admins = Admins(frozenset({0, os.geteuid()}), group)
        self.port = https[0].getsockname()[1] if https else 0
        home = Gate(self._limits)
        self._open("https", home, https, tls)
        self._open("redirect", home, redirect, None)
        # A count of its own: the home cannot lock out the shell.
        self._open("socket", Gate(self._limits), local, None)

    @property
    def connections(self) -> int:
        """How many connections are open now."""
        return 0 if self._runner.server is None else len(self._runner.server.connections)

    async def close(self) -> None:
        """Stops listening, says goodbye to event readers, lets requests under way end (2 s), then closes."""
        await self._tasks.close()
        for door in self._doors:
            door.close()
        await self._runner.cleanup()

    def _open(
        self, listener: Listener, gate: Gate, sockets: Sequence[socket.socket], tls: ssl.SSLContext | None
    ) -> None:
        server = self._runner.server
        assert server is not None  # set up in `start`
        for sock in sockets:
            door = Door(sock, listener, server, gate, self._admins, self._limits, tls, self._tasks)
            self._doors.append(door)
            self._tasks.spawn(f"api {listener}", door.run())

    @web.middleware
    async def _answer(self, request: web.Request, handler: Next) -> web.StreamResponse:
        """Turns every refusal into problem details and every defect into an id; logs the access."""
        began = asyncio.get_running_loop().time()
        if isinstance(request.protocol, Connection):
            request.protocol.heard(request)
        response: web.StreamResponse
        try:
            response = await handler(request)
        except GatewayError as error:
            response = self._refuse(error)
        except web.HTTPException as error:
            response = self._translate(request, error)
        except (ConnectionError, asyncio.CancelledError):
            raise  # nobody is there any more
        except Exception as error:  # the crash boundary of routes: logged under an id, answered with that id
            crash = Crash(new_id())
            log.exception("api.crashed", id=crash.id, method=request.method, error=type(error).__name__)
            response = problems.respond(crash)
        if response.status >= 400 and not response.prepared and request.writer.output_size:
            # A stream broke in its middle: an error page inside it would look like content.
            raise ConnectionResetError("the answer has begun already")
        took = asyncio.get_running_loop().time() - began
        log.debug(
            "api.request",
            method=request.method,
            path="/v1/play/..." if request.path.startswith(playback.BASE) else request.path[:200],
            status=response.status,
            ms=round(took * 1e3, 1),
        )
        return response

    @web.middleware
    async def _defend(self, request: web.Request, handler: Next) -> web.StreamResponse:
        self._defence.check(request)
        if isinstance(request.protocol, Connection) and request.protocol.listener == "redirect":
            return self._to_https(request)
        return await handler(request)

    def _to_https(self, request: web.Request) -> web.StreamResponse:
        # Only what was typed into a browser is sent on: a token in plain text is lost already.
        if request.method not in ("GET", "HEAD"):
            raise GatewayError("request.method_not_allowed", "Use HTTPS.")
        port = "" if self.port == 443 else f":{self.port}"
        host = defence.host_of(request.headers.get("Host", ""))
        target = f"https://{f'[{host}]' if ':' in host else host}{port}{request.rel_url}"
        return web.Response(status=308, headers={"Location": target})

    def _refuse(self, error: GatewayError) -> web.Response:
        response = problems.respond(error)
        if error.code in ("request.timeout", "request.too_large"):
            response.force_close()
        return response

    def _translate(self, request: web.Request, error: web.HTTPException) -> web.StreamResponse:
        if error.status < 400:
            return error
        if isinstance(error, web.HTTPMethodNotAllowed):
            allowed = ", ".join(sorted(error.allowed_methods))
            response = problems.respond(
                GatewayError(
                    "request.method_not_allowed", f"{request.path[:200]} takes {allowed}, not this method."
                )
            )
            response.headers["Allow"] = allowed
            return response
        if error.status == 404:
            return problems.respond(GatewayError("request.not_found", f"There is no {request.path[:200]}."))
        if error.status == 413:
            return self._refuse(GatewayError("request.too_large", "The request is too large."))
        return self._refuse(GatewayError("request.malformed", error.reason))


def group_id(name: str) -> int | None:
    """The number of a group, None where there is no such group. May block on the user database."""
    with contextlib.suppress(KeyError):
        return grp.getgrnam(name).gr_gid
    return None
