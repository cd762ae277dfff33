"""Diagnoses and measurements as commands (TR-181 2.16, SelfTestDiagnostics, IP.Diagnostics, DNS.Diagnostics).

The commands are there as soon as the box has the operations that do them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewayd.portal.expressions import text_of
from gatewayd.portal.model import CommandSpec, Node, Object, Param, Started
from gatewayd.portal.objects.shared import VENDOR, always
from gatewayd.portal.refusals import Code, UspFault

_FAMILIES = {"": "any", "Any": "any", "IPv4": "v4", "IPv6": "v6"}


def _diagnosis_told(result: Mapping[str, Any]) -> dict[str, str]:
    names = ("verdict", "layer", "confidence", "remedy")
    return {
        "Status": "Complete",
        "Results": "; ".join(f"{name}: {text_of(result.get(name))}" for name in names),
    }


def self_test() -> CommandSpec:
    """The full diagnosis."""

    async def plan(_node: Node, _arguments: Mapping[str, str]) -> Started:
        return Started(operation="diagnostics.run")

    return CommandSpec(
        name="SelfTestDiagnostics()",
        plan=plan,
        outputs=("Status", "Results"),
        asynchronous=True,
        topic="diagnostics",
        told=_diagnosis_told,
        needs=("diagnostics.run",),
    )


def number(arguments: Mapping[str, str], name: str) -> int | None:
    """An argument that is a number; None where it was not given. Raises UspFault 7027."""
    text = arguments.get(name, "")
    if not text:
        return None
    if not text.isdigit() or len(text) > 9:
        raise UspFault(Code.INVALID_COMMAND_ARGUMENTS, f"{name} is a whole number.")
    return int(text)


def _family(arguments: Mapping[str, str]) -> str:
    family = _FAMILIES.get(arguments.get("ProtocolVersion", ""))
    if family is None:
        raise UspFault(Code.INVALID_COMMAND_ARGUMENTS, "ProtocolVersion is Any, IPv4 or IPv6.")
    return family


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _whole(result: Mapping[str, Any], name: str) -> str:
    """Milliseconds, rounded; 0 where there are none."""
    return str(round(result.get(name) or 0))


def _detailed(result: Mapping[str, Any], name: str) -> str:
    """The same in microseconds."""
    return str(round((result.get(name) or 0) * 1000))


def _ping() -> CommandSpec:
    async def plan(_node: Node, arguments: Mapping[str, str]) -> Started:
        milliseconds = number(arguments, "Timeout")
        fields = _given(
            target=arguments["Host"],
            family=_family(arguments),
            count=number(arguments, "NumberOfRepetitions"),
            timeout=None if milliseconds is None else milliseconds / 1000,
            size=number(arguments, "DataBlockSize"),
        )
        return Started(operation="diagnostics.ping", arguments=fields)

    def told(result: Mapping[str, Any]) -> dict[str, str]:
        return {
            "Status": "Complete",
            "IPAddressUsed": str(result["address"]),
            "SuccessCount": str(result["received"]),
            "FailureCount": str(result["sent"] - result["received"]),
            "AverageResponseTime": _whole(result, "mean_ms"),
            "MinimumResponseTime": _whole(result, "min_ms"),
            "MaximumResponseTime": _whole(result, "max_ms"),
            "AverageResponseTimeDetailed": _detailed(result, "mean_ms"),
            "MinimumResponseTimeDetailed": _detailed(result, "min_ms"),
            "MaximumResponseTimeDetailed": _detailed(result, "max_ms"),
        }

    times = ("AverageResponseTime", "MinimumResponseTime", "MaximumResponseTime")
    return CommandSpec(
        name="IPPing()",
        plan=plan,
        inputs=("ProtocolVersion", "Host", "NumberOfRepetitions", "Timeout", "DataBlockSize"),
        mandatory=frozenset({"Host"}),
        outputs=(
            *("Status", "IPAddressUsed", "SuccessCount", "FailureCount"),
            *times,
            *(f"{time}Detailed" for time in times),
        ),
        asynchronous=True,
        topic="diagnostics",
        told=told,
        needs=("diagnostics.ping",),
    )


def _trace() -> CommandSpec:
    async def plan(_node: Node, arguments: Mapping[str, str]) -> Started:
        fields = _given(
            target=arguments["Host"],
            family=_family(arguments),
            rounds=number(arguments, "NumberOfTries"),
            hops=number(arguments, "MaxHopCount"),
        )
        return Started(operation="diagnostics.traceroute", arguments=fields)

    def told(result: Mapping[str, Any]) -> dict[str, str]:
        hops = result.get("hops", ())
        found = {
            "Status": "Complete" if result["reached"] else "Error_MaxHopCountExceeded",
            "IPAddressUsed": str(result["address"]),
            "ResponseTime": _whole(hops[-1], "mean_ms") if hops else "0",
        }
        for number, hop in enumerate(hops, 1):
            row = f"RouteHops.{number}."
            addresses = hop.get("addresses", ())
            found[f"{row}Host"] = hop.get("name") or (addresses[0] if addresses else "")
            found[f"{row}HostAddress"] = addresses[0] if addresses else ""
            found[f"{row}RTTimes"] = _whole(hop, "mean_ms")
        return found

    hop = ("Host", "HostAddress", "RTTimes")
    return CommandSpec(
        name="TraceRoute()",
        plan=plan,
        inputs=("ProtocolVersion", "Host", "NumberOfTries", "MaxHopCount"),
        mandatory=frozenset({"Host"}),
        outputs=("Status", "IPAddressUsed", "ResponseTime", *(f"RouteHops.{{i}}.{name}" for name in hop)),
        asynchronous=True,
        topic="diagnostics",
        told=told,
        needs=("diagnostics.traceroute",),
    )


def _speed() -> CommandSpec:
    """Our own: the standard's commands measure against an address that the controller names."""

    async def plan(_node: Node, _arguments: Mapping[str, str]) -> Started:
        return Started(operation="diagnostics.speedtest")

    def told(result: Mapping[str, Any]) -> dict[str, str]:
        found = {"Status": "Complete"}
        for name, value in result.items():
            if isinstance(value, str | int | float):
                found[name] = text_of(value)
            elif isinstance(value, Mapping):
                inner = {key: each for key, each in value.items() if isinstance(each, str | int | float)}
                found |= {f"{name}.{key}": text_of(each) for key, each in inner.items()}
        return found

    return CommandSpec(
        name=f"{VENDOR}SpeedTest()",
        plan=plan,
        outputs=("Status",),
        asynchronous=True,
        topic="diagnostics",
        told=told,
        needs=("diagnostics.speedtest",),
    )


