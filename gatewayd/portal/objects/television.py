"""Device.Services: storage and the set-top box (TR-135 1.4); the DVR object is recordings.py."""

from __future__ import annotations

from typing import Any

from gatewayd.portal.model import Node, Object, Param
from gatewayd.portal.objects import recordings
from gatewayd.portal.objects.recordings import STB
from gatewayd.portal.objects.shared import alias, always, mapped, told
from gatewayd.portal.view import View


async def _services(_view: View, _parent: Node) -> list[tuple[str, Any]]:
    return [("box", {})]


async def _streams(view: View, parent: Node) -> list[tuple[str, Any]]:
    channels = {each["id"]: each for each in await view.all_of("dvr.channels.list")}
    return [
        (key, {**row, "source": channels.get(row["channel"], {}).get("source")})
        for key, row in await recordings.recordings(view, parent)
        if row["state"] == "recording"
    ]


async def _active(view: View, parent: Node) -> dict[str, Any]:
    return {"active": len(await _streams(view, parent))}


async def _disks(_view: View, _parent: Node) -> list[tuple[str, Any]]:
    return [("recordings", {})]


def _disk(node: Node) -> str:
    service = node.view.reference("Device.Services.StorageService.", "box")
    return node.view.reference(f"{service}.LogicalVolume.", "recordings")


async def _volume(view: View, _parent: Node) -> list[tuple[str, Any]]:
    return [("recordings", await view.ask("dvr.storage.get"))]


def _front_end(node: Node) -> str:
    """The source that a recording comes from."""
    service = node.view.reference("Device.Services.STBService.", "box")
    return node.view.reference(f"{service}.Components.FrontEnd.", node.row["source"])


def _parts() -> tuple[Object, ...]:
    """What the standard has of a recorder's parts."""
    return (
        Object(
            path=f"{STB}Capabilities.",
            params=(
                Param(name="MaxActiveAVStreams", kind="int", read=always(-1)),
                Param(name="MaxActiveAVPlayers", kind="int", read=always(0)),  # it plays on others' screens
            ),
        ),
        Object(
            path=f"{STB}Capabilities.PVR.",
            params=(
                Param(name="MaxPlaybackStreams", kind="int", read=always(-1)),
                Param(name="MaxIOStreams", kind="int", read=always(-1)),
                Param(name="MaxRecordingStreams", kind="int", read=always(-1)),
            ),
        ),
        Object(
            path=f"{STB}Components.FrontEnd.{{i}}.",
            rows=recordings.sources,
            topic="dvr",
            count="FrontEndNumberOfEntries",
            keys=(("Alias",), ("Name",)),
            params=(
                Param(name="Enable", kind="boolean", read=always(True)),
                Param(name="Status", read=mapped("state", {"ok": "Enabled"}, "Error")),
                alias(),
                Param(name="Name", read=told("name")),
            ),
        ),
        Object(
            path=f"{STB}Components.PVR.Storage.{{i}}.",
            rows=_disks,
            topic="dvr",
            count="StorageNumberOfEntries",
            keys=(("Alias",), ("Name",)),
            params=(
                alias(),
                Param(name="Name", read=always("recordings")),
                Param(name="Reference", read=_disk),
            ),
        ),
        Object(
            path=f"{STB}AVStreams.",
            one=_active,
            topic="dvr",
            params=(Param(name="ActiveAVStreams", kind="unsignedInt", read=told("active")),),
        ),
        Object(
            path=f"{STB}AVStreams.AVStream.{{i}}.",
            rows=_streams,
            topic="dvr",
            count="AVStreamNumberOfEntries",
            keys=(("Alias",), ("Name",)),
            params=(
                Param(name="Status", read=always("Enabled")),
                alias(),
                Param(name="Name", read=told("id")),
                Param(name="PVRState", read=always("Recording")),
                Param(name="FrontEnd", read=_front_end),
            ),
        ),
    )


def _reserve(node: Node) -> int:
    """Bytes of the disk that television leaves free."""
    return int(node.row["settings"]["reserve"])


def _scarce(node: Node) -> bool:
    return node.row["free"] is not None and node.row["free"] <= _reserve(node)


def _storage() -> tuple[Object, ...]:
    path = "Device.Services.StorageService.{i}."
    return (
        Object(
            path=path,
            rows=_services,
            count="StorageServiceNumberOfEntries",
            keys=(("Alias",),),
            params=(alias(), Param(name="Enable", kind="boolean", read=always(True))),
        ),
        Object(
            path=f"{path}LogicalVolume.{{i}}.",
            rows=_volume,
            topic="dvr",
            count="LogicalVolumeNumberOfEntries",
            needs=("dvr.storage.get",),
            keys=(("Alias",), ("Name",)),
            params=(
                alias(),
                Param(name="Name", read=always("recordings")),
                Param(name="Enable", kind="boolean", read=always(True)),
                Param(name="ThresholdLimit", kind="unsignedInt", read=lambda node: _reserve(node) >> 20),
                Param(name="ThresholdReached", kind="boolean", read=_scarce),
                Param(name="Status", read=lambda node: "Error" if node.row["error"] else "Online"),
                Param(name="Capacity", kind="unsignedInt", read=lambda node: (node.row["total"] or 0) >> 20),
                Param(
                    name="UsedSpace",
                    kind="unsignedInt",
                    read=lambda node: (node.row["used"] or 0) >> 20,
                    ignored=True,
                ),
            ),
        ),
    )


def objects() -> tuple[Object, ...]:
    """The whole area."""
    return (
        *_storage(),
        Object(
            path=STB,
            rows=_services,
            count="STBServiceNumberOfEntries",
            keys=(("Alias",),),
            params=(Param(name="Enable", kind="boolean", read=always(True)), alias()),
        ),
        *_parts(),
        *recordings.objects(),
    )
