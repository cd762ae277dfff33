"""Asking whoever runs the WAN's DHCP client for a new lease: systemd-networkd, else NetworkManager (D-Bus).

org.freedesktop.network1(5): Manager.RenewLink(i). NetworkManager has no call for it; Device.Reapply
(a{sa{sv}}, t, u) with the connection as it is restarts DHCP where it has to.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any, Protocol

from gatewayd.errors import GatewayError

_SECONDS = 20.0
_NOBODY = (
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.DBus.Error.NameHasNoOwner",
    "org.freedesktop.network1.UnmanagedInterface",
    "org.freedesktop.NetworkManager.UnknownDevice",
)


class Lease(Protocol):
    """The door to the DHCP client of the WAN."""

    async def renew(self, interface: str) -> None:
        """Asks for a new lease; returns when that was accepted. Raises GatewayError."""
        ...


class SystemLease:
    """The real door. Connects for each request, and starts nobody who does not run."""

    def __init__(self, address: str | None = None) -> None:
        self._address = address

    async def renew(self, interface: str) -> None:
        from dbus_fast import BusType, DBusError
        from dbus_fast.aio import MessageBus

        try:
            index = socket.if_nametoindex(interface)
            bus = await MessageBus(bus_address=self._address, bus_type=BusType.SYSTEM).connect()
        except (OSError, DBusError) as error:
            raise _failed(str(error)) from error
        try:
            if await _networkd(bus, index) or await _networkmanager(bus, interface):
                return
        finally:
            bus.disconnect()
        raise _failed(f"neither systemd-networkd nor NetworkManager runs {interface}")


class NoLease:
    """The demo's door: does nothing."""

    async def renew(self, interface: str) -> None:
        return None


async def _networkd(bus: Any, index: int) -> bool:
    name = "org.freedesktop.network1"
    body = await _call(bus, name, "/org/freedesktop/network1", f"{name}.Manager", "RenewLink", "i", [index])
    return body is not None


async def _networkmanager(bus: Any, interface: str) -> bool:
    name, path = "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager"
    device = await _call(bus, name, path, name, "GetDeviceByIpIface", "s", [interface])
    if device is None:
        return False
    arguments = ("Reapply", "a{sa{sv}}tu", [{}, 0, 0])
    return await _call(bus, name, device[0], f"{name}.Device", *arguments) is not None


async def _call(
    bus: Any, name: str, path: str, interface: str, member: str, signature: str, body: list[Any]
) -> list[Any] | None:
    """The answer's body; None when nobody is there who runs the interface."""
    from dbus_fast import Message, MessageFlag, MessageType

    message = Message(
        destination=name, path=path, interface=interface, member=member, signature=signature, body=body,
        flags=MessageFlag.NO_AUTOSTART,
    )  # fmt: skip
    try:
        async with asyncio.timeout(_SECONDS):
            reply = await bus.call(message)
    except TimeoutError:
        raise _failed(f"{name} does not answer") from None
    if reply is None or reply.message_type is not MessageType.ERROR:
        return [] if reply is None else list(reply.body)
    if reply.error_name in _NOBODY:
        return None
    raise _failed(f"{name} refused: {reply.error_name}")


def _failed(reason: str) -> GatewayError:
    return GatewayError("diagnostics.repair_failed", f"This step was not taken: {reason[:200]}.")
