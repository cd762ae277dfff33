"""What is real on a box and simulated in the demo: every door that reaches outside the state's folder.

Part of the composition root: beside `app`, nothing else imports a driver.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gatewayd.diagnostics import SIMULATED_TARGETS, LiveWorld, SimulatedWorld
from gatewayd.diagnostics.ports import CarrierLog, NoCarriers
from gatewayd.diagnostics.simulated_tools import SimulatedTools
from gatewayd.diagnostics.speed_watch import Busiest
from gatewayd.diagnostics.tools import Tools, live_tools
from gatewayd.diagnostics.world import World
from gatewayd.errors import GatewayError
from gatewayd.netd.client import NetworkDoor
from gatewayd.netd.simulated import SimulatedNetwork
from gatewayd.places import Places
from gatewayd.settings import DiagnosticsSettings, Settings
from gatewayd.system.clock import Clock
from gatewayd.system.lease import Lease, NoLease, SystemLease
from gatewayd.system.logind import Logind, NoPower
from gatewayd.tasks import Tasks
from gatewayd.upkeep.service import Power
from gatewayd.wifi.driver import Driver as WifiDriver
from gatewayd.wifi.driver import Heard
from gatewayd.wifi.hostapd import HostapdDriver, radio_settings
from gatewayd.wifi.networkmanager import NetworkManagerDriver
from gatewayd.wifi.networkmanager_bus import manages
from gatewayd.wifi.render import Places as HostapdPlaces
from gatewayd.wifi.render import RadioSettings
from gatewayd.wifi.simulated import SimulatedDriver
from gatewayd.wifi.surveyor import NetdSurveyor, SimulatedSurveyor, Surveyor


@dataclass(frozen=True, slots=True)
class Doors:
    """The doors. `targets` is what diagnoses probe; `tools` are told by whom the line is used most.
    `carriers` watches the cables while it runs."""

    power: Power
    network: NetworkDoor
    world: World
    radio: WifiDriver
    surveyor: Surveyor
    targets: DiagnosticsSettings
    lease: Lease
    tools: Callable[[Busiest], Tools]
    carriers: CarrierLog | NoCarriers


def simulated_doors(clock: Clock, tasks: Tasks) -> Doors:
    """The demo's: nobody's laptop is restarted, reconfigured or probed by trying us."""
    return Doors(
        power=NoPower(),
        network=SimulatedNetwork(),
        world=SimulatedWorld(pace=0.4),
        radio=SimulatedDriver(clock, tasks),
        surveyor=SimulatedSurveyor(clock),
        targets=SIMULATED_TARGETS,
        tools=lambda busiest: SimulatedTools(SimulatedNetwork(), clock, pace=0.2),
        lease=NoLease(),
        carriers=NoCarriers(),
    )


def real_doors(settings: Settings, where: Places, network: NetworkDoor, clock: Clock, tasks: Tasks) -> Doors:
    """The box's own. Looks at the machine's radios: may block. Raises GatewayError `settings.invalid`."""
    carriers = CarrierLog(clock)
    world = LiveWorld(network, state=where.state, carriers=carriers)
    return Doors(
        power=Logind(),
        network=network,
        world=world,
        radio=_radio(settings, where, network, clock, tasks),
        surveyor=_surveyor(settings, network, clock),
        targets=settings.diagnostics,
        tools=lambda busiest: live_tools(
            world, settings.diagnostics, settings.network.wan, network, clock, busiest=busiest
        ),
        lease=SystemLease(),
        carriers=carriers,
    )


def _radio(settings: Settings, where: Places, network: NetworkDoor, clock: Clock, tasks: Tasks) -> WifiDriver:
    """The driver that the settings name. `auto`: hostapd, but where NetworkManager has the radios, that.

    Two that drive one radio end in neither sending: whoever has it now keeps it.
    """
    wanted = settings.wifi
    if wanted.driver == "simulated":
        return SimulatedDriver(clock, tasks)
    radios = radio_settings(wanted)
    scanner = None if wanted.scan_interface is None else NetdScanner(network, wanted.scan_interface)
    if wanted.driver == "networkmanager" or (wanted.driver == "auto" and _has_networkmanager(radios)):
        return NetworkManagerDriver(radios, tasks=tasks, scanner=scanner)
    return HostapdDriver(
        radios,
        binary=wanted.hostapd_binary,
        places=HostapdPlaces(configuration=where.state / "hostapd", control=Path(wanted.run_dir)),
        run=where.run,
        tasks=tasks,
        scanner=scanner,
        keep_apart=network.port_isolate,
    )


def _has_networkmanager(radios: tuple[RadioSettings, ...]) -> bool:
    # We are in a thread: the loop of this question is its own.
    return bool(radios) and asyncio.run(manages(tuple(radio.interface for radio in radios)))


def _surveyor(settings: Settings, network: NetworkDoor, clock: Clock) -> Surveyor:
    if settings.wifi.driver == "simulated":
        return SimulatedSurveyor(clock)
    return NetdSurveyor(network, clock, scan_interface=settings.wifi.scan_interface)


class NetdScanner:
    """Wi-Fi's ears on a second radio, through netd."""

    def __init__(self, network: NetworkDoor, interface: str) -> None:
        self._network = network
        self._interface = interface

    async def scan(self) -> tuple[Heard, ...]:
        """What is on the air. Raises GatewayError when the radio cannot listen."""
        try:
            answer = await self._network.scan(self._interface)
        except GatewayError as error:
            if error.code != "netd.interface_down":
                raise
            await self._network.link_set(self._interface, up=True)
            answer = await self._network.scan(self._interface)
        return tuple(
            Heard(bssid=bss.bssid.lower(), ssid=bss.ssid, security=frozenset(bss.security))
            for bss in answer.networks
        )
