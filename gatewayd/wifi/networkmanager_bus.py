"""NetworkManager over D-Bus: the few calls that the driver makes, typed.

Names and numbers are those of NetworkManager's D-Bus reference (1.42); nm-settings-dbus(5) for connections.
Never starts NetworkManager: whoever does not run it does not want it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from dbus_fast import BusType, DBusError, Message, MessageFlag, MessageType, Variant
from dbus_fast.aio import MessageBus
from msgspec import Struct

from gatewayd.wifi.driver import DriverError

SERVICE = "org.freedesktop.NetworkManager"
PATH = "/org/freedesktop/NetworkManager"
SETTINGS_PATH = "/org/freedesktop/NetworkManager/Settings"
DEVICE = f"{SERVICE}.Device"
WIRELESS = f"{SERVICE}.Device.Wireless"
ACTIVE = f"{SERVICE}.Connection.Active"
ACCESS_POINT = f"{SERVICE}.AccessPoint"
SETTINGS = f"{SERVICE}.Settings"
CONNECTION = f"{SERVICE}.Settings.Connection"
CHECKPOINT = f"{SERVICE}.Checkpoint"
PROPERTIES = "org.freedesktop.DBus.Properties"

WIFI_DEVICE = 2  # NM_DEVICE_TYPE_WIFI
UNMANAGED, UNAVAILABLE, DISCONNECTED, ACTIVATED, DEACTIVATING, FAILED = 10, 20, 30, 100, 110, 120
ACCESS_POINT_MODE = 3  # NM_802_11_MODE_AP
CAN_BE_ACCESS_POINT, CAN_2_4, CAN_5 = 0x40, 0x200, 0x400  # NM_WIFI_DEVICE_CAP_*
_DELETE_NEW = 0x2  # NM_CHECKPOINT_CREATE_FLAG_DELETE_NEW_CONNECTIONS
_NOTHING = "/"
_SECONDS = 10.0

Profile = dict[str, dict[str, Variant]]
"""A connection as D-Bus has it: sections of named values."""


class Device(Struct, frozen=True, kw_only=True):
    """A Wi-Fi device as NetworkManager has it now. `active` is its connection's UUID; `bssid` lower case."""

    path: str
    interface: str
    driver: str
    managed: bool
    state: int
    bssid: str
    capabilities: int
    mode: int
    active: str | None
    ssid: bytes | None

    @property
    def is_access_point(self) -> bool:
        """Whether it sends, by NetworkManager's own word."""
        return self.state == ACTIVATED and self.mode == ACCESS_POINT_MODE


