"""The page's files over HTTP: found, cached, compressed; and nothing beside them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import yarl
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gatewayd.api.page_files import PageFiles

SCRIPT = b"console.log('here');" * 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    page = tmp_path / "page"
    (page / "assets").mkdir(parents=True)
    (page / "index.html").write_text("<!doctype html>the page")
    (page / "assets" / "main-1a2b.js").write_bytes(SCRIPT)
    (page / "assets" / "main-1a2b.js.gz").write_bytes(gzip.compress(SCRIPT))
    (page / "icon.svg").write_text("<svg/>")
    (page / "notes.py").write_text("SECRET = 1")
    (tmp_path / "outside.js").write_text("stolen")
    return page


def client(folder: Path) -> TestClient[web.Request, web.Application]:
    app = web.Application()
    app.add_routes(PageFiles(folder).routes())
    return TestClient(TestServer(app), auto_decompress=False)


async def test_a_hashed_file_is_kept_and_comes_compressed(folder: Path) -> None:
    async with client(folder) as there:
        answer = await there.get("/assets/main-1a2b.js", headers={"Accept-Encoding": "gzip"})
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(await answer.read()) == SCRIPT
        plain = await there.get("/assets/main-1a2b.js", headers={"Accept-Encoding": "identity"})
        assert await plain.read() == SCRIPT
        assert (await there.get("/icon.svg")).headers["Content-Type"] == "image/svg+xml"


@pytest.mark.parametrize(
    "path",
    [
        "/assets/nothing.js",
        "/assets/..%2F..%2Foutside.js",
        "/assets/%2e%2e/%2e%2e/outside.js",
        "/assets/main-1a2b.js.gz",
        "/notes.py",
        "/page/index.html",
    ],
)
async def test_nothing_else_is_served(folder: Path, path: str) -> None:
    async with client(folder) as there:
        url = yarl.URL(f"http://{there.host}:{there.port}{path}", encoded=True)
        async with there.session.get(url) as answer:
            assert answer.status == 404


def test_a_source_tree_without_a_build_has_no_page(tmp_path: Path) -> None:
    assert not PageFiles(tmp_path / "none").built
    assert PageFiles(tmp_path / "none").routes()[1:] == []
