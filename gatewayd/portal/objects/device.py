"""Device, DeviceInfo, Time and restarts (TR-181 2.16)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import psutil

from gatewayd.portal.model import Change, CommandSpec, EventSpec, Node, Object, Param, Started
from gatewayd.portal.objects.diagnostics import number, self_test
from gatewayd.portal.objects.shared import alias, always, told
from gatewayd.portal.refusals import Code, UspFault
from gatewayd.portal.timers import MOST_SECONDS
from gatewayd.portal.view import View
from gatewayd.system.clock import synchronised

MOST_REASON = 200
IMAGES = "Device.DeviceInfo.FirmwareImage."


async def _info(view: View, _parent: Node) -> dict[str, Any]:
    return dict(await view.ask("info.get"))


async def _images(view: View, _parent: Node) -> list[tuple[str, Any]]:
    return [("running", await view.ask("info.get"))]


def _active(node: Node) -> str:
    return node.view.reference(IMAGES, "running")


async def _memory(view: View, _parent: Node) -> tuple[Any, Any]:
    """Of the machine, and of the disk that the box's state is on."""
    folder = view.about.folder
    return await asyncio.to_thread(lambda: (psutil.virtual_memory(), psutil.disk_usage(folder)))


async def _load(_view: View, _parent: Node) -> Any:
    return await asyncio.to_thread(psutil.cpu_percent)


async def _temperatures(_view: View, _parent: Node) -> list[tuple[str, Any]]:
    try:
        found = await asyncio.to_thread(psutil.sensors_temperatures)
    except (AttributeError, OSError):
        return []
    return [
        (f"{chip}/{index}", {"name": f"{chip} {entry.label}".strip(), "value": round(entry.current)})
        for chip, entries in found.items()
        for index, entry in enumerate(entries)
        if entry.current is not None
    ]


async def _household(view: View, _parent: Node) -> dict[str, Any]:
    return dict(await view.ask("household.get"))


def _restart(target: str) -> Any:
    async def plan(_node: Node, arguments: Mapping[str, str]) -> Started:
        reason = arguments.get("Reason") or arguments.get("Cause") or "Asked for by the operator"
        return Started(
            operation="upkeep.restart", arguments={"target": target, "reason": reason[:MOST_REASON]}
        )

    return plan


def restart(name: str, target: str) -> CommandSpec:
    """A command that restarts something: the box, the Wi-Fi, the daemon."""
    return CommandSpec(
        name=name, plan=_restart(target), inputs=("Cause", "Reason"), needs=("upkeep.restart",)
    )


def _timer() -> CommandSpec:
    async def plan(_node: Node, arguments: Mapping[str, str]) -> Started:
        seconds = number(arguments, "DelaySeconds") or 0
        if not 1 <= seconds <= MOST_SECONDS:
            raise UspFault(
                Code.INVALID_COMMAND_ARGUMENTS, f"DelaySeconds is 1 to {MOST_SECONDS}; this is {seconds}."
            )
        return Started(operation="portal.timer", arguments={"seconds": seconds})

    return CommandSpec(
        name="ScheduleTimer()",
        plan=plan,
        inputs=("DelaySeconds",),
        mandatory=frozenset({"DelaySeconds"}),
        asynchronous=True,
        needs=("portal.timer",),
    )


def _root() -> Object:
    return Object(
        path="Device.",
        params=(Param(name="RootDataModelVersion", read=always("2.16")),),
        commands=(restart("Reboot()", "box"), self_test(), _timer()),
        events=(
            EventSpec(name="Boot!", arguments=("CommandKey", "Cause", "FirmwareUpdated", "ParameterMap")),
        ),
    )


def _device_info() -> tuple[Object, ...]:
    return (
        Object(
            path="Device.DeviceInfo.",
            one=_info,
            params=(
                Param(name="Manufacturer", read=lambda node: node.view.about.manufacturer),
                Param(name="ManufacturerOUI", read=lambda node: node.view.about.oui),
                Param(name="ModelName", read=told("model")),
                Param(name="ModelNumber", read=told("model")),
                Param(name="Description", read=told("name")),
                Param(name="ProductClass", read=lambda node: node.view.about.product_class),
                Param(name="SerialNumber", read=lambda node: node.view.about.serial or node.row["id"]),
                Param(name="HardwareVersion", read=told("model")),
                Param(name="SoftwareVersion", read=told("version")),
                Param(
                    name="UpTime",
                    kind="unsignedInt",
                    read=lambda _node: int(time.clock_gettime(time.CLOCK_BOOTTIME)),
                    ignored=True,
                ),
                Param(name="FriendlyName", read=told("name")),
                Param(name="ActiveFirmwareImage", read=_active),
                Param(name="BootFirmwareImage", read=_active),
            ),
        ),
    )


