"""A whole speed test: listen whether the line is free, idle round trips, down, up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from gatewayd.diagnostics import speed_latency, speed_watch
from gatewayd.diagnostics.speed_engine import Direction
from gatewayd.diagnostics.speed_model import (
    BusyLine,
    DirectionResult,
    SpeedProgress,
    SpeedtestResult,
    SpeedtestStart,
    Way,
)
from gatewayd.diagnostics.speed_streams import Server
from gatewayd.diagnostics.tool_targets import address_of
from gatewayd.errors import GatewayError
from gatewayd.system.clock import Clock

Told = Callable[[float, str, SpeedProgress], None]
_MOST_CONFIG = 16 * 1024
_WORDS = {"cpu": "its processor", "softirq": "its packet handling", "lag": "other work of its own",
          "reading": "its own reading", "sending": "its own sending"}  # fmt: skip


class Urls(msgspec.Struct, frozen=True):
    """The addresses of a responsiveness server."""

    small_download_url: str
    large_download_url: str
    upload_url: str


class Config(msgspec.Struct, frozen=True):
    """`/.well-known/nq` of the IETF's responsiveness draft."""

    version: int
    urls: Urls


class LineFacts(NamedTuple):
    """What is known of the line: its interface, and what was bought (bit/s, down and up)."""

    interface: str | None = None
    plan_down: float | None = None
    plan_up: float | None = None


async def nobody(rate: float) -> str | None:
    """The busiest device, where nobody counts."""
    return None


class SpeedTest:
    """Tests against the server whose base address is `url` (None: there is none).

    `line` is asked at each test; `busiest` names the device that uses the line most. Only one test runs at
    a time: the caller holds a lock.
    """

    def __init__(
        self,
        url: str | None,
        clock: Clock,
        *,
        resolvers: Callable[[], Awaitable[Sequence[str]]],
        line: Callable[[], Awaitable[LineFacts]],
        busiest: speed_watch.Busiest = nobody,
        look: speed_watch.Counters = speed_watch.counters,
        listen: float = speed_watch.LISTENED,
    ) -> None:
        self._url = url
        self._clock = clock
        self._resolvers = resolvers
        self._line = line
        self._busiest = busiest
        self._look = look
        self._listen = listen
        self._best: dict[Way, float] = {}

    async def run(self, wanted: SpeedtestStart, told: Told) -> SpeedtestResult:
        """Raises GatewayError `diagnostics.no_speedtest_server`, `diagnostics.unreachable`, `.unresolved`."""
        if self._url is None:
            raise GatewayError(
                "diagnostics.no_speedtest_server",
                "No speed-test server is set: diagnostics.speedtest_url names one.",
            )
        started, line = self._clock.now(), await self._line()
        config, address = await self._config(self._url)
        host = urlsplit(self._url).hostname or ""
        base = SpeedtestResult(
            state="done", sentence="", started=started, server=host, interface=line.interface
        )
        told(0.02, "Listening whether the line is free", SpeedProgress(stage="listening"))
        busy = None if wanted.even_if_busy else await self._busy(line)
        if busy is not None:
            sentence = (
                f"Not tested: the line is in use, most of it by {busy.by}"
                f" ({_megabits(busy.down)} down, {_megabits(busy.up)} up)."
            )
            return msgspec.structs.replace(base, state="busy", sentence=sentence, busy=busy)
        told(0.1, "Measuring round trips on the idle line", SpeedProgress(stage="idle"))
        small = _server(config.urls.small_download_url, address, host)
        idle = await speed_latency.idle(small)
        found: dict[Way, DirectionResult] = {}
        for number, way in enumerate(dict.fromkeys(wanted.directions)):
            span = 0.85 / len(set(wanted.directions))
            url = config.urls.large_download_url if way == "down" else config.urls.upload_url
            direction = Direction(
                way,
                _server(url, address, host),
                small,
                interface=line.interface,
                look=self._look,
                most_bytes=wanted.max_bytes,
                told=_teller(told, way, 0.15 + number * span, span, found),
            )
            found[way] = await direction.measure()
        self._remember(found)
        return _concluded(
            msgspec.structs.replace(base, idle=idle, down=found.get("down"), up=found.get("up"))
        )

    async def _busy(self, line: LineFacts) -> BusyLine | None:
        if line.interface is None:
            return None
        plan = (line.plan_down or self._best.get("down"), line.plan_up or self._best.get("up"))
        return await speed_watch.others(line.interface, plan, self._look, self._busiest, self._listen)

    def _remember(self, found: dict[Way, DirectionResult]) -> None:
        for way, result in found.items():
            if result.rate is not None:
                self._best[way] = max(result.rate, self._best.get(way, 0.0))

    async def _config(self, url: str) -> tuple[Config, str]:
        """The server's addresses, and the one that its name stands for. All of them are on its own host."""
        import aiohttp

        from gatewayd.diagnostics.web import pinned

        host = urlsplit(url).hostname or ""
        address = await address_of(host, "any", await self._resolvers(), own=True, field="server")
        try:
            async with (
                asyncio.timeout(8.0),
                aiohttp.ClientSession(connector=pinned(host, address), trust_env=False) as session,
                session.get(f"{url.rstrip('/')}/.well-known/nq", allow_redirects=False) as answer,
            ):
                text = await answer.content.read(_MOST_CONFIG)
                if answer.status != 200:
                    raise _no_server(f"it answers with status {answer.status}")
            config = msgspec.json.decode(text, type=Config)
        except aiohttp.ClientConnectorCertificateError as error:
            raise _no_server("its certificate is not trusted") from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _no_server("it cannot be reached") from error
        except msgspec.DecodeError as error:
            raise _no_server("its configuration cannot be read") from error
        for one in (config.urls.small_download_url, config.urls.large_download_url, config.urls.upload_url):
            if urlsplit(one).scheme != "http" or urlsplit(one).hostname != host:
                raise _no_server("it sends elsewhere, or has no plain HTTP for the load")
        return config, address


