"""X_GATEWAYD_DVR: recordings, schedule and channels. The standard has no such object, so it is our own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from gatewayd.errors import GatewayError
from gatewayd.portal.model import Access, Change, CommandSpec, EventSpec, Node, Object, Param, Started
from gatewayd.portal.objects.shared import VENDOR, always, mapped, seconds_between, told
from gatewayd.portal.refusals import Code, UspFault
from gatewayd.portal.view import View
from gatewayd.system.clock import rfc3339

STB = "Device.Services.STBService.{i}."
DVR = f"{STB}{VENDOR}DVR."
_STATES = {
    "scheduled": "Scheduled",
    "conflict": "Scheduled",
    "recording": "InProgress",
    "done": "Complete",
    "partial": "Partial",
    "failed": "Failed",
    "trash": "Trash",
}
_WAITING = ("scheduled", "conflict", "recording")


async def recordings(view: View, _parent: Node) -> list[tuple[str, Any]]:
    """What was, is or will be recorded."""
    return [
        (each["id"], each) for each in await view.all_of("dvr.recordings.list") if each["state"] != "trash"
    ]


async def _schedule(view: View, parent: Node) -> list[tuple[str, Any]]:
    return [(key, row) for key, row in await recordings(view, parent) if row["state"] in _WAITING]


async def _channels(view: View, _parent: Node) -> list[tuple[str, Any]]:
    return [(each["id"], each) for each in await view.all_of("dvr.channels.list")]


async def sources(view: View, _parent: Node) -> list[tuple[str, Any]]:
    """Where television comes from."""
    return [(each["id"], each) for each in (await view.ask("dvr.sources.list"))["items"]]


async def _dvr(view: View, _parent: Node) -> dict[str, Any]:
    """Commands and events are there also for who may not see recordings; then nothing else is."""
    if not view.policy.may_leave("dvr"):
        return {}
    storage = await view.ask("dvr.storage.get")
    items = [row for _key, row in await recordings(view, _parent)]
    running = any(each["state"] == "recording" for each in items)
    status = "NoStorage" if storage["error"] else "Recording" if running else "Idle"
    tuners = [row for _key, row in await sources(view, _parent)]
    return {
        "status": status,
        "total": sum(each["tuners"] or 0 for each in tuners),
        "in_use": sum(each["tuners_in_use"] for each in tuners),
    }


def _length(node: Node) -> int:
    return seconds_between(node.row["start"], node.row["stop"])


def _item(name: str) -> Any:
    return lambda node, value: Change("dvr.recordings.update", (("recording", node.key),), {name: value})


def _set_start(node: Node, value: datetime) -> Change:
    return _in_time(node, {"start": value})


def _set_length(node: Node, value: int) -> Change:
    return _in_time(node, {"duration": value})


def _in_time(node: Node, fields: dict[str, Any]) -> Change:
    """Start and length, whichever of them are set together; a start alone keeps the length."""

    def finish(fields: dict[str, Any]) -> dict[str, Any]:
        rest = {name: value for name, value in fields.items() if name not in ("start", "duration")}
        start: datetime | None = fields.get("start")
        seconds = fields.get("duration", _length(node))
        stop = (start or datetime.fromisoformat(node.row["start"])) + timedelta(seconds=seconds)
        if start is not None:
            rest["start"] = rfc3339(start.astimezone(UTC))
        return {**rest, "stop": rfc3339(stop.astimezone(UTC))}

    return Change("dvr.recordings.update", (("recording", node.key),), fields, finish)


def _create(_parent: Node, values: Mapping[str, Any]) -> Change:
    fields: dict[str, Any] = {
        "channel": values.get("ChannelName", ""),
        "duration": values.get("Duration") or 0,
    }
    if "StartTime" in values:
        fields["start"] = values["StartTime"].isoformat()
    if values.get("Title"):
        fields["title"] = values["Title"]
    for name, field in (("PrePad", "pad_before"), ("PostPad", "pad_after")):
        if name in values:
            fields[field] = values[name]
    return Change("dvr.recordings.create", (), fields)


def _delete(node: Node) -> Change:
    return Change("dvr.recordings.delete", (("recording", node.key),), {})


async def _channel(node: Node, name: str) -> str:
    """A channel's id by its id or its name."""
    try:
        channels = await node.view.all_of("dvr.channels.list")
    except GatewayError:
        return name  # the controller may not list channels: it has to know the id
    found = [each["id"] for each in channels if name in (each["id"], each["name"])]
    return str(found[0]) if found else name


def _record() -> CommandSpec:
    async def plan(node: Node, arguments: Mapping[str, str]) -> Started:
        fields: dict[str, Any] = {
            "channel": await _channel(node, arguments["ChannelName"]),
            "duration": _seconds(arguments["Duration"]),
        }
        if arguments.get("Title"):
            fields["title"] = arguments["Title"]
        if arguments.get("StartTime"):
            fields["start"] = arguments["StartTime"]
        return Started(operation="dvr.recordings.create", arguments=fields)

    return CommandSpec(
        name="Record()",
        plan=plan,
        inputs=("ChannelName", "Duration", "StartTime", "Title"),
        mandatory=frozenset({"ChannelName", "Duration"}),
        outputs=("ID", "Status"),
        told=_item_told,
        needs=("dvr.recordings.create",),
    )


