"""A whole fake NetworkManager on a real dbus-daemon: devices, connections, activation, checkpoints, signals.

It behaves as 1.42 is documented to: an edit of a connection changes nothing on the air until it is activated,
secrets are told by GetSecrets only, an activation takes the device down and every station off. `faults` makes
a member refuse ("refuse") or never answer ("hang"); `fail_activation` is a reason to fail with, once.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from gatewayd.system.nl80211 import PhyStation
from tests.support.logind import CONFIGURATION

NM = "org.freedesktop.NetworkManager"
PATH = "/org/freedesktop/NetworkManager"
SECURITY = "802-11-wireless-security"
Profile = dict[str, dict[str, Variant]]
WIFI, ETHERNET = 2, 1


class Refuse(Exception):
    """Becomes the D-Bus error with this name."""


@dataclass
class FakeDevice:
    """A device; `applied` is what is on the air."""

    path: str
    interface: str
    kind: int = WIFI
    managed: bool = True
    state: int = 30
    capabilities: int = 0x40 | 0x100 | 0x200 | 0x400
    address: str = "02:00:00:00:00:00"
    mode: int = 2
    connection: str | None = None
    active: str = "/"
    applied: Profile | None = None
    stations: dict[str, PhyStation] = field(default_factory=dict)


class FakeNetworkManager:
    """Answers on the bus for org.freedesktop.NetworkManager."""

    def __init__(self, bus: MessageBus, pace: float = 0.02) -> None:
        self._bus = bus
        self._pace = pace
        self._numbers = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self.devices = [
            FakeDevice(f"{PATH}/Devices/1", "eth0", kind=ETHERNET, capabilities=0),
            FakeDevice(f"{PATH}/Devices/2", "wlan0"),
        ]
        self.connections: dict[str, Profile] = {}
        self.checkpoints: dict[str, tuple[list[str], int, Any]] = {}
        self.faults: dict[str, str] = {}
        self.fail_activation: int | None = None
        self.activations = 0
        self.rollbacks = 0
        bus.add_message_handler(self._handle)

    @property
    def radio(self) -> FakeDevice:
        """The Wi-Fi device."""
        return self.devices[1]

    async def close(self) -> None:
        """Ends what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- the air ------------------------------------------------------------------------------------------

    async def stations(self, interface: str) -> tuple[PhyStation, ...]:
        """What the kernel would tell of the device's stations."""
        return tuple(next(one for one in self.devices if one.interface == interface).stations.values())

    def join(self, mac: str, ssid: str, passphrase: str | None) -> bool:
        """A device tries these credentials against what is on the air."""
        radio = self.radio
        if radio.state != 100 or radio.applied is None or radio.mode != 3:
            return False
        air = radio.applied
        if bytes(air["802-11-wireless"]["ssid"].value) != ssid.encode():
            return False
        secret = air.get(SECURITY, {}).get("psk")
        if (None if secret is None else secret.value) != passphrase:
            return False
        radio.stations[mac] = PhyStation(
            mac=mac, authorized=True, signal_dbm=-50, rx_bytes=1, tx_bytes=2, connected_seconds=3
        )
        return True

    def break_off(self, reason: int = 11) -> None:
        """The radio falls silent by itself."""
        self._down(self.radio, 120, reason)
        self._down(self.radio, 30, reason)

    # --- the bus ------------------------------------------------------------------------------------------

    def _handle(self, message: Message) -> Message | bool | None:
        if message.message_type is not MessageType.METHOD_CALL or not (message.path or "").startswith(PATH):
            return None
        member = message.member or ""
        fault = self.faults.get(member)
        if fault == "hang":
            return True
        if fault == "refuse":
            return Message.new_error(message, f"{NM}.PermissionDenied", "no: correct horse")
        try:
            signature, body = getattr(self, f"_do_{member}")(message)
        except Refuse as refusal:
            return Message.new_error(message, str(refusal), "a sentence that may hold a secret")
        except (AttributeError, KeyError):
            return Message.new_error(message, "org.freedesktop.DBus.Error.UnknownObject", member)
        return Message.new_method_return(message, signature, body)

    def _signal(self, path: str, interface: str, member: str, signature: str, body: list[Any]) -> None:
        message = Message.new_signal(path, interface, member, signature, body)
        self._bus.send(message)

    def _do_GetAll(self, message: Message) -> tuple[str, list[Any]]:
        path, interface = message.path or "", message.body[0]
        return "a{sv}", [self._properties(path, interface)]

    def _properties(self, path: str, interface: str) -> dict[str, Variant]:
        if path == PATH:
            return {"Checkpoints": Variant("ao", list(self.checkpoints)), "Version": Variant("s", "1.42.4")}
        if path in self.checkpoints:
            devices, seconds, _ = self.checkpoints[path]
            return {"Devices": Variant("ao", devices), "RollbackTimeout": Variant("u", seconds)}
        for device in self.devices:
            if path == device.path and interface == f"{NM}.Device":
                return {
                    "DeviceType": Variant("u", device.kind),
                    "Interface": Variant("s", device.interface),
                    "Driver": Variant("s", "fake"),
                    "Managed": Variant("b", device.managed),
                    "State": Variant("u", device.state),
                    "ActiveConnection": Variant("o", device.active),
                }
            if path == device.path and interface == f"{NM}.Device.Wireless":
                point = f"{PATH}/AccessPoint/1" if device.mode == 3 else "/"
                return {
                    "HwAddress": Variant("s", device.address.upper()),
                    "WirelessCapabilities": Variant("u", device.capabilities),
                    "Mode": Variant("u", device.mode),
                    "ActiveAccessPoint": Variant("o", point),
                }
            if path == device.active and path != "/" and device.applied is not None:
                return {"Uuid": Variant("s", device.applied["connection"]["uuid"].value)}
        if path == f"{PATH}/AccessPoint/1" and self.radio.applied is not None:
            return {"Ssid": Variant("ay", bytes(self.radio.applied["802-11-wireless"]["ssid"].value))}
        raise KeyError(path)

    def _do_GetDevices(self, message: Message) -> tuple[str, list[Any]]:
        return "ao", [[device.path for device in self.devices]]

    # --- connections --------------------------------------------------------------------------------------

    def _do_ListConnections(self, message: Message) -> tuple[str, list[Any]]:
        return "ao", [list(self.connections)]

    def _do_GetConnectionByUuid(self, message: Message) -> tuple[str, list[Any]]:
        for path, profile in self.connections.items():
            if profile["connection"]["uuid"].value == message.body[0]:
                return "o", [path]
        raise Refuse(f"{NM}.Settings.InvalidConnection")

    def _do_AddConnection(self, message: Message) -> tuple[str, list[Any]]:
        profile = message.body[0]
        verify(profile)
        path = f"{PATH}/Settings/{next(self._numbers)}"
        self.connections[path] = profile
        return "o", [path]

    def _do_Update(self, message: Message) -> tuple[str, list[Any]]:
        verify(message.body[0])
        self.connections[self._connection(message)] = message.body[0]
        return "", []

    def _do_Delete(self, message: Message) -> tuple[str, list[Any]]:
        path = self._connection(message)
        del self.connections[path]
        for device in self.devices:
            if device.connection == path:
                self._down(device, 30, 38)
        return "", []

    def _do_GetSettings(self, message: Message) -> tuple[str, list[Any]]:
        return "a{sa{sv}}", [without_secrets(self.connections[self._connection(message)])]

    def _do_GetSecrets(self, message: Message) -> tuple[str, list[Any]]:
        section = self.connections[self._connection(message)].get(message.body[0], {})
        secrets = {name: value for name, value in section.items() if name == "psk"}
        return "a{sa{sv}}", [{message.body[0]: secrets}]

    def _do_GetAppliedConnection(self, message: Message) -> tuple[str, list[Any]]:
        device = self._device(message.path or "")
        if device.applied is None:
            raise Refuse(f"{NM}.Device.NotActive")
        return "a{sa{sv}}t", [without_secrets(device.applied), 1]

    def _connection(self, message: Message) -> str:
        path = message.path or ""
        if path not in self.connections:
            raise Refuse("org.freedesktop.DBus.Error.UnknownMethod")
        return path

    # --- activation ---------------------------------------------------------------------------------------

    def _do_ActivateConnection(self, message: Message) -> tuple[str, list[Any]]:
        connection, path, _ = message.body
        if connection not in self.connections:
            raise Refuse(f"{NM}.UnknownConnection")
        device = self._device(path)
        active = f"{PATH}/ActiveConnection/{next(self._numbers)}"
        task = asyncio.get_running_loop().create_task(self._activate(device, connection, active))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return "o", [active]

    async def _activate(self, device: FakeDevice, connection: str, active: str) -> None:
        self.activations += 1
        await asyncio.sleep(self._pace)
        if device.state == 100:
            self._change(device, 110, 60)
        self._down(device, 30, 60)
        for state in (40, 50, 70):
            await asyncio.sleep(self._pace)
            self._change(device, state, 0)
        if self.fail_activation is not None:
            reason, self.fail_activation = self.fail_activation, None
            self._down(device, 120, reason)
            self._down(device, 30, 0)
            return
        device.applied = copy.deepcopy(self.connections[connection])
        device.connection, device.active = connection, active
        device.mode = 3 if device.applied["802-11-wireless"]["mode"].value == "ap" else 2
        self._change(device, 100, 0)

    def _down(self, device: FakeDevice, state: int, reason: int) -> None:
        device.stations.clear()
        device.applied, device.connection, device.active, device.mode = None, None, "/", 2
        self._change(device, state, reason)

    def _change(self, device: FakeDevice, state: int, reason: int) -> None:
        before, device.state = device.state, state
        if before != state:
            self._signal(device.path, f"{NM}.Device", "StateChanged", "uuu", [state, before, reason])

    def _device(self, path: str) -> FakeDevice:
        for device in self.devices:
            if device.path == path:
                return device
        raise Refuse(f"{NM}.UnknownDevice")

    # --- checkpoints --------------------------------------------------------------------------------------

    def _do_CheckpointCreate(self, message: Message) -> tuple[str, list[Any]]:
        devices, seconds, flags = message.body
        if (
            flags & 0x4 and devices
        ):  # DISCONNECT_NEW_DEVICES goes with all devices only: found with the real one
            raise Refuse(f"{NM}.InvalidArguments")
        if any(set(devices) & set(others) for others, _, _ in self.checkpoints.values()):
            raise Refuse(f"{NM}.InvalidArguments")
        path = f"{PATH}/Checkpoint/{next(self._numbers)}"
        state = (copy.deepcopy(self.connections), self._device(devices[0]).connection)
        self.checkpoints[path] = (devices, seconds, state)
        return "o", [path]

    def _do_CheckpointDestroy(self, message: Message) -> tuple[str, list[Any]]:
        self._checkpoint(message)
        return "", []

    def _do_CheckpointRollback(self, message: Message) -> tuple[str, list[Any]]:
        devices, _, (connections, connection) = self._checkpoint(message)
        self.rollbacks += 1
        self.connections = connections
        device = self._device(devices[0])
        if connection is None:
            self._down(device, 30, 0)
        else:
            device.applied, device.connection = copy.deepcopy(connections[connection]), connection
            device.active, device.mode = f"{PATH}/ActiveConnection/{next(self._numbers)}", 3
            device.stations.clear()
            self._change(device, 100, 0)
        return "a{su}", [dict.fromkeys(devices, 0)]

    def _checkpoint(self, message: Message) -> Any:
        if message.body[0] not in self.checkpoints:
            raise Refuse(f"{NM}.InvalidArguments")
        return self.checkpoints.pop(message.body[0])


