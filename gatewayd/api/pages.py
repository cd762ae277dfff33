"""What anybody may read without a token: the start page, the API's documents."""

from __future__ import annotations

from html import escape

import msgspec
from aiohttp import web

from gatewayd.api import docs, openapi
from gatewayd.api.box import BoxInfo, BoxInfoSource
from gatewayd.api.page_files import PageFiles
from gatewayd.api.style import page
from gatewayd.operations import Registry

_STATES = {
    "unclaimed": "Waiting for its owner",
    "ready": "Ready",
    "safe_mode": "Safe mode: only what is needed to repair it runs",
}
_CLAIM = """<section class="card"><h2>Make it yours</h2>
<p>This box has no owner yet. Whoever owns it proves to be in front of it:</p>
<p><b>With the app:</b> scan the QR code on the label or on the screen, or type the eight-digit code.</p>
<p><b>With a shell on the box:</b> <code>gatewayctl pair</code> shows a code and a QR code.</p></section>"""


class Pages:
    """Renders the documents once, at the first request after the table is complete."""

    def __init__(
        self, registry: Registry, box: BoxInfoSource, version: str, files: PageFiles | None = None
    ) -> None:
        self._registry = registry
        self._files = files
        self._box = box
        self._version = version
        self._json = b""
        self._html = b""

    def routes(self) -> list[web.RouteDef]:
        """The routes of the pages."""
        return [
            web.get("/", self._start),
            web.get("/docs", self._docs),
            web.get("/v1/openapi.json", self._openapi),
            *(self._files.routes() if self._files else ()),
        ]

    async def _start(self, request: web.Request) -> web.StreamResponse:
        if self._files is not None and self._files.built:
            return self._files.start()
        return _answer(start_page(await self._box()).encode(), "text/html")

    async def _docs(self, request: web.Request) -> web.StreamResponse:
        self._render()
        return _answer(self._html, "text/html")

    async def _openapi(self, request: web.Request) -> web.StreamResponse:
        self._render()
        return _answer(self._json, "application/json")

    def _render(self) -> None:
        if not self._json:
            document = openapi.build(self._registry, self._version)
            self._json = msgspec.json.encode(document)
            self._html = docs.render(document).encode()


def start_page(box: BoxInfo) -> str:
    """What stands at `/` where the page was never built: which box this is, how to make it one's own."""
    claim = _CLAIM if box.state == "unclaimed" else ""
    return page(
        escape(box.name),
        f'<p class="soft">{escape(box.model)}</p><h1>{escape(box.name)}</h1>'
        f'<p class="state">{escape(_STATES.get(box.state, box.state))}</p>{claim}'
        '<section class="card"><h2>This box</h2><dl>'
        f"<dt>Id</dt><dd><code>{escape(box.id)}</code></dd>"
        f"<dt>Version</dt><dd>{escape(box.version)}</dd></dl></section>"
        '<nav><a href="/docs">What this box can do (API)</a>'
        '<a href="/v1/openapi.json">OpenAPI document</a></nav>',
    )


def _answer(body: bytes, kind: str) -> web.Response:
    return web.Response(body=body, content_type=kind, charset="utf-8", headers={"Cache-Control": "no-store"})