def _seconds(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) <= 86_400 * 7:
        raise UspFault(Code.INVALID_COMMAND_ARGUMENTS, "Duration is a number of seconds, at most a week.")
    return int(text)


def _item_told(result: Mapping[str, Any]) -> dict[str, str]:
    return {"ID": str(result["id"]), "Status": _STATES.get(str(result["state"]), "")}


def _by_id(name: str, operation: str) -> CommandSpec:
    async def plan(_node: Node, arguments: Mapping[str, str]) -> Started:
        return Started(operation=operation, arguments={"recording": arguments["ID"]})

    return CommandSpec(
        name=name,
        plan=plan,
        inputs=("ID",),
        mandatory=frozenset({"ID"}),
        outputs=("ID", "Status"),
        told=_item_told,
        needs=(operation,),
    )


def _changed(*states: str) -> Any:
    def when(data: Mapping[str, Any]) -> dict[str, str] | None:
        if data["state"] not in states:
            return None
        return {"ID": str(data["recording"]), "Status": _STATES[data["state"]]}

    return when


def _low(data: Mapping[str, Any]) -> dict[str, str] | None:
    return {"Reason": str(data["error"])[:256]} if data.get("error") else None


def _events() -> tuple[EventSpec, ...]:
    topic, arguments = "dvr.recording_changed", ("ID", "Status")
    return (
        EventSpec(name="RecordingStarted!", arguments=arguments, topic=topic, when=_changed("recording")),
        EventSpec(
            name="RecordingCompleted!", arguments=arguments, topic=topic, when=_changed("done", "partial")
        ),
        EventSpec(name="RecordingFailed!", arguments=arguments, topic=topic, when=_changed("failed")),
        EventSpec(name="Conflict!", arguments=arguments, topic=topic, when=_changed("conflict")),
        EventSpec(name="StorageLow!", arguments=("Reason",), topic="dvr.storage_changed", when=_low),
    )


def _item_params(*, waiting: bool) -> tuple[Param, ...]:
    more: tuple[Param, ...]
    if waiting:
        more = (
            Param(
                name="PrePad",
                kind="unsignedInt",
                access="rw",
                read=_whole("pad_before"),
                write=_item("pad_before"),
            ),
            Param(
                name="PostPad",
                kind="unsignedInt",
                access="rw",
                read=_whole("pad_after"),
                write=_item("pad_after"),
            ),
        )
    else:
        more = (
            Param(name="Size", kind="unsignedLong", read=told("bytes"), ignored=True),
            Param(name="FailReason", read=lambda node: node.row["reason"] or ""),
            Param(name="Locked", kind="boolean", access="rw", read=told("locked"), write=_item("locked")),
        )
    access: Access = "rw" if waiting else "ro"
    return (
        Param(name="ID", read=told("id")),
        Param(name="Title", access="rw", read=told("title"), write=_item("title"), most=200),
        Param(name="ChannelName", access="once" if waiting else "ro", read=told("channel"), most=200),
        Param(
            name="StartTime",
            kind="dateTime",
            access=access,
            read=told("start"),
            write=_set_start if waiting else None,
        ),
        Param(
            name="Duration",
            kind="unsignedInt",
            access=access,
            read=_length,
            write=_set_length if waiting else None,
            most=604_800,
        ),
        Param(name="Status", read=mapped("state", _STATES)),
        *more,
    )


def _whole(name: str) -> Any:
    return lambda node: round(node.row[name])


def objects() -> tuple[Object, ...]:
    """The object and its tables."""
    return (
        Object(
            path=DVR,
            one=_dvr,
            needs=("dvr.recordings.list",),
            commands=(
                _record(),
                _by_id("StopRecording()", "dvr.recordings.stop"),
                _by_id("DeleteRecording()", "dvr.recordings.delete"),
                _by_id("RestoreRecording()", "dvr.recordings.restore"),
            ),
            params=(
                Param(name="Enable", kind="boolean", read=always(True)),
                Param(name="Status", read=told("status"), one_of=("Idle", "Recording", "NoStorage")),
                Param(name="TunersTotal", kind="unsignedInt", read=told("total")),
                Param(name="TunersInUse", kind="unsignedInt", read=told("in_use")),
            ),
            events=_events(),
        ),
        Object(
            path=f"{DVR}Channel.{{i}}.",
            rows=_channels,
            topic="dvr",
            count="ChannelNumberOfEntries",
            keys=(("ID",),),
            params=(
                Param(name="ID", read=told("id")),
                Param(name="Name", read=told("name")),
                Param(name="Number", read=lambda node: node.row["number"] or ""),
                Param(name="Source", read=told("source")),
                Param(name="Status", read=told("state")),
            ),
        ),
        Object(
            path=f"{DVR}Recording.{{i}}.",
            rows=recordings,
            topic="dvr",
            count="RecordingNumberOfEntries",
            keys=(("ID",),),
            params=_item_params(waiting=False),
            deletable=True,
            delete=_delete,
        ),
        Object(
            path=f"{DVR}Schedule.{{i}}.",
            rows=_schedule,
            topic="dvr",
            count="ScheduleNumberOfEntries",
            keys=(("ID",),),
            params=_item_params(waiting=True),
            addable=True,
            deletable=True,
            create=_create,
            created=lambda result: str(result["id"]),
            delete=_delete,
        ),
    )