def verify(profile: Profile) -> None:
    """What NetworkManager's own check refuses."""
    invalid = f"{NM}.Settings.Connection.InvalidProperty"
    if not 1 <= len(bytes(profile["802-11-wireless"]["ssid"].value)) <= 32:
        raise Refuse(invalid)
    section = profile.get(SECURITY)
    if section is None:
        return
    secret = section["psk"].value if "psk" in section else ""
    if section["key-mgmt"].value == "wpa-psk" and not (8 <= len(secret) <= 63 or len(secret) == 64):
        raise Refuse(invalid)
    if section["key-mgmt"].value == "sae" and not secret:
        raise Refuse(invalid)


def without_secrets(profile: Profile) -> Profile:
    """As GetSettings tells it."""
    return {
        name: {key: value for key, value in section.items() if key != "psk"}
        for name, section in profile.items()
    }


async def _listens(path: Path) -> bool:
    try:
        _, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


@asynccontextmanager
async def fake_bus(folder: Path) -> AsyncIterator[str]:
    """A dbus-daemon of our own; its address."""
    path, configuration = folder / "bus", folder / "bus.conf"
    configuration.write_text(CONFIGURATION.format(path=path))
    daemon = await asyncio.create_subprocess_exec(
        "dbus-daemon", f"--config-file={configuration}", "--nofork", "--nopidfile", "--nosyslog"
    )
    try:
        async with asyncio.timeout(10):
            while not await _listens(path):
                await asyncio.sleep(0.02)
        yield f"unix:path={path}"
    finally:
        daemon.terminate()
        await daemon.wait()


@asynccontextmanager
async def fake_networkmanager(address: str) -> AsyncIterator[FakeNetworkManager]:
    """NetworkManager on this bus."""
    bus = await MessageBus(bus_address=address).connect()
    service = FakeNetworkManager(bus)
    await bus.request_name(NM)
    try:
        yield service
    finally:
        await service.close()
        bus.disconnect()
