"""A whole fake logind on a real dbus-daemon."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from dbus_fast import DBusError
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_method

CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="false"/><allow receive_sender="*"/>
<allow own="*"/></policy></busconfig>
"""


class Manager(ServiceInterface):
    """org.freedesktop.login1.Manager, as far as we use it."""

    def __init__(self) -> None:
        super().__init__("org.freedesktop.login1.Manager")
        self.reboots: list[bool] = []
        self.refuse = False

    @dbus_method()
    def Reboot(self, interactive: "b"):  # type: ignore[no-untyped-def,name-defined] # noqa: F821
        if self.refuse:
            raise DBusError("org.freedesktop.DBus.Error.AccessDenied", "not today")
        self.reboots.append(interactive)


@asynccontextmanager
async def fake_logind(folder: Path) -> AsyncIterator[tuple[str, Manager]]:
    """The bus's address and the service on it."""
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
        manager = Manager()
        bus.export("/org/freedesktop/login1", manager)
        await bus.request_name("org.freedesktop.login1")
        yield f"unix:path={path}", manager
        bus.disconnect()
    finally:
        daemon.terminate()
        await daemon.wait()