def _kibibytes(name: str, read: Callable[[Node], int]) -> Param:
    return Param(name=name, kind="unsignedInt", read=lambda node: read(node) // 1024, ignored=True)


def _device_parts() -> tuple[Object, ...]:
    return (
        Object(
            path=f"{IMAGES}{{i}}.",
            rows=_images,
            count="FirmwareImageNumberOfEntries",
            keys=(("Alias",), ("Name",)),
            params=(
                alias(),
                Param(name="Name", read=always("running")),
                Param(name="Version", read=told("version")),
                Param(name="Available", kind="boolean", read=always(True)),
                Param(name="Status", read=always("Active")),
            ),
        ),
        Object(
            path="Device.DeviceInfo.MemoryStatus.",
            one=_memory,
            params=(
                _kibibytes("Total", lambda node: node.row[0].total),
                _kibibytes("Free", lambda node: node.row[0].available),
                _kibibytes("TotalPersistent", lambda node: node.row[1].total),
                _kibibytes("FreePersistent", lambda node: node.row[1].free),
            ),
        ),
        Object(
            path="Device.DeviceInfo.ProcessStatus.",
            one=_load,
            params=(
                Param(name="CPUUsage", kind="unsignedInt", read=lambda node: round(node.row), ignored=True),
            ),
        ),
        Object(
            path="Device.DeviceInfo.TemperatureStatus.TemperatureSensor.{i}.",
            rows=_temperatures,
            lasting=False,
            count="TemperatureSensorNumberOfEntries",
            keys=(("Alias",), ("Name",)),
            params=(
                alias(),
                Param(name="Enable", kind="boolean", read=always(True)),
                Param(name="Name", read=told("name")),
                Param(name="Status", read=always("Enabled")),
                Param(name="Value", kind="int", read=told("value"), ignored=True),
            ),
        ),
    )


def _set_zone(_node: Node, value: str) -> Change:
    return Change("household.update", (), {"time_zone": value})


def _time() -> Object:
    return Object(
        path="Device.Time.",
        one=_household,
        params=(
            Param(name="Enable", kind="boolean", read=always(True)),
            Param(
                name="Status",
                read=lambda _node: "Synchronized" if synchronised() else "Unsynchronized",
                ignored=True,
            ),
            Param(
                name="CurrentLocalTime",
                kind="dateTime",
                read=lambda _node: datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
                ignored=True,
            ),
            Param(name="LocalTimeZone", read=told("time_zone"), most=256),
            Param(name="X_GATEWAYD_ZoneName", access="rw", read=told("time_zone"), write=_set_zone, most=64),
        ),
    )


async def _units(view: View, _parent: Node) -> list[tuple[str, Any]]:
    return [("daemon", {"name": "gatewayd", "version": view.about.software}), ("wifi", {"name": "wifi"})]


def _services() -> Object:
    async def plan(node: Node, arguments: Mapping[str, str]) -> Started:
        started: Started = await _restart(node.key)(node, arguments)
        return started

    return Object(
        path="Device.SoftwareModules.ExecutionUnit.{i}.",
        rows=_units,
        count="ExecutionUnitNumberOfEntries",
        keys=(("Alias",), ("Name",)),
        needs=("upkeep.restart",),
        params=(
            alias(),
            Param(name="Name", read=told("name")),
            Param(name="Status", read=always("Active")),
            Param(name="Version", read=told("version")),
            Param(name="AutoStart", kind="boolean", read=always(True)),
        ),
        commands=(CommandSpec(name="Restart()", plan=plan, inputs=("Reason",), needs=("upkeep.restart",)),),
    )


def objects() -> tuple[Object, ...]:
    """The whole area."""
    return (_root(), *_device_info(), *_device_parts(), _time(), _services())
