"""docs/portal.md as an operator follows it: its commands run as they are printed, but for names and ports."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.portal import broker
from tests.portal.desk import linked
from tests.support.daemon import Daemon, running, until
from tests.support.ports import free_port

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(120)]
PAGE = Path(__file__).parents[2] / "docs" / "portal.md"
HOST = "broker.example.net"
WATCH = """
desk watch > heard 2>&1 & watching=$!
for turn in $(seq 200); do grep -q 'Told of' heard && break; sleep 0.2; done
kill $watching; cat heard
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short enough for a Unix socket in it."""
    with tempfile.TemporaryDirectory(prefix="gwt-") as name:
        yield Path(name)


class Reader:
    """An operator with a shell in `folder`, who calls the broker `localhost` and takes another port."""

    def __init__(self, folder: Path, daemon: Daemon) -> None:
        self.folder = folder
        self.port = free_port()
        self.box = ""
        self._blocks = re.findall(r"^```\w*\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
        self._environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin",
            "GATEWAYD_SOCKET": str(daemon.api),
            "HOME": str(folder),
            "COLUMNS": "200",
        }

    def block(self, word: str) -> str:
        """The one that holds this word, for this operator."""
        [found] = [block for block in self._blocks if word in block]
        for printed, here in (
            (HOST, "localhost"),
            ("support.example.net", "localhost"),
            ("8883", str(self.port)),
            ("/etc/mosquitto", str(self.folder)),
            ("/var/lib/mosquitto", str(self.folder)),
            ("uuid::...", self.box),
        ):
            found = found.replace(printed, here)
        return str(found)

    async def run(self, word: str, *, more: str = "", without: str = "\0") -> str:
        """What a block prints; `more` is said after it, lines with `without` are left out."""
        lines = [line for line in self.block(word).splitlines() if without not in line]
        return await self.shell("\n".join([*lines, more]))

    async def listens(self) -> bool | None:
        """True once `desk watch` would hear what the box says."""
        heard = self.folder / "heard"
        return True if heard.exists() and "listening on" in heard.read_text() else None

    async def shell(self, script: str) -> str:
        """What a script prints; each of its lines has to succeed."""
        process = await asyncio.create_subprocess_exec(
            *("bash", "-e", "-o", "pipefail", "-O", "expand_aliases", "-c", script),
            cwd=self.folder,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        text = out.decode()
        assert process.returncode == 0, text[-2000:]
        return text


@asynccontextmanager
async def mosquitto(reader: Reader) -> AsyncIterator[None]:
    """The broker with the printed configuration and access list."""
    (reader.folder / "boxes.acl").write_text(reader.block("pattern read"))
    configuration = reader.folder / "boxes.conf"
    configuration.write_text(reader.block("persistence true") + ("user root\n" if os.geteuid() == 0 else ""))
    process = await asyncio.create_subprocess_exec(
        *(shutil.which("mosquitto", path=broker.SEARCH) or "mosquitto", "-c", str(configuration)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def test_the_worked_example(folder: Path) -> None:
    broker.needs_mosquitto()
    (folder / "box").mkdir()
    async with running(folder / "box") as daemon:
        reader = Reader(folder, daemon)
        await reader.run("issue() {")
        await reader.run("portal request")
        await reader.run("-in box.csr")
        async with mosquitto(reader):
            said = await reader.run("portal connect")
            await linked(daemon)
            reader.box = (await daemon.get("/portal"))["endpoint_id"]
            assert reader.box in said
            await reader.run("share network yes")
            desk = "\n".join(reader.block("alias desk").splitlines()[:3])
            said = await reader.run("alias desk", without="desk watch")
            assert "Device.DeviceInfo.SoftwareVersion" in said
            assert "Device.WiFi.SSID.1.SSID" in said
            revealed = await daemon.post("/wifi/networks/home/reveal")
            assert revealed["passphrase"] == "a better password"
            watching = asyncio.create_task(reader.shell(f"{desk}\n{WATCH}"))
            await until(reader.listens)
            status, _ = await daemon.call("PATCH", "/wifi/networks/home", {"ssid": "Told of"})
            assert status in (200, 202)
            assert "Told of" in await watching
            await reader.run("portal.configure '{")
            assert len((await daemon.get("/portal"))["controllers"]) == 3
            said = await reader.run("portal veto")
            assert "operate Device.SelfTestDiagnostics()" in said or "SelfTest" in said