def _server(url: str, address: str, host: str) -> Server:
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii() or not path.isprintable() or " " in path:
        raise _no_server("its configuration cannot be read")
    return Server(address, parts.port or 80, f"[{host}]" if ":" in host else host, path)


def _teller(
    told: Told, way: Way, begin: float, span: float, found: dict[Way, DirectionResult]
) -> Callable[[float, float, int, float | None], None]:
    def tell(seconds: float, rate: float, streams: int, ms: float | None) -> None:
        word = "download" if way == "down" else "upload"
        told(
            begin + span * min(1.0, seconds / 10),
            f"Measuring the {word}: {_megabits(rate)}",
            SpeedProgress(stage=way, rate=round(rate), streams=streams, ms=ms, down=found.get("down")),
        )

    return tell


def _concluded(result: SpeedtestResult) -> SpeedtestResult:
    ways = [one for one in (result.down, result.up) if one is not None]
    limited = [one for one in ways if one.limited]
    if limited:
        reasons = list(dict.fromkeys(_WORDS[reason] for one in limited for reason in one.limited))
        sentence = (
            f"No result: the box itself could not keep up ({', '.join(reasons)})."
            " This says nothing about the line."
        )
        return msgspec.structs.replace(result, state="device_limited", sentence=sentence)
    parts = [f"{_megabits(one.rate or 0.0)} {one.way}" for one in ways]
    return msgspec.structs.replace(result, sentence=f"{', '.join(parts)}.")


def _megabits(rate: float) -> str:
    number = rate / 1e6
    return f"{number:.0f} Mbit/s" if number >= 100 else f"{number:.1f} Mbit/s"


def _no_server(why: str) -> GatewayError:
    return GatewayError("diagnostics.unreachable", f"The speed-test server does not work: {why}.")
