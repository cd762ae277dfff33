"""What is real on a box and simulated in the demo: every door that reaches outside the state's folder.

Part of the composition root: beside `app`, nothing else imports a driver.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gatewayd.diagnostics import SIMULATED_TARGETS, LiveWorld, SimulatedWorld
from gatewayd.diagnostics.world import World
from gatewayd.errors import GatewayError
from gatewayd.netd.client import NetworkDoor
from gatewayd.netd.simulated import SimulatedNetwork
from gatewayd.places import Places
from gatewayd.settings import DiagnosticsSettings, Settings
from gatewayd.system.clock import Clock
from gatewayd.system.logind import Logind, NoPower
from gatewayd.tasks import Tasks
from gatewayd.upkeep.service import Power
from gatewayd.wifi.driver import Driver as WifiDriver
from gatewayd.wifi.driver import Heard
from gatewayd.wifi.hostapd import HostapdDriver, radio_settings
from gatewayd.wifi.render import Places as HostapdPlaces
from gatewayd.wifi.simulated import SimulatedDriver


@dataclass(frozen=True, slots=True)
class Doors:
    """The doors. `targets` is what diagnoses probe."""

    power: Power
    network: NetworkDoor
    world: World
    radio: WifiDriver
    targets: DiagnosticsSettings


def simulated_doors(clock: Clock, tasks: Tasks) -> Doors:
    """The demo's: nobody's laptop is restarted, reconfigured or probed by trying us."""
    return Doors(
        power=NoPower(),
        network=SimulatedNetwork(),
        world=SimulatedWorld(pace=0.4),
        radio=SimulatedDriver(clock, tasks),
        targets=SIMULATED_TARGETS,
    )


def real_doors(settings: Settings, where: Places, network: NetworkDoor, clock: Clock, tasks: Tasks) -> Doors:
    """The box's own. Looks at the machine's radios: may block. Raises GatewayError `settings.invalid`."""
    return Doors(
        power=Logind(),
        network=network,
        world=LiveWorld(network, state=where.state),
        radio=_radio(settings, where, network, clock, tasks),
        targets=settings.diagnostics,
    )


def _radio(settings: Settings, where: Places, network: NetworkDoor, clock: Clock, tasks: Tasks) -> WifiDriver:
    wanted = settings.wifi
    if wanted.driver == "networkmanager":
        raise GatewayError("settings.invalid", "wifi.driver: networkmanager is not in this release yet")
    if wanted.driver == "simulated":
        return SimulatedDriver(clock, tasks)
    return HostapdDriver(
        radio_settings(wanted),
        binary=wanted.hostapd_binary,
        places=HostapdPlaces(configuration=where.state / "hostapd", control=Path(wanted.run_dir)),
        run=where.run,
        tasks=tasks,
        scanner=None if wanted.scan_interface is None else NetdScanner(network, wanted.scan_interface),
    )


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
        return tuple(Heard(bssid=bss.bssid.lower(), ssid=bss.ssid) for bss in answer.networks)
