"""What `/metrics` tells: parts, machine, processes, television, Wi-Fi. Part of the composition root."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from aiohttp import web

from gatewayd import __version__
from gatewayd.api.authenticate import Callers
from gatewayd.api.metrics import Family, Metrics, Sample
from gatewayd.api.playback import Playing
from gatewayd.box.model import Parts
from gatewayd.trades import Trades
from gatewayd.upkeep.health import Health
from gatewayd.upkeep.look import Look

_STATES = ("ok", "degraded", "down", "unknown")


def further_routes(trades: Trades, parts: Parts, look: Look, callers: Callers) -> list[web.RouteDef]:
    """What is served beside the operations: playing, and metrics."""

    async def meter() -> Sequence[Family]:
        return await measure(trades, parts, look)

    return [*Playing(trades.dvr.playbacks).routes(), *Metrics(callers, meter).routes()]


async def measure(trades: Trades, parts: Parts, look: Look) -> list[Family]:
    """Everything now."""
    health = await look.health.look()
    states = {
        "internet": (await parts.internet()).state,
        "wifi": (await parts.wifi()).state,
        "dvr": (await parts.dvr()).state,
        "portal": (await parts.portal()).state,
        "health": health.state,
    }
    return [
        Family("gatewayd_info", "The release that runs", (Sample(1, {"version": __version__}),)),
        Family(
            "gatewayd_start_time_seconds",
            "When the daemon started, Unix time",
            (Sample(health.started.timestamp()),),
        ),
        Family(
            "gatewayd_part_state",
            "1 for the state that a part of the box is in",
            [
                Sample(float(state == each), {"part": part, "state": each})
                for part, state in states.items()
                for each in _STATES
            ],
        ),
        *_machine(health),
        *await _television(trades),
        await _stations(trades),
    ]


def _machine(health: Health) -> list[Family]:
    values = {part.name: part.value for part in health.parts if part.value is not None}
    disks = {name.partition(".")[2]: value for name, value in values.items() if name.startswith("disk.")}
    single = (
        ("temperature", "gatewayd_temperature_celsius", "The hottest sensor"),
        ("memory", "gatewayd_memory_free_ratio", "Free memory, as a share"),
        ("load", "gatewayd_load_per_core", "Waiting tasks for each core, over five minutes"),
        ("wear", "gatewayd_memory_card_used_ratio", "Worn life of the memory card, as a share"),
        ("uptime", "gatewayd_machine_uptime_seconds", "Since the machine started"),
    )
    here = [each for each in health.processes if each.pid is not None]
    return [
        *(Family(name, tells, (Sample(values[part]),)) for part, name, tells in single if part in values),
        Family(
            "gatewayd_disk_free_ratio",
            "Free space of the disk that holds it, as a share",
            [Sample(value, {"holds": name}) for name, value in disks.items()],
        ),
        Family(
            "gatewayd_process_up",
            "Whether a process of the box runs",
            [Sample(float(each.pid is not None), {"process": each.name}) for each in health.processes],
        ),
        Family(
            "gatewayd_process_resident_memory_bytes",
            "Memory of a process",
            [Sample(each.memory, {"process": each.name}) for each in here],
        ),
        Family(
            "gatewayd_process_cpu_seconds_total",
            "Processor time of a process",
            [Sample(each.cpu_seconds, {"process": each.name}) for each in here],
            "counter",
        ),
    ]


async def _television(trades: Trades) -> list[Family]:
    summary = await trades.dvr.summary()
    streams = await trades.dvr.streams() or ()
    return [
        Family(
            "gatewayd_recordings",
            "Recordings that run and that wait",
            (
                Sample(summary.recording, {"state": "recording"}),
                Sample(summary.scheduled, {"state": "scheduled"}),
            ),
        ),
        Family(
            "gatewayd_stream_bitrate_bits_per_second",
            "What a channel sends that is being recorded",
            [Sample(each.bitrate, {"channel": each.channel}) for each in streams],
        ),
    ]


async def _stations(trades: Trades) -> Family:
    counts = Counter(each.network for each in await trades.wifi.known_stations())
    return Family(
        "gatewayd_wifi_stations",
        "Devices on a Wi-Fi network",
        [Sample(count, {"network": str(network)}) for network, count in sorted(counts.items())],
    )
