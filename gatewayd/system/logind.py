"""Restarting the machine, through systemd-logind over D-Bus (org.freedesktop.login1.Manager)."""

from __future__ import annotations

from typing import Protocol

import structlog

from gatewayd.errors import GatewayError

log = structlog.get_logger(__name__)


class Power(Protocol):
    """The door to the machine's power switch."""

    async def reboot(self) -> None:
        """Asks for a restart; returns when it has been accepted. Raises GatewayError."""
        ...


class Logind:
    """The real door. Connects for each request: a reboot is rare, and a bus connection is not free."""

    def __init__(self, address: str | None = None) -> None:
        self._address = address

    async def reboot(self) -> None:
        from dbus_fast import BusType, DBusError, Message, MessageType
        from dbus_fast.aio import MessageBus

        try:
            bus = await MessageBus(bus_address=self._address, bus_type=BusType.SYSTEM).connect()
        except (OSError, DBusError) as error:
            raise GatewayError(
                "upkeep.power_unavailable", f"The system's D-Bus cannot be reached: {error}."
            ) from error
        try:
            reply = await bus.call(
                Message(
                    destination="org.freedesktop.login1",
                    path="/org/freedesktop/login1",
                    interface="org.freedesktop.login1.Manager",
                    member="Reboot",
                    signature="b",
                    body=[False],
                )
            )
        finally:
            bus.disconnect()
        if reply is None or reply.message_type is MessageType.ERROR:
            reason = reply.error_name if reply is not None else "no answer"
            raise GatewayError("upkeep.power_unavailable", f"logind refused the restart: {reason}.")


class NoPower:
    """The demo's door: says what it would have done, and does nothing."""

    def __init__(self) -> None:
        self.asked = 0

    async def reboot(self) -> None:
        self.asked += 1
        log.warning("power.simulated", action="reboot", note="a demo never restarts the machine")