_STATES = {"done": "Complete", "busy": "Error_Other", "device_limited": "Error_Internal"}
_WAYS: dict[str, tuple[str, str, str]] = {
    "down": ("DownloadDiagnostics()", "DownloadURL", "Received"),
    "up": ("UploadDiagnostics()", "UploadURL", "Sent"),
}


def _transfer(way: str) -> CommandSpec:
    """The standard's throughput test. It wants an address to measure against and the box has its own far end
    for that, so an address is refused: figures of another server would be passed off as those of this one."""
    name, url, moved = _WAYS[way]

    async def plan(_node: Node, arguments: Mapping[str, str]) -> Started:
        if arguments.get(url):
            raise UspFault(
                Code.INVALID_COMMAND_ARGUMENTS,
                f"The box measures against the server in its settings: leave {url} empty.",
            )
        return Started(operation="diagnostics.speedtest", arguments={"directions": [way]})

    def told(result: Mapping[str, Any]) -> dict[str, str]:
        found = {"Status": _STATES[result["state"]], f"{VENDOR}Sentence": result["sentence"]}
        measured = result.get(way)
        if measured is None:
            return found
        size, seconds = str(measured["bytes"]), measured["seconds"]
        found[f"TestBytes{moved}"] = found[f"TestBytes{moved}UnderFullLoading"] = size
        found["PeriodOfFullLoading"] = str(round(seconds * 1_000_000))
        if measured["rate"] is not None:
            found[f"{VENDOR}Rate"] = str(round(measured["rate"]))
        return found

    return CommandSpec(
        name=name,
        plan=plan,
        inputs=(url,),
        outputs=(
            *("Status", f"TestBytes{moved}", f"TestBytes{moved}UnderFullLoading", "PeriodOfFullLoading"),
            *(f"{VENDOR}Rate", f"{VENDOR}Sentence"),
        ),
        asynchronous=True,
        topic="diagnostics",
        told=told,
        needs=("diagnostics.speedtest",),
    )


