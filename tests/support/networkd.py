"""A whole fake systemd-networkd and NetworkManager on a real dbus-daemon: who renews a lease."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from dbus_fast import DBusError
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_method

from tests.support.logind import CONFIGURATION


class Networkd(ServiceInterface):
    """org.freedesktop.network1.Manager, as far as we use it."""

    def __init__(self) -> None:
        super().__init__("org.freedesktop.network1.Manager")
        self.renewed: list[int] = []
        self.error: str | None = None

    @dbus_method()
    def RenewLink(self, index: "i"):  # type: ignore[no-untyped-def,name-defined] # noqa: F821
        if self.error is not None:
            raise DBusError(self.error, "no")
        self.renewed.append(index)


class Manager(ServiceInterface):
    """org.freedesktop.NetworkManager, as far as we use it."""

    def __init__(self) -> None:
        super().__init__("org.freedesktop.NetworkManager")

    @dbus_method()
    def GetDeviceByIpIface(self, name: "s") -> "o":  # type: ignore[name-defined] # noqa: F821
        if name != "lo":
            raise DBusError("org.freedesktop.NetworkManager.UnknownDevice", "no")
        return "/org/freedesktop/NetworkManager/Devices/1"


class Device(ServiceInterface):
    """org.freedesktop.NetworkManager.Device, as far as we use it."""

    def __init__(self) -> None:
        super().__init__("org.freedesktop.NetworkManager.Device")
        self.reapplied = 0

    @dbus_method()
    def Reapply(self, connection: "a{sa{sv}}", version: "t", flags: "u"):  # type: ignore[no-untyped-def,valid-type,name-defined] # noqa: F722,F821
        self.reapplied += 1


@asynccontextmanager
async def fake_bus(folder: Path) -> AsyncIterator[tuple[str, MessageBus]]:
    """The bus's address, and a connection to put services on."""
    path = folder / "bus"
    configuration = folder / "bus.conf"
    configuration.write_text(CONFIGURATION.format(path=path))
    daemon = await asyncio.create_subprocess_exec(
        "dbus-daemon", f"--config-file={configuration}", "--nofork", "--nopidfile", "--nosyslog"
    )
    try:
        async with asyncio.timeout(10):
            while not path.exists():
                await asyncio.sleep(0.02)
        bus = await MessageBus(bus_address=f"unix:path={path}").connect()
        yield f"unix:path={path}", bus
        bus.disconnect()
    finally:
        daemon.terminate()
        await daemon.wait()