class Refusal(DriverError):
    """NetworkManager refused a call; `name` is the D-Bus error's."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.name = name


class NetworkManagerBus:
    """A connection to the system's bus; made at the first call and again when it was lost."""

    def __init__(self, address: str | None, heard: Callable[[str, str, list[Any]], None]) -> None:
        """`heard` gets every signal of NetworkManager: path, `interface.member`, arguments."""
        self._address = address
        self._heard = heard
        self._bus: MessageBus | None = None
        self._connecting = asyncio.Lock()

    async def close(self) -> None:
        """Lets go."""
        if self._bus is not None:
            self._bus.disconnect()
            self._bus = None

    async def running(self) -> bool:
        """Whether NetworkManager is on the bus. Raises DriverError when there is no bus."""
        owned = await self._dbus("NameHasOwner", "s", [SERVICE])
        return bool(owned)

    # --- devices ----------------------------------------------------------------------------------------

    async def devices(self) -> tuple[Device, ...]:
        """The Wi-Fi devices. Raises DriverError."""
        found = []
        for path in await self.call(PATH, SERVICE, "GetDevices"):
            told = await self.properties(path, DEVICE)
            if told.get("DeviceType") != WIFI_DEVICE:
                continue
            wireless = await self.properties(path, WIRELESS)
            found.append(await self._device(path, told, wireless))
        return tuple(found)

    async def _device(self, path: str, told: dict[str, Any], wireless: dict[str, Any]) -> Device:
        active, ssid = None, None
        # What is named may be gone by the time that it is asked for.
        with contextlib.suppress(Refusal):
            if (connection := told.get("ActiveConnection", _NOTHING)) != _NOTHING:
                active = (await self.properties(connection, ACTIVE)).get("Uuid")
        with contextlib.suppress(Refusal):
            if (point := wireless.get("ActiveAccessPoint", _NOTHING)) != _NOTHING:
                ssid = bytes((await self.properties(point, ACCESS_POINT)).get("Ssid", b""))
        return Device(
            path=path,
            interface=told.get("Interface", ""),
            driver=told.get("Driver", "unknown"),
            managed=bool(told.get("Managed", False)),
            state=told.get("State", 0),
            bssid=str(wireless.get("HwAddress", "")).lower(),
            capabilities=wireless.get("WirelessCapabilities", 0),
            mode=wireless.get("Mode", 0),
            active=active,
            ssid=ssid,
        )

    async def applied(self, device: str) -> Profile | None:
        """The connection as the device has it, which an edit does not change; None when it has none."""
        try:
            profile, _ = await self.call(device, DEVICE, "GetAppliedConnection", "u", [0], whole=True)
        except Refusal:
            return None
        return dict(profile)

    # --- connections ------------------------------------------------------------------------------------

    async def find(self, uuid: str) -> str | None:
        """The path of the connection with this UUID."""
        try:
            return str(await self.call(SETTINGS_PATH, SETTINGS, "GetConnectionByUuid", "s", [uuid]))
        except Refusal:
            return None

    async def connections(self) -> tuple[str, ...]:
        """The paths of all connections."""
        return tuple(await self.call(SETTINGS_PATH, SETTINGS, "ListConnections"))

    async def profile(self, connection: str, *, secrets: bool = False) -> Profile:
        """A connection; with `secrets` also its password."""
        found: Profile = await self.call(connection, CONNECTION, "GetSettings")
        section = "802-11-wireless-security"
        if secrets and section in found:
            told = await self.call(connection, CONNECTION, "GetSecrets", "s", [section])
            found[section] |= told.get(section, {})
        return found

    async def write(self, profile: Profile, connection: str | None) -> str:
        """Adds the connection, or replaces the one at this path; its path."""
        if connection is None:
            return str(await self.call(SETTINGS_PATH, SETTINGS, "AddConnection", "a{sa{sv}}", [profile]))
        await self.call(connection, CONNECTION, "Update", "a{sa{sv}}", [profile])
        return connection

    async def delete(self, connection: str) -> None:
        """Removes a connection, which ends it where it is active."""
        await self.call(connection, CONNECTION, "Delete")

    async def activate(self, connection: str, device: str) -> None:
        """Begins to activate: also a connection that is active already is taken down and up again."""
        await self.call(PATH, SERVICE, "ActivateConnection", "ooo", [connection, device, _NOTHING])

    # --- checkpoints ------------------------------------------------------------------------------------

    async def checkpoint(self, device: str, seconds: int) -> str:
        """NetworkManager itself goes back to now after so many seconds, unless told otherwise."""
        arguments = [[device], seconds, _DELETE_NEW]
        return str(await self.call(PATH, SERVICE, "CheckpointCreate", "aouu", arguments))

    async def checkpoints(self) -> tuple[tuple[str, tuple[str, ...], int], ...]:
        """All checkpoints: path, devices, seconds."""
        found = []
        for path in (await self.properties(PATH, SERVICE)).get("Checkpoints", ()):
            with contextlib.suppress(Refusal):
                told = await self.properties(path, CHECKPOINT)
                found.append((path, tuple(told.get("Devices", ())), int(told.get("RollbackTimeout", 0))))
        return tuple(found)

    async def go_back(self, checkpoint: str) -> None:
        """Goes back to the checkpoint now, and forgets it."""
        await self.call(PATH, SERVICE, "CheckpointRollback", "o", [checkpoint])

    async def forget(self, checkpoint: str) -> None:
        """What was done since the checkpoint stays."""
        await self.call(PATH, SERVICE, "CheckpointDestroy", "o", [checkpoint])

    # --- the wire ---------------------------------------------------------------------------------------

    async def properties(self, path: str, interface: str) -> dict[str, Any]:
        """All properties of an interface, without their variants."""
        told = await self.call(path, PROPERTIES, "GetAll", "s", [interface])
        return {name: variant.value for name, variant in told.items()}

    async def call(
        self,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: list[Any] | None = None,
        *,
        whole: bool = False,
    ) -> Any:
        """The answer's first value, with `whole` all. Raises Refusal, DriverError when nobody answers."""
        message = Message(
            destination=SERVICE,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=body or [],
            flags=MessageFlag.NO_AUTOSTART,
        )
        answer = await self._send(message)
        if answer.message_type is MessageType.ERROR:
            name = answer.error_name or ""
            # NetworkManager's own words may quote a value, and so a password: only the error's name leaves.
            raise Refusal(name, f"NetworkManager refused {member} ({name.rpartition('.')[2]}).")
        if whole:
            return answer.body
        return answer.body[0] if answer.body else None

    async def _dbus(self, member: str, signature: str, body: list[Any]) -> Any:
        destination = "org.freedesktop.DBus"
        message = Message(
            destination=destination,
            path="/org/freedesktop/DBus",
            interface=destination,
            member=member,
            signature=signature,
            body=body,
        )
        answer = await self._send(message)
        return answer.body[0] if answer.body else None

    async def _send(self, message: Message) -> Message:
        bus = await self._connected()
        try:
            async with asyncio.timeout(_SECONDS):
                answer = await bus.call(message)
        except TimeoutError:
            raise DriverError(
                f"NetworkManager did not answer {message.member} in {_SECONDS:.0f} s."
            ) from None
        except (OSError, EOFError, DBusError) as error:
            self._bus = None
            raise DriverError("The connection to the system's D-Bus was lost.") from error
        if answer is None:
            raise DriverError("The system's D-Bus did not answer.")
        return answer

    async def _connected(self) -> MessageBus:
        async with self._connecting:
            if self._bus is not None and self._bus.connected:
                return self._bus
            try:
                bus = MessageBus(bus_address=self._address, bus_type=BusType.SYSTEM)
                await bus.connect()
            except (OSError, EOFError, DBusError) as error:
                raise DriverError("The system's D-Bus cannot be reached.") from error
            bus.add_message_handler(self._message)
            self._bus = bus
            for rule in (
                f"type='signal',sender='{SERVICE}'",
                f"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='{SERVICE}'",
            ):
                await bus.call(
                    Message(
                        destination="org.freedesktop.DBus",
                        path="/org/freedesktop/DBus",
                        interface="org.freedesktop.DBus",
                        member="AddMatch",
                        signature="s",
                        body=[rule],
                    )
                )
            return bus

    def _message(self, message: Message) -> None:
        if message.message_type is MessageType.SIGNAL:
            self._heard(message.path or "", f"{message.interface}.{message.member}", message.body)


@contextlib.asynccontextmanager
async def opened(address: str | None = None) -> AsyncIterator[NetworkManagerBus]:
    """A connection for some questions."""
    bus = NetworkManagerBus(address, lambda path, name, body: None)
    try:
        yield bus
    finally:
        await bus.close()


async def manages(interfaces: tuple[str, ...], address: str | None = None) -> bool:
    """Whether NetworkManager runs and has one of these interfaces in its care."""
    try:
        async with opened(address) as bus:
            if not await bus.running():
                return False
            return any(one.managed and one.interface in interfaces for one in await bus.devices())
    except DriverError:
        return False