def _probe() -> CommandSpec:
    """Whether a server answers, and how far it got: connecting, TLS, HTTP."""

    async def plan(_node: Node, arguments: Mapping[str, str]) -> Started:
        fields = _given(
            target=arguments["Host"],
            kind=arguments.get("Kind") or "tcp",
            port=number(arguments, "Port"),
            path=arguments.get("Path") or None,
            family=_family(arguments),
        )
        return Started(operation="diagnostics.probe", arguments=fields)

    def told(result: Mapping[str, Any]) -> dict[str, str]:
        last = result["steps"][-1] if result["steps"] else {"step": "", "detail": ""}
        return {
            "Status": "Complete",
            "Reached": text_of(result["ok"]),
            "IPAddressUsed": result.get("address") or "",
            "LastStep": last["step"],
            "Detail": last.get("detail", ""),
            "ResponseTime": str(round(sum(step["ms"] for step in result["steps"]))),
        }

    return CommandSpec(
        name=f"{VENDOR}Probe()",
        plan=plan,
        inputs=("Host", "Kind", "Port", "Path", "ProtocolVersion"),
        mandatory=frozenset({"Host"}),
        outputs=("Status", "Reached", "IPAddressUsed", "LastStep", "Detail", "ResponseTime"),
        asynchronous=True,
        topic="diagnostics",
        told=told,
        needs=("diagnostics.probe",),
    )


_ANSWERS = {"timeout": "Error_Timeout", "unreachable": "Error_DNSServerNotAvailable"}


def _look_up() -> CommandSpec:
    async def plan(_node: Node, arguments: Mapping[str, str]) -> Started:
        if number(arguments, "NumberOfRepetitions") not in (None, 1):
            raise UspFault(
                Code.INVALID_COMMAND_ARGUMENTS, "The box asks a server once: NumberOfRepetitions is 1."
            )
        fields = _given(name=arguments["HostName"], resolver=arguments.get("DNSServer") or None)
        return Started(operation="diagnostics.lookup", arguments=fields)

    def told(result: Mapping[str, Any]) -> dict[str, str]:
        good = result["outcome"] == "answered" and result.get("code") == "NOERROR"
        addresses = [
            record["data"] for record in result.get("records", ()) if record["type"] in ("A", "AAAA")
        ]
        status = "Success" if good else _ANSWERS.get(result["outcome"], "Error_HostNameNotResolved")
        return {
            "Status": "Complete",
            "SuccessCount": "1" if good else "0",
            "Result.1.Status": status,
            "Result.1.HostNameReturned": str(result["name"]),
            "Result.1.IPAddresses": ",".join(addresses),
            "Result.1.DNSServerIP": str(result["resolver"]),
            "Result.1.ResponseTime": _whole(result, "ms"),
        }

    row = ("Status", "HostNameReturned", "IPAddresses", "DNSServerIP", "ResponseTime")
    return CommandSpec(
        name="NSLookupDiagnostics()",
        plan=plan,
        inputs=("HostName", "DNSServer", "Timeout", "NumberOfRepetitions"),
        mandatory=frozenset({"HostName"}),
        outputs=("Status", "SuccessCount", *(f"Result.{{i}}.{name}" for name in row)),
        asynchronous=True,
        topic="diagnostics",
        told=told,
        needs=("diagnostics.lookup",),
    )


def _offers(command: str, *families: str) -> tuple[Param, ...]:
    """Whether the box has that command, a parameter for each family of addresses."""
    bare = command.removeprefix("IP").removesuffix("()")
    return tuple(
        Param(
            name=f"{family}{bare}Supported",
            kind="boolean",
            read=lambda node: any(each.name == command for each in node.object.commands),
        )
        for family in families
    )


def objects() -> tuple[Object, ...]:
    """The whole area."""
    return (
        Object(
            path="Device.IP.Diagnostics.",
            params=(
                *_offers("IPPing()", "IPv4", "IPv6"),
                *_offers("TraceRoute()", "IPv4", "IPv6"),
                *_offers("DownloadDiagnostics()", "IPv4"),
                *_offers("UploadDiagnostics()", "IPv4"),
                *_offers("UDPEchoDiagnostics()", "IPv4", "IPv6"),
                *_offers("ServerSelectionDiagnostics()", "IPv4", "IPv6"),
                Param(name="IPLayerCapacitySupported", kind="boolean", read=always(False)),
                Param(name="DownloadTransports", kind="list", read=always(["HTTP"])),
                Param(name="UploadTransports", kind="list", read=always(["HTTP"])),
            ),
            commands=(_ping(), _trace(), _transfer("down"), _transfer("up"), _speed(), _probe()),
        ),
        Object(path="Device.DNS.Diagnostics.", commands=(_look_up(),), needs=("diagnostics.lookup",)),
    )
