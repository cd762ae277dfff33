"""The page's own files, as the page's build left them: names that change with the content, and a `.gz` beside
most of them. The folder is part of the package; a source tree that was never built has none."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

FOLDER = Path(__file__).parent / "page"
_YEAR = "public, max-age=31536000, immutable"
_KINDS = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


class PageFiles:
    """Serves what is in `folder` and nothing else: the names are read once, when the daemon starts."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): path
            for path in sorted(folder.rglob("*"))
            if path.suffix in _KINDS and path.is_file()
        }

    @property
    def built(self) -> bool:
        """Whether there is a page at all."""
        return "index.html" in self._files

    def routes(self) -> list[web.RouteDef]:
        """One route for the hashed files, one for each file with a name of its own."""
        own = [name for name in self._files if "/" not in name and name != "index.html"]
        return [
            web.get("/assets/{name}", self._asset),
            *(web.get(f"/{name}", self._named) for name in own),
        ]

    def start(self) -> web.StreamResponse:
        """The page itself; asked for anew each time, as it names the files of its release."""
        return self._answer("index.html", "no-cache")

    async def _asset(self, request: web.Request) -> web.StreamResponse:
        name = f"assets/{request.match_info['name']}"
        if name not in self._files:
            raise web.HTTPNotFound
        return self._answer(name, _YEAR)

    async def _named(self, request: web.Request) -> web.StreamResponse:
        return self._answer(request.path.removeprefix("/"), "no-cache")

    def _answer(self, name: str, caching: str) -> web.StreamResponse:
        path = self._files[name]
        headers = {"Cache-Control": caching, "Content-Type": _KINDS[path.suffix]}
        if path.suffix in (".html", ".js", ".css"):
            headers["Content-Type"] += "; charset=utf-8"
        return web.FileResponse(path, headers=headers)  # takes the .gz beside it where a browser accepts it
