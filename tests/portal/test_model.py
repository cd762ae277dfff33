"""The tables of the data model: whole, and in the standard's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gatewayd.portal import objects
from gatewayd.portal.model import CommandSpec, Model, Node
from gatewayd.portal.refusals import UspFault
from tests.support import model_table

WHOLE = objects.build(model_table.NEEDED)
ARGUMENTS = {
    "Host": "192.0.2.1",
    "HostName": "example.net",
    "ProtocolVersion": "IPv4",
    "NumberOfRepetitions": "3",
    "Timeout": "1000",
    "DataBlockSize": "64",
    "NumberOfTries": "2",
    "MaxHopCount": "8",
    "ID": "01J",
    "ChannelName": "testcard",
    "Duration": "60",
    "Reason": "because",
    "DelaySeconds": "60",
    "Kind": "tls",
    "Port": "443",
}


def command(path: str, name: str, model: Model = WHOLE) -> CommandSpec:
    item = model.get(path)
    assert item is not None
    return next(each for each in item.commands if each.name == name)


async def planned(spec: CommandSpec, arguments: Mapping[str, str]) -> dict[str, Any]:
    node = Node(WHOLE.root, "Device.", {}, None, None)  # type: ignore[arg-type]
    return (await spec.plan(node, arguments)).arguments


def test_what_an_operation_lacks_is_not_offered() -> None:
    bare = objects.build(frozenset())
    assert bare.root.commands == ()
    assert bare.get("Device.DNS.Diagnostics.") is None
    assert command("Device.IP.Diagnostics.", "IPPing()")


def test_the_document_is_up_to_date() -> None:
    """After a change of the model: python -m tests.support.model_table"""
    assert model_table.section(model_table.DOCUMENT.read_text()) == model_table.render()


def test_every_table_has_its_place() -> None:
    for item in WHOLE:
        assert item.path.startswith("Device.")
        for key in item.keys:
            for name in key:
                assert item.param(name) is not None, (item.path, name)
        assert len({param.name for param in item.params}) == len(item.params)
        if item.is_table:
            assert item.stored or item.rows is not None, item.path


async def test_ping_is_asked_for_in_our_words() -> None:
    spec = command("Device.IP.Diagnostics.", "IPPing()")
    assert await planned(spec, ARGUMENTS) == {
        "target": "192.0.2.1",
        "family": "v4",
        "count": 3,
        "timeout": 1.0,
        "size": 64,
    }
    assert await planned(spec, {"Host": "a"}) == {"target": "a", "family": "any"}
    for bad in ({"ProtocolVersion": "IPv9"}, {"Timeout": "soon"}, {"NumberOfRepetitions": "-1"}):
        with pytest.raises(UspFault):
            await spec.plan(None, {"Host": "a", **bad})  # type: ignore[arg-type]


def test_ping_is_told_in_the_standards_words() -> None:
    spec = command("Device.IP.Diagnostics.", "IPPing()")
    assert spec.told is not None
    told = spec.told({"address": "192.0.2.1", "sent": 3, "received": 2, "mean_ms": 1.6, "min_ms": 1.5})
    assert told["FailureCount"] == "1"
    assert told["AverageResponseTime"] == "2"
    assert told["AverageResponseTimeDetailed"] == "1600"
    assert told["MaximumResponseTime"] == "0"
    assert set(told) == set(spec.outputs)


def test_routes_and_names_are_told() -> None:
    trace = command("Device.IP.Diagnostics.", "TraceRoute()")
    assert trace.told is not None
    hops = [{"addresses": ["192.0.2.9"], "name": None, "mean_ms": 4.4}, {"addresses": []}]
    told = trace.told({"address": "192.0.2.1", "reached": False, "hops": hops})
    assert told["Status"] == "Error_MaxHopCountExceeded"
    assert told["RouteHops.1.HostAddress"] == "192.0.2.9"
    assert told["RouteHops.2.HostAddress"] == ""
    look_up = command("Device.DNS.Diagnostics.", "NSLookupDiagnostics()")
    assert look_up.told is not None
    records = [{"type": "CNAME", "data": "b."}, {"type": "A", "data": "192.0.2.1"}]
    answer = {"name": "a.", "resolver": "192.0.2.53", "outcome": "answered", "code": "NOERROR", "ms": 7.6}
    told = look_up.told({**answer, "records": records})
    assert (told["Result.1.Status"], told["Result.1.IPAddresses"]) == ("Success", "192.0.2.1")
    assert look_up.told({**answer, "code": "NXDOMAIN"})["Result.1.Status"] == "Error_HostNameNotResolved"


async def test_a_name_is_looked_up_once() -> None:
    spec = command("Device.DNS.Diagnostics.", "NSLookupDiagnostics()")
    once = {"HostName": "example.net", "Timeout": "1000", "NumberOfRepetitions": "1"}
    assert await planned(spec, once) == {"name": "example.net"}
    with pytest.raises(UspFault, match="NumberOfRepetitions is 1"):
        await spec.plan(None, {**once, "NumberOfRepetitions": "3"})  # type: ignore[arg-type]


async def test_throughput_is_told_in_the_standards_words() -> None:
    spec = command("Device.IP.Diagnostics.", "DownloadDiagnostics()")
    assert await planned(spec, {}) == {"directions": ["down"]}
    with pytest.raises(UspFault, match="leave DownloadURL empty"):
        await spec.plan(None, {"DownloadURL": "http://192.0.2.1/"})  # type: ignore[arg-type]
    assert spec.told is not None
    measured = {"bytes": 50_000_000, "seconds": 4.0, "rate": 94.2e6}
    told = spec.told({"state": "done", "sentence": "Fine.", "down": measured, "up": None})
    assert told["Status"] == "Complete"
    assert told["TestBytesReceived"] == "50000000"
    assert told["PeriodOfFullLoading"] == "4000000"
    assert told["X_GATEWAYD_Rate"] == "94200000"
    assert set(told) == set(spec.outputs)
    withheld = spec.told({"state": "device_limited", "sentence": "Slow.", "down": {**measured, "rate": None}})
    assert (withheld["Status"], "X_GATEWAYD_Rate" in withheld) == ("Error_Internal", False)
    assert spec.told({"state": "busy", "sentence": "Later."}) == {
        "Status": "Error_Other",
        "X_GATEWAYD_Sentence": "Later.",
    }


async def test_a_probe_tells_how_far_it_came() -> None:
    spec = command("Device.IP.Diagnostics.", "X_GATEWAYD_Probe()")
    wanted = {"target": "a", "kind": "tls", "port": 443, "family": "any"}
    assert await planned(spec, {"Host": "a", "Kind": "tls", "Port": "443"}) == wanted
    steps = [{"step": "resolve", "ms": 3.0}, {"step": "connect", "ms": 8.4, "detail": "refused"}]
    assert spec.told is not None
    told = spec.told({"ok": False, "steps": steps, "address": None})
    assert (told["Reached"], told["LastStep"], told["Detail"]) == ("false", "connect", "refused")
    assert told["ResponseTime"] == "11"
    assert set(told) == set(spec.outputs)
