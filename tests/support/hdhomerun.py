"""A whole fake network tuner on real sockets: its pages over HTTP, its answers over UDP, N tuners.

`python -m tests.support.hdhomerun --host 192.168.7.20` is one on the real ports, in a namespace.
Streams are those of `tests.support.ts.PacedServer`'s kind, but only as many at once as it has tuners.
What a device should not do it does on demand: see `Lie`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self

from aiohttp import web

from gatewayd.dvr import hdhomerun
from tests.support.ts import PACKET, transport_stream

Lie = Literal["crc", "length", "kind", "silent", "elsewhere", "html", "huge", "redirect", "nested", "lists"]


@dataclass
class FakeTuner:
    """`async with FakeTuner() as device:` listens on `host`; `device.url` is its page.

    `port` and `udp_port` 0 mean any. `channels` are (number, name); `busy` tuners are used by somebody
    else. `streams` counts the connections that it has served, `refused` those that got no tuner,
    `most_at_once` how many flowed at the same time.
    """

    device: int = 0x1040_ABCD
    tuners: int = 2
    host: str = "127.0.0.1"
    port: int = 0
    udp_port: int = 0
    channels: list[tuple[str, str]] = field(
        default_factory=lambda: [("2.1", "One HD"), ("4.1", "Two"), ("5.1", "Three")]
    )
    protected: set[str] = field(default_factory=set)
    lie: Lie | None = None
    busy: int = 0
    bitrate: int = 1_000_000
    streams: int = 0
    refused: int = 0
    most_at_once: int = 0
    asked: list[str] = field(default_factory=list)
    tuned: dict[int, tuple[str, str]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The device's id as it is written."""
        return f"{self.device:08X}"

    @property
    def url(self) -> str:
        """Its page."""
        return f"http://{self.host}:{self.port}"

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/discover.json", self._discover)
        app.router.add_get("/lineup.json", self._lineup)
        app.router.add_get("/status.json", self._status)
        app.router.add_get("/auto/v{number}", self._stream)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, self.port).start()
        self.port = self._runner.addresses[0][1]
        # Bound to all addresses: a broadcast is heard only so.
        own = "" if self.udp_port else self.host
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Ears(self), local_addr=(own or "0.0.0.0", self.udp_port), family=socket.AF_INET
        )
        self.udp_port = self._transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transport.close()
        await self._runner.cleanup()

    # --- UDP

    def answer(self, question: bytes) -> bytes | None:
        """What it sends back; None for what is no question or not for it."""
        try:
            kind, fields = hdhomerun.decode(question)
        except ValueError:
            return None
        told = {tag: int.from_bytes(value, "big") for tag, value in fields}
        wanted = told.get(hdhomerun.DEVICE_ID, hdhomerun.ANY)
        if kind != hdhomerun.DISCOVER_REQUEST or wanted not in (hdhomerun.ANY, self.device):
            return None
        if told.get(hdhomerun.DEVICE_TYPE) not in (hdhomerun.TUNER, hdhomerun.ANY) or self.lie == "silent":
            return None
        base = "http://203.0.113.9:80" if self.lie == "elsewhere" else self.url
        packet = hdhomerun.encode(
            hdhomerun.DISCOVER_REQUEST if self.lie == "kind" else hdhomerun.DISCOVER_REPLY,
            [
                (hdhomerun.DEVICE_TYPE, hdhomerun.TUNER.to_bytes(4, "big")),
                (hdhomerun.DEVICE_ID, self.device.to_bytes(4, "big")),
                (0x2B, b"x" * 200),  # an authorisation: a field longer than 127 bytes
                (hdhomerun.TUNER_COUNT, bytes([self.tuners])),
                (hdhomerun.BASE_URL, base.encode()),
            ],
        )
        if self.lie == "crc":
            return packet[:-1] + bytes([packet[-1] ^ 1])
        return packet[:10] if self.lie == "length" else packet

    # --- HTTP

    async def _discover(self, request: web.Request) -> web.StreamResponse:
        self.asked.append("discover")
        if self.lie in ("html", "nested", "redirect"):
            return self._lied()
        return web.json_response(
            {
                "FriendlyName": "HDHomeRun TEST",
                "ModelNumber": "HDHR5-4X",
                "FirmwareName": "test",
                "FirmwareVersion": "20260101",
                "DeviceID": self.id,
                "DeviceAuth": "not-for-others",
                "BaseURL": self.url,
                "LineupURL": f"{self.url}/lineup.json",
                "TunerCount": self.tuners,
            }
        )

    async def _lineup(self, request: web.Request) -> web.StreamResponse:
        self.asked.append("lineup")
        if self.lie == "lists":
            return web.Response(text="{}", content_type="application/json")
        if self.lie == "huge":
            row = {"GuideNumber": "1", "GuideName": "x" * 180, "URL": f"{self.url}/auto/v1"}
            return web.Response(text=json.dumps([row] * 40_000), content_type="application/json")
        rows: list[dict[str, Any]] = [
            {"GuideNumber": number, "GuideName": name, "HD": 1, "URL": f"{self.url}/auto/v{number}"}
            | ({"DRM": 1} if number in self.protected else {})
            for number, name in self.channels
        ]
        text = json.dumps(rows)
        tag = f'"{hash(text):x}"'
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304)
        return web.Response(text=text, content_type="application/json", headers={"ETag": tag})

    async def _status(self, request: web.Request) -> web.StreamResponse:
        rows: list[dict[str, Any]] = []
        for tuner in range(self.tuners):
            row: dict[str, Any] = {"Resource": f"tuner{tuner}"}
            if tuner in self.tuned:
                number, name = self.tuned[tuner]
                row |= {"VctNumber": number, "VctName": name, "Frequency": 473_000_000, "TargetIP": self.host}
                row |= {"SignalStrengthPercent": 88, "SignalQualityPercent": 77, "SymbolQualityPercent": 100}
            rows.append(row)
        return web.json_response(rows)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        number = request.match_info["number"]
        name = dict(self.channels).get(number)
        if name is None:
            return web.Response(status=404, headers={"X-HDHomeRun-Error": "801 Unknown Channel"})
        free = [tuner for tuner in range(self.tuners - self.busy) if tuner not in self.tuned]
        if not free:
            self.refused += 1
            return web.Response(status=503, headers={"X-HDHomeRun-Error": "805 All Tuners In Use"})
        self.tuned[free[0]] = (number, name)
        self.streams += 1
        self.most_at_once = max(self.most_at_once, len(self.tuned))
        try:
            return await self._flow(request)
        finally:
            del self.tuned[free[0]]

    async def _flow(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "video/mpeg"})
        response.force_close()
        response.content_length = 1 << 40
        await response.prepare(request)
        stream = transport_stream(4, self.bitrate)
        began, at = time.monotonic(), 0
        try:
            while request.transport is not None and not request.transport.is_closing():
                target = int((time.monotonic() - began) * self.bitrate / 8) // PACKET * PACKET
                while at < target:
                    piece = stream[at % len(stream) :][: target - at]
                    await response.write(piece)
                    at += len(piece)
                await asyncio.sleep(0.02)
        except ConnectionError:
            pass
        return response

    def _lied(self) -> web.StreamResponse:
        if self.lie == "redirect":
            raise web.HTTPFound("http://127.0.0.1:9/discover.json")
        text = "[" * 50_000 if self.lie == "nested" else "<html>Please log in</html>"
        return web.Response(text=text, content_type="text/html")


class _Ears(asyncio.DatagramProtocol):
    def __init__(self, device: FakeTuner) -> None:
        self._device = device

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.DatagramTransport = transport

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self._device.asked.append("udp")
        if (answer := self._device.answer(data)) is not None:
            self._transport.sendto(answer, addr)


async def main() -> None:
    """One device on its real ports until it is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--lie")
    options = parser.parse_args()
    async with FakeTuner(host=options.host, port=80, udp_port=hdhomerun.PORT, lie=options.lie):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
