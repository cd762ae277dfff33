"""How the box itself is: each part with a state and a sentence. Pure judgement of a reading."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

from gatewayd.operations import Result
from gatewayd.upkeep.machine import Disk, Reading, Running

State = Literal["ok", "degraded", "down", "unknown"]
_WORST: tuple[State, ...] = ("ok", "unknown", "degraded", "down")
DISK_LOW, DISK_OUT = 0.05, 0.01
MEMORY_LOW, MEMORY_OUT = 0.10, 0.03
HOT, TOO_HOT = 80.0, 85.0
"""Degrees Celsius: a Raspberry Pi slows down from 80 on, and hard at 85 (its documentation, "Frequency
management and thermal control")."""
WORN = 0.9
LOADED = 3.0
"""Waiting tasks for each core, over five minutes: a speed test or an export alone do not make it."""
_NOW = {
    0: "the supply voltage is too low",
    1: "the processor is slowed down",
    2: "the processor is throttled",
}
_WAS = {16: "the supply voltage was too low", 18: "the processor was throttled"}


class HealthPart(Struct, frozen=True, kw_only=True):
    """One part. `value` in `unit` (`celsius`, `free` and `used` as shares from 0 to 1, `load` for each core,
    `seconds`), where there is one."""

    name: str
    state: State
    sentence: str
    value: float | None = None
    unit: str | None = None


class HealthProcess(Struct, frozen=True, kw_only=True):
    """One of our processes: memory (RSS) in bytes, processor seconds since it started."""

    name: str
    state: State
    pid: int | None
    memory: int
    cpu_seconds: float
    started: datetime | None


class Health(Result, frozen=True, kw_only=True):
    """The box: its worst state and the sentence that goes with it, its parts, its processes.

    `uptime` is seconds since the machine started, `started` when the daemon did; `time` is the box's clock,
    and `clock_trusted` whether the box believes it.
    """

    state: State
    sentence: str
    parts: tuple[HealthPart, ...]
    processes: tuple[HealthProcess, ...]
    uptime: float
    started: datetime
    time: datetime
    clock_trusted: bool


def judge(reading: Reading, *, now: datetime, trusted: bool, started: datetime) -> Health:
    """What a reading means."""
    parts = (*_heat(reading), *(_disk(disk) for disk in reading.disks), *_rest(reading), _clock(now, trusted))
    processes = tuple(_process(each) for each in reading.processes)
    gone = [each.name for each in processes if each.state == "down"]
    parts = (*parts, _processes(gone, len(processes)))
    worst = max(parts, key=lambda part: _WORST.index(part.state))
    sentence = worst.sentence if worst.state in ("degraded", "down") else _fine(reading)
    state: State = worst.state if worst.state in ("degraded", "down") else "ok"
    return Health(
        state=state,
        sentence=sentence,
        parts=parts,
        processes=processes,
        uptime=reading.uptime,
        started=started,
        time=now,
        clock_trusted=trusted,
    )


def _fine(reading: Reading) -> str:
    free = min((disk.free / max(1, disk.total) for disk in reading.disks), default=1.0)
    return f"The box is well: {free:.0%} of the disk is free."


def _heat(reading: Reading) -> Iterator[HealthPart]:
    heat = reading.temperature
    if heat is None:
        yield HealthPart(name="temperature", state="unknown", sentence="This machine has no thermometer.")
    else:
        state: State = "down" if heat >= TOO_HOT else "degraded" if heat >= HOT else "ok"
        advice = " Give it some air." if heat >= HOT else ""
        yield HealthPart(
            name="temperature",
            state=state,
            sentence=f"The box has {heat:.0f} °C.{advice}",
            value=heat,
            unit="celsius",
        )
    if reading.throttled is not None:
        now = [words for bit, words in _NOW.items() if reading.throttled >> bit & 1]
        was = [words for bit, words in _WAS.items() if reading.throttled >> bit & 1]
        sentence = " and ".join(now or was) or "the processor runs at full speed"
        if now or was:
            sentence += ". A stronger power supply, or a cooler place, helps"
        yield HealthPart(
            name="power",
            state="degraded" if now or was else "ok",
            sentence=f"{sentence[0].upper()}{sentence[1:]}"
            + ("." if now else " since it started." if was else "."),
        )


def _disk(disk: Disk) -> HealthPart:
    name = f"disk.{disk.name}"
    if disk.error is not None or not disk.writable:
        why = disk.error or "it is read-only"
        return HealthPart(
            name=name, state="down", sentence=f"The disk of the {disk.name} is unusable: {why}."
        )
    free = disk.free / max(1, disk.total)
    state: State = "down" if free < DISK_OUT else "degraded" if free < DISK_LOW else "ok"
    words = "is almost full: " if free < DISK_LOW else "has room: "
    return HealthPart(
        name=name,
        state=state,
        sentence=f"The disk of the {disk.name} {words}{free:.0%} ({disk.free / 1e9:.1f} GB) is free.",
        value=free,
        unit="free",
    )


def _rest(reading: Reading) -> Iterator[HealthPart]:
    free = reading.memory_free / max(1, reading.memory_total)
    state: State = "down" if free < MEMORY_OUT else "degraded" if free < MEMORY_LOW else "ok"
    word = "Memory is short" if free < MEMORY_LOW else "There is enough memory"
    yield HealthPart(
        name="memory",
        state=state,
        sentence=f"{word}: {reading.memory_free >> 20} of {reading.memory_total >> 20} MB are free.",
        value=free,
        unit="free",
    )
    load = reading.load / max(1, reading.cores)
    yield HealthPart(
        name="load",
        state="degraded" if load > LOADED else "ok",
        sentence="The processor has too much to do: everything takes longer."
        if load > LOADED
        else "The processor has time to spare.",
        value=load,
        unit="load",
    )
    if reading.wear is not None:
        worn = reading.wear >= WORN
        yield HealthPart(
            name="wear",
            state="degraded" if worn else "ok",
            sentence=f"The memory card has used {reading.wear:.0%} of its life."
            + (" Replace it soon." if worn else ""),
            value=reading.wear,
            unit="used",
        )
    yield HealthPart(
        name="uptime",
        state="ok",
        sentence=f"The machine has run for {_span(reading.uptime)}.",
        value=reading.uptime,
        unit="seconds",
    )


def _clock(now: datetime, trusted: bool) -> HealthPart:
    if trusted:
        return HealthPart(name="clock", state="ok", sentence=f"It is {now:%Y-%m-%d %H:%M} UTC.")
    sentence = "The box does not know the time yet: it waits for the internet's."
    return HealthPart(name="clock", state="degraded", sentence=sentence)


def _process(found: Running) -> HealthProcess:
    there = found.pid is not None
    return HealthProcess(
        name=found.name,
        state="ok" if there else "down",
        pid=found.pid,
        memory=found.memory,
        cpu_seconds=found.cpu_seconds,
        started=datetime.fromtimestamp(found.started, UTC) if found.started else None,
    )


def _processes(gone: list[str], count: int) -> HealthPart:
    if not gone:
        return HealthPart(name="processes", state="ok", sentence=f"All {count} processes run.")
    word = "is" if len(gone) == 1 else "are"
    sentence = f"{' and '.join(gone)} {word} not running; the box starts them again by itself."
    return HealthPart(name="processes", state="down", sentence=sentence)


def _span(seconds: float) -> str:
    for size, word in ((86_400.0, "day"), (3600.0, "hour"), (60.0, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {word}{'s' if count > 1 else ''}"
    return "less than a minute"
