"""How the box is, by what the machine says of itself."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gatewayd.upkeep.health import judge
from gatewayd.upkeep.machine import Disk, Reading, Running, read

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
GOOD = Reading(
    temperature=52.0,
    throttled=0,
    disks=(Disk("state", 80 * 10**9, 100 * 10**9),),
    wear=0.1,
    memory_free=600 << 20,
    memory_total=1000 << 20,
    swap_used=0,
    load=0.5,
    cores=4,
    uptime=3 * 86_400.0,
    processes=(Running("gatewayd", 1, 50 << 20, 1.0, 1e9), Running("recorder", 2, 30 << 20, 1.0, 1e9)),
)


def test_a_box_that_is_well() -> None:
    health = judge(GOOD, now=NOW, trusted=True, started=NOW)
    assert (health.state, health.sentence) == ("ok", "The box is well: 80% of the disk is free.")
    assert {part.state for part in health.parts} == {"ok"}
    assert [each.name for each in health.processes] == ["gatewayd", "recorder"]


@pytest.mark.parametrize(
    ("changed", "part", "state", "words"),
    [
        ({"temperature": 81.0}, "temperature", "degraded", "Give it some air"),
        ({"temperature": 86.0}, "temperature", "down", "86 °C"),
        ({"throttled": 0x50005}, "power", "degraded", "supply voltage is too low"),
        ({"throttled": 0x50000}, "power", "degraded", "was too low and the processor was throttled"),
        ({"disks": (Disk("state", 3, 100),)}, "disk.state", "degraded", "almost full: 3%"),
        ({"disks": (Disk("state", 0, 100),)}, "disk.state", "down", "0%"),
        ({"disks": (Disk("state", 9, 9, False),)}, "disk.state", "down", "read-only"),
        ({"disks": (Disk("state", 0, 0, False, "Input/output error"),)}, "disk.state", "down", "Input"),
        ({"memory_free": 50 << 20}, "memory", "degraded", "Memory is short"),
        ({"load": 13.0}, "load", "degraded", "too much"),
        ({"wear": 1.1}, "wear", "degraded", "Replace it soon"),
        ({"processes": (Running("recorder", None),)}, "processes", "down", "recorder is not running"),
    ],
)
def test_what_is_wrong_is_said(changed: dict[str, object], part: str, state: str, words: str) -> None:
    health = judge(GOOD._replace(**changed), now=NOW, trusted=True, started=NOW)  # type: ignore[arg-type]
    (found,) = [each for each in health.parts if each.name == part]
    assert found.state == state
    assert words in found.sentence
    assert (health.state, health.sentence) == (state, found.sentence)


def test_a_clock_that_nobody_set() -> None:
    health = judge(GOOD, now=NOW, trusted=False, started=NOW)
    assert (health.state, "does not know the time" in health.sentence) == ("degraded", True)


def test_no_thermometer_is_no_fault() -> None:
    health = judge(
        GOOD._replace(temperature=None, throttled=None, wear=None), now=NOW, trusted=True, started=NOW
    )
    assert health.state == "ok"
    assert "power" not in {part.name for part in health.parts}


def test_this_machine(tmp_path: Path) -> None:
    """The real reading, with the files of a Pi and of an eMMC card."""
    firmware = tmp_path / "devices/platform/soc/soc:firmware"
    firmware.mkdir(parents=True)
    (firmware / "get_throttled").write_text("50005\n")
    card = tmp_path / "block/mmcblk0/device"
    card.mkdir(parents=True)
    (card / "life_time").write_text("0x02 0x0b\n")
    found = read(
        [("state", tmp_path), ("nowhere", tmp_path / "none")],
        [("recorder", tmp_path / "none.sock")],
        tmp_path,
    )
    assert found.throttled == 0x50005
    assert found.wear == 1.1
    assert found.disks[0].total > found.disks[0].free > 0
    assert found.disks[1].total == found.disks[0].total  # it will be on the same
    assert found.memory_total > found.memory_free > 0
    assert found.processes[0].memory > 1 << 20
    assert found.processes[1].pid is None
    assert found.uptime > 0
