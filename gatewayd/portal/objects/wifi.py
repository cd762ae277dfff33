"""Device.WiFi: radios, networks as SSIDs and access points, and who is connected (TR-181 2.16).

A network of the box is one SSID and one AccessPoint, whatever radios carry it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from gatewayd.portal.model import Change, CommandSpec, EventSpec, Node, Object, Param, Started
from gatewayd.portal.objects.device import restart
from gatewayd.portal.objects.shared import alias, always, mapped, told
from gatewayd.portal.view import View

WIFI = "Device.WiFi."
RADIOS, SSIDS = f"{WIFI}Radio.", f"{WIFI}SSID."
_MODES = {
    "wpa2": "WPA2-Personal",
    "wpa2-wpa3": "WPA3-Personal-Transition",
    "wpa3": "WPA3-Personal",
    "open": "None",
    "owe": "X_GATEWAYD_OWE",
}
_SECURITIES = {mode: security for security, mode in _MODES.items()}
_WIDTHS = ("20MHz", "40MHz", "80MHz")
_UP = {"on_air": "Up", "changing": "Up", "off": "Down", "down": "Down"}


async def _radios(view: View, _parent: Node) -> list[tuple[str, Any]]:
    return [(each["id"], each) for each in (await view.ask("wifi.radios.list"))["items"]]


async def _networks(view: View, _parent: Node) -> list[tuple[str, Any]]:
    radios = (await view.ask("wifi.radios.list"))["items"]
    return [
        (each["id"], {**each, "radios": [radio for radio in radios if radio["band"] in each["bands"]]})
        for each in (await view.ask("wifi.networks.list"))["items"]
    ]


async def _stations(view: View, parent: Node) -> list[tuple[str, Any]]:
    return [
        (each["mac"], each)
        for each in (await view.ask("wifi.stations.list"))["items"]
        if each["network"] == parent.key
    ]


def _network(name: str) -> Any:
    return lambda node, value: Change("wifi.networks.update", (("network", node.key),), {name: value})


def _radio(name: str) -> Any:
    return lambda node, value: Change("wifi.radios.update", (("radio", node.key),), {name: value})


def _set_mode(node: Node, value: str) -> Change:
    fields: dict[str, Any] = {"security": _SECURITIES[value]}
    return Change("wifi.networks.update", (("network", node.key),), fields)


def _set_width(node: Node, value: str) -> Change:
    return Change("wifi.radios.update", (("radio", node.key),), {"width": int(value.removesuffix("MHz"))})


def _set_band(node: Node, value: str) -> Change:
    return Change("wifi.radios.update", (("radio", node.key),), {"band": value.removesuffix("GHz")})


def _channels(node: Node) -> list[str]:
    return [str(each["number"]) for each in node.row["channels"] if each["allowed"]]


def _bands(node: Node) -> list[str]:
    return sorted({f"{each['band']}GHz" for each in node.row["channels"]}) or [f"{node.row['band']}GHz"]


def _width(node: Node) -> str:
    return f"{node.row['width']}MHz" if node.row["width"] else ""


def _widths(node: Node) -> list[str]:
    return [
        f"{each}MHz" for each in sorted({width for row in node.row["channels"] for width in row["widths"]})
    ]


def _below(node: Node) -> list[str]:
    return [node.view.reference(RADIOS, each["id"]) for each in node.row["radios"]]


def _since(node: Node) -> str:
    moment = datetime.now(UTC) - timedelta(seconds=node.row["connected_seconds"])
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _radio_object() -> Object:
    return Object(
        path=f"{RADIOS}{{i}}.",
        rows=_radios,
        topic="wifi",
        count="RadioNumberOfEntries",
        keys=(("Alias",), ("Name",)),
        params=(
            Param(name="Enable", kind="boolean", read=always(True)),
            Param(name="Status", read=mapped("state", _UP, "Down")),
            alias(),
            Param(name="Name", read=told("interface")),
            Param(name="LowerLayers", kind="list", read=always([])),
            Param(name="Upstream", kind="boolean", read=always(False)),
            Param(name="MaxSupportedSSIDs", kind="unsignedInt", read=lambda node: node.row["max_bss"] or 1),
            Param(name="TransmitPower", kind="int", read=always(-1)),  # the standard's "automatic"
            Param(name="SupportedFrequencyBands", kind="list", read=_bands),
            Param(
                name="OperatingFrequencyBand",
                access="rw",
                read=lambda node: f"{node.row['band']}GHz",
                write=_set_band,
                one_of=("2.4GHz", "5GHz", "6GHz"),
            ),
            Param(name="PossibleChannels", kind="list", read=_channels),
            Param(
                name="ChannelsInUse",
                kind="list",
                read=lambda node: [str(node.row["channel"])] if node.row["channel"] else [],
            ),
            Param(
                name="Channel",
                kind="unsignedInt",
                access="rw",
                read=lambda node: node.row["channel"] or 0,
                write=_radio("channel"),
                least=1,
                most=255,
            ),
            Param(name="AutoChannelSupported", kind="boolean", read=always(True)),
            Param(name="AutoChannelEnable", kind="boolean", read=told("automatic")),
            Param(name="SupportedOperatingChannelBandwidths", kind="list", read=_widths),
            Param(
                name="OperatingChannelBandwidth", access="rw", read=_width, write=_set_width, one_of=_WIDTHS
            ),
            Param(name="CurrentOperatingChannelBandwidth", read=_width),
            Param(
                name="RegulatoryDomain",
                access="rw",
                read=lambda node: node.row["country"] or "",
                write=_radio("country"),
                most=3,
            ),
        ),
    )


def _ssid_object() -> Object:
    return Object(
        path=f"{SSIDS}{{i}}.",
        rows=_networks,
        topic="wifi",
        count="SSIDNumberOfEntries",
        keys=(("Alias",), ("Name",)),
        params=(
            Param(
                name="Enable", kind="boolean", access="rw", read=told("enabled"), write=_network("enabled")
            ),
            Param(name="Status", read=mapped("state", _UP, "Down")),
            alias(),
            Param(name="Name", read=told("id")),
            Param(name="LowerLayers", kind="list", read=_below),
            Param(name="Upstream", kind="boolean", read=always(False)),
            Param(name="SSID", access="rw", read=told("ssid"), write=_network("ssid"), most=32),
        ),
    )


def _access_point_objects() -> tuple[Object, ...]:
    path = f"{WIFI}AccessPoint.{{i}}."
    return (
        Object(
            path=path,
            rows=_networks,
            topic="wifi",
            count="AccessPointNumberOfEntries",
            keys=(("Alias",), ("SSIDReference",)),
            params=(
                Param(
                    name="Enable",
                    kind="boolean",
                    access="rw",
                    read=told("enabled"),
                    write=_network("enabled"),
                ),
                Param(
                    name="Status",
                    read=mapped("state", {"on_air": "Enabled", "changing": "Enabled"}, "Disabled"),
                ),
                alias(),
                Param(name="SSIDReference", read=lambda node: node.view.reference(SSIDS, node.key)),
                Param(
                    name="SSIDAdvertisementEnabled",
                    kind="boolean",
                    access="rw",
                    read=lambda node: not node.row["hidden"],
                    write=lambda node, value: _network("hidden")(node, not value),
                ),
                Param(
                    name="IsolationEnable",
                    kind="boolean",
                    access="rw",
                    read=told("isolated"),
                    write=_network("isolated"),
                ),
                Param(name="MaxAllowedAssociations", kind="unsignedInt", read=always(0)),  # no limit of ours
            ),
        ),
        Object(
            path=f"{path}Security.",
            topic="wifi",
            params=(
                Param(name="ModesSupported", kind="list", read=always(list(_SECURITIES))),
                Param(
                    name="ModeEnabled",
                    access="rw",
                    read=mapped("security", _MODES),
                    write=_set_mode,
                    one_of=tuple(_SECURITIES),
                ),
                Param(name="KeyPassphrase", access="wo", write=_network("passphrase"), most=63),
                Param(name="SAEPassphrase", access="wo", write=_network("passphrase"), most=63),
            ),
        ),
    )


def _station_objects() -> tuple[Object, ...]:
    path = f"{WIFI}AccessPoint.{{i}}."
    return (
        Object(
            path=f"{path}AssociatedDevice.{{i}}.",
            rows=_stations,
            topic="wifi",
            lasting=False,
            count="AssociatedDeviceNumberOfEntries",
            keys=(("MACAddress",),),
            params=(
                Param(name="MACAddress", read=told("mac")),
                Param(name="AuthenticationState", kind="boolean", read=always(True)),
                Param(
                    name="SignalStrength",
                    kind="int",
                    read=lambda node: node.row["signal_dbm"] or 0,
                    ignored=True,
                ),
                Param(name="Active", kind="boolean", read=always(True)),
                Param(name="AssociationTime", kind="dateTime", read=_since, ignored=True),
            ),
        ),
        Object(
            path=f"{path}AssociatedDevice.{{i}}.Stats.",
            topic="wifi",
            params=(
                Param(name="BytesSent", kind="unsignedLong", read=told("tx_bytes"), ignored=True),
                Param(name="BytesReceived", kind="unsignedLong", read=told("rx_bytes"), ignored=True),
            ),
        ),
    )


def _survey_told(result: Mapping[str, Any]) -> dict[str, str]:
    found = {"Status": "Complete"}
    for number, each in enumerate(result.get("neighbours", ()), 1):
        row = {
            "SSID": each.get("ssid"),
            "BSSID": each.get("bssid"),
            "Channel": each.get("channel"),
            "SignalStrength": each.get("signal_dbm"),
            "SecurityModeEnabled": each.get("security"),
        }
        found |= {f"Result.{number}.{name}": str(value) for name, value in row.items() if value is not None}
    return found


def _survey() -> CommandSpec:
    async def plan(_node: Node, _arguments: Mapping[str, str]) -> Started:
        return Started(operation="wifi.survey.run")

    row = ("SSID", "BSSID", "Channel", "SignalStrength", "SecurityModeEnabled")
    return CommandSpec(
        name="NeighboringWiFiDiagnostic()",
        plan=plan,
        outputs=("Status", *(f"Result.{{i}}.{name}" for name in row)),
        asynchronous=True,
        topic="wifi",
        told=_survey_told,
        needs=("wifi.survey.run",),
    )


def _station(data: Mapping[str, Any]) -> dict[str, str]:
    return {"MACAddress": data["mac"], "X_GATEWAYD_Network": data["network"]}


def objects() -> tuple[Object, ...]:
    """The whole area."""
    arguments = ("MACAddress", "X_GATEWAYD_Network")
    return (
        Object(path=WIFI, topic="wifi", commands=(restart("Reset()", "wifi"), _survey())),
        _radio_object(),
        _ssid_object(),
        *_access_point_objects(),
        *_station_objects(),
        Object(
            path=f"{WIFI}DataElements.AssociationEvent.",
            topic="wifi",
            events=(
                EventSpec(
                    name="Associated!", arguments=arguments, topic="wifi.station_joined", when=_station
                ),
            ),
        ),
        Object(
            path=f"{WIFI}DataElements.DisassociationEvent.",
            topic="wifi",
            events=(
                EventSpec(
                    name="Disassociated!", arguments=arguments, topic="wifi.station_left", when=_station
                ),
            ),
        ),
    )
