"""Canned trades: operations with the names, routes and answers of the real ones."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, ClassVar

import msgspec

from gatewayd.diagnostics.signal import signal_operations
from gatewayd.diagnostics.simulated_tools import SimulatedTools
from gatewayd.diagnostics.tool_operations import tool_operations
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.events import EventData
from gatewayd.jobs import JobHandle
from gatewayd.netd.simulated import SimulatedNetwork
from gatewayd.operations import (
    Context,
    Empty,
    JobAnswer,
    Operation,
    Request,
    Result,
)
from gatewayd.system.clock import SystemClock
from gatewayd.system.secret import Secret
from gatewayd.wifi.model import Band, WifiRadio
from gatewayd.wifi.survey_operations import operations as survey_operations
from gatewayd.wifi.surveyor import SimulatedSurveyor
from tests.support.canned import Canned, row
from tests.support.canned_outages import CannedOutages
from tests.support.canned_signal import CannedTelevision
from tests.support.canned_sources import CannedSources
from tests.support.core import Core

DAWN, DUSK = "2026-11-23T06:00:00.000Z", "2026-11-23T18:30:00.000Z"


class CannedInfo(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str = "Home box"
    model: str = "test"
    version: str = "0.1"
    api: str = "v1"
    state: str = "unclaimed"


class CannedStatus(Result, frozen=True, kw_only=True):
    verdict: dict[str, Any]
    internet: dict[str, Any]
    wifi: dict[str, Any]
    dvr: dict[str, Any]
    alerts: tuple[dict[str, Any], ...] = ()


class NetworkQuery(Request, frozen=True, kw_only=True):
    network: str


class NetworkChange(Request, frozen=True, kw_only=True):
    network: str
    ssid: str | None = None
    passphrase: Secret | None = None
    hidden: bool | None = None


class ChangeQuery(Request, frozen=True, kw_only=True):
    change: str


class CannedChange(Result, frozen=True, kw_only=True):
    change: dict[str, Any]


class CannedNetwork(Result, frozen=True, kw_only=True):
    id: str
    ssid: str
    hidden: bool
    bands: tuple[str, ...]
    security: str = "wpa2"
    state: str = "on_air"


class CannedCredentials(Result, frozen=True, kw_only=True):
    network: str
    ssid: str
    security: str
    passphrase: str | None


class RecordingCreate(Request, frozen=True, kw_only=True):
    channel: str
    start: str | None = None
    duration: float | None = None
    title: str | None = None


class RecordingQuery(Request, frozen=True, kw_only=True):
    recording: str


class CannedRecording(Result, frozen=True, kw_only=True):
    id: str
    title: str
    channel: str
    state: str
    start: str = DAWN
    stop: str = DUSK
    bytes: int = 0


class RecordingsQuery(Request, frozen=True, kw_only=True):
    state: str | None = None


class RestartRequest(Request, frozen=True, kw_only=True):
    target: str
    reason: str = ""
    when: str = "now"


class CannedRestart(Result, frozen=True, kw_only=True):
    restart: dict[str, Any]


class CannedDiagnosis(Result, frozen=True, kw_only=True):
    verdict: str
    layer: str
    confidence: str
    remedy: str
    evidence: tuple[dict[str, Any], ...]
    also_seen: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 1.2


class CannedPartial(msgspec.Struct, frozen=True, kw_only=True):
    results: tuple[dict[str, Any], ...]


class Noted(EventData, frozen=True, kw_only=True):
    """Something happened."""

    topic: ClassVar[str] = "wifi.changed"
    text: str


@dataclass
class Trades:
    """What the canned operations were asked, and what they answer."""

    core: Core
    box_id: str
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    change: dict[str, Any] = field(default_factory=dict)
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    """Set: jobs go on to their end."""
    broken: bool = False

    def _ask(self, name: str, request: Request) -> None:
        given = {key: value for key, value in msgspec.structs.asdict(request).items() if value is not None}
        self.asked.append((name, given))

    async def info(self, request: Empty, context: Context) -> CannedInfo:
        return CannedInfo(id=self.box_id)

    async def status(self, request: Empty, context: Context) -> CannedStatus:
        return CannedStatus(
            verdict={"state": "degraded", "sentence": "The internet is slow."},
            internet={"state": "degraded", "sentence": "Up, but slow."},
            wifi={"state": "ok", "sentence": "2 networks on the air."},
            dvr={"state": "ok", "sentence": "Nothing records."},
            alerts=({"code": "box.disk_full", "sentence": "The disk is 91 % full."},),
        )

    async def diagnose(self, request: Empty, context: Context) -> JobAnswer:
        link = {"check": "link", "layer": "link", "status": "ok", "detail": "eth0 is up.", "seconds": 0.1}
        dns = {"check": "dns", "layer": "dns", "status": "failed", "detail": "No answer.", "seconds": 5.0}

        async def run(handle: JobHandle) -> CannedDiagnosis:
            handle.progress(0.5, "Asking the resolvers", CannedPartial(results=(link,)))
            await self.hold.wait()
            if self.broken:
                raise GatewayError("helper.unavailable", "The helper is away.")
            return CannedDiagnosis(
                verdict="DNS_TIMEOUT",
                layer="dns",
                confidence="high",
                remedy="Restart the modem, or use another resolver.",
                evidence=(link, dns),
                notes=("IPv6 is not offered here.",),
            )

        return await context.start_job(run)

    async def networks(self, request: Empty, context: Context) -> Canned:
        network = {
            "id": "home",
            "role": "home",
            "ssid": "Caf\u00e9 \x1b[31m",
            "security": "wpa2-wpa3",
            "bands": ["2.4", "5"],
            "hidden": False,
            "isolated": False,
            "enabled": True,
            "state": "on_air",
        }
        return Canned(items=(network,))

    async def network(self, request: NetworkQuery, context: Context) -> CannedNetwork:
        if request.network != "home":
            raise GatewayError("wifi.network_not_found", "There is no such network.", field="network")
        return CannedNetwork(id="home", ssid="Caf\u00e9", hidden=False, bands=("2.4", "5"))

    async def update(self, request: NetworkChange, context: Context) -> CannedChange:
        self._ask("wifi.networks.update", request)
        if request.ssid is not None and len(request.ssid) > 32:
            raise InvalidField("ssid", "An SSID has at most 32 bytes; this one has 33.")
        self.change = {
            "id": "c1",
            "network": request.network,
            "state": "applying",
            "proof": "none",
            "confirm": "none",
            "outage_ms": None,
            "reason": None,
            "impact": {"summary": "All devices must be told the new name."},
        }
        return CannedChange(change=self.change)

    async def reveal(self, request: NetworkQuery, context: Context) -> CannedCredentials:
        return CannedCredentials(
            network="home", ssid="Caf\u00e9", security="wpa2", passphrase="correct horse"
        )

    async def change_get(self, request: ChangeQuery, context: Context) -> CannedChange:
        if self.broken:
            self.change |= {"state": "rolled_back", "reason": "hostapd refused it."}
        else:
            self.change |= {"state": "applied", "proof": "on_air", "outage_ms": 420}
        return CannedChange(change=self.change)

    async def stations(self, request: Empty, context: Context) -> Canned:
        station = {
            "mac": "02:00:00:00:00:01",
            "network": "home",
            "signal_dbm": -51,
            "rx_bytes": 1_000_000,
            "tx_bytes": 2_500_000_000,
            "connected_seconds": 5000,
            "key": None,
        }
        return Canned(items=(station,))

    async def record(self, request: RecordingCreate, context: Context) -> CannedRecording:
        self._ask("dvr.recordings.create", request)
        return CannedRecording(
            id="r-1", title=request.title or "News", channel=request.channel, state="recording"
        )

    async def recordings(self, request: RecordingsQuery, context: Context) -> Canned:
        self._ask("dvr.recordings.list", request)
        row = {
            "id": "r-1",
            "title": "News",
            "channel": "c-1",
            "start": DAWN,
            "stop": DUSK,
            "state": "partial",
            "bytes": 5_400_000_000,
            "gaps": [{"from": DAWN, "to": DAWN}],
            "errors": {"continuity": 2, "transport": 0, "sync": 0},
            "reason": None,
        }
        return Canned(items=() if request.state == "failed" else (row,))

    async def stop(self, request: RecordingQuery, context: Context) -> CannedRecording:
        return CannedRecording(
            id=request.recording, title="News", channel="c-1", state="done", bytes=12_345_678
        )

    async def radios(self) -> tuple[WifiRadio, ...]:
        """One radio, on channel 6."""
        return (
            WifiRadio(
                id="radio0", interface="wlan0", band=Band.GHZ_2_4, channel=6, country="DE", driver="test",
                state="on_air",
            ),
        )  # fmt: skip

    async def restart(self, request: RestartRequest, context: Context) -> CannedRestart:
        self._ask("upkeep.restart", request)
        state = "waiting" if request.when == "idle" else "restarting"
        return CannedRestart(restart={"id": "x", "target": request.target, "state": state, "asked": DAWN})

    def operations(self) -> tuple[Operation, ...]:
        """The table."""
        network, recordings = "/wifi/networks/{network}", "/dvr/recordings"
        return (
            *tool_operations(SimulatedTools(SimulatedNetwork(), SystemClock("always"))),
            *survey_operations(self.radios, SimulatedSurveyor(SystemClock("always"), pace=0.0)),
            row("info.get", "GET", "/info", Empty, CannedInfo, self.info),
            row("status.get", "GET", "/status", Empty, CannedStatus, self.status),
            row("diagnostics.run", "POST", "/diagnostics/runs", Empty, JobAnswer, self.diagnose, 202),
            row("wifi.networks.list", "GET", "/wifi/networks", Empty, Canned, self.networks),
            row("wifi.networks.get", "GET", network, NetworkQuery, CannedNetwork, self.network),
            row("wifi.networks.update", "PATCH", network, NetworkChange, CannedChange, self.update, 202),
            row(
                "wifi.networks.reveal",
                "POST",
                f"{network}/reveal",
                NetworkQuery,
                CannedCredentials,
                self.reveal,
            ),
            row(
                "wifi.changes.get",
                "GET",
                "/wifi/changes/{change}",
                ChangeQuery,
                CannedChange,
                self.change_get,
            ),
            row("wifi.stations.list", "GET", "/wifi/stations", Empty, Canned, self.stations),
            *CannedSources(self._ask).operations(),
            *signal_operations(CannedTelevision()),
            *CannedOutages().operations(),
            row(
                "dvr.recordings.create",
                "POST",
                recordings,
                RecordingCreate,
                CannedRecording,
                self.record,
                201,
            ),
            row("dvr.recordings.list", "GET", recordings, RecordingsQuery, Canned, self.recordings),
            row(
                "dvr.recordings.stop",
                "POST",
                f"{recordings}/{{recording}}/stop",
                RecordingQuery,
                CannedRecording,
                self.stop,
            ),
            row(
                "upkeep.restart", "POST", "/upkeep/restart", RestartRequest, CannedRestart, self.restart, 202
            ),
        )
