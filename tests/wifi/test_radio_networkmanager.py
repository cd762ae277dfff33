"""The real NetworkManager on a real radio, where it is installed: what the fake claims, held against it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from dbus_fast import Variant

from gatewayd.tasks import Tasks
from gatewayd.wifi.driver import DriverError
from gatewayd.wifi.model import Security, Step
from gatewayd.wifi.networkmanager import CHECKPOINT_SECONDS, OWN_WORD, NetworkManagerDriver
from gatewayd.wifi.networkmanager_bus import manages, opened
from tests.lab.radio import Station, radios
from tests.support.networkmanager import fake_bus
from tests.wifi.conformance import until
from tests.wifi.radio_air import CHANNEL_6, StationScanner, radio_settings
from tests.wifi.settings import home

pytestmark = [
    pytest.mark.radio,
    pytest.mark.long,  # NetworkManager is no part of the lab: it would take over a desk's own network
    pytest.mark.timeout(400),
    pytest.mark.skipif(shutil.which("NetworkManager") is None, reason="NetworkManager is not installed"),
]
CONFIGURATION = """[main]
plugins=keyfile
auth-polkit=false
dhcp=internal
dns=none
rc-manager=unmanaged
firewall-backend=none
[keyfile]
path={folder}/connections
unmanaged-devices=*,except:interface-name:{interface}
[logging]
level=INFO
"""


@contextlib.contextmanager
def networkmanager(folder: Path, address: str, interface: str) -> Iterator[None]:
    """NetworkManager and its wpa_supplicant on this bus, with one radio."""
    (folder / "connections").mkdir(mode=0o700)
    configuration = folder / "NetworkManager.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder, interface=interface))
    environment = os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": address}
    processes: list[subprocess.Popen[bytes]] = []
    with (folder / "log").open("wb") as log:
        for argv in (
            ["wpa_supplicant", "-u"],
            [
                # It waits for udev, which the lab has not, unless /sys cannot be written.
                *("unshare", "-m", "sh", "-c", 'mount -o remount,bind,ro /sys && exec "$@"', "sh"),
                *("NetworkManager", "--debug", f"--config={configuration}"),
                *(f"--config-dir={folder}/none", f"--system-config-dir={folder}/none"),
                *(f"--state-file={folder}/state", f"--pid-file={folder}/pid"),
            ],
        ):
            processes.append(subprocess.Popen(argv, env=environment, stdout=log, stderr=log))
        try:
            yield
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait(20)
            print((folder / "log").read_text(errors="replace")[-6000:])


@asynccontextmanager
async def air(ear: bool = False) -> AsyncIterator[tuple[NetworkManagerDriver, Station, str]]:
    """The driver, started, and a phone."""
    found = await asyncio.to_thread(radios)
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gwt-")))
        phone = Station("phone", found[1], frequencies=(CHANNEL_6,))
        await asyncio.to_thread(stack.enter_context, phone)
        scanner = None
        if ear:
            listener = Station("listener", found[2], frequencies=(CHANNEL_6,))
            await asyncio.to_thread(stack.enter_context, listener)
            scanner = StationScanner(listener)
        address = await stack.enter_async_context(fake_bus(folder))
        interface = found[0].interface
        stack.enter_context(networkmanager(folder, address, interface))

        async def ready() -> bool:
            return await manages((interface,), address)

        assert await until(ready, 60), "NetworkManager does not manage the radio"
        tasks = Tasks()
        driver = NetworkManagerDriver(
            (radio_settings(found[0]),), tasks=tasks, address=address, scanner=scanner
        )
        try:
            await patiently_started(driver)
            yield driver, phone, address
        finally:
            await tasks.close()
            await driver.close()


async def patiently_started(driver: NetworkManagerDriver) -> None:
    """Starts it; NetworkManager learns of wpa_supplicant some seconds after its own start."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return await driver.start()
        except DriverError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)


async def left_in_mid_change(driver: NetworkManagerDriver, address: str) -> None:
    """What a killed daemon leaves: a checkpoint, and a connection half changed. The next one goes back."""
    async with opened(address) as bus:
        device = next(one for one in await bus.devices() if one.active is not None)
        assert device.active is not None
        path = await bus.find(device.active)
        assert path is not None
        await bus.checkpoint(device.path, CHECKPOINT_SECONDS)
        made = await bus.profile(path, secrets=True)
        made["802-11-wireless"]["ssid"] = Variant("ay", b"Half")
        await bus.write(made, path)
        await driver.start()
        assert await bus.checkpoints() == ()
        back = await bus.profile(path)
        assert bytes(back["802-11-wireless"]["ssid"].value) == b"Maple Street"


def admitted(phone: Station, ssid: str, passphrase: str | None, patience: float = 20.0) -> bool:
    phone.set_network(ssid, psk=passphrase)
    try:
        phone.wait_connected(patience)
    except TimeoutError as error:
        print(error)
        return False
    return True


async def test_a_network_its_new_password_and_its_end() -> None:
    async with air(ear=True) as (driver, phone, address):
        await driver.check((home(),))
        applied = await driver.apply((home(),))
        print(f"first: {applied}")
        assert applied.step is Step.RESTART
        print(await driver.prove(home()))
        assert await asyncio.to_thread(admitted, phone, "Maple Street", "correct horse")
        assert [one.mac for one in await driver.stations()] == [phone.mac]
        assert (await driver.apply((home(revision=2),))).step is Step.NONE
        assert await asyncio.to_thread(phone.connected)

        await left_in_mid_change(driver, address)
        assert await asyncio.to_thread(admitted, phone, "Maple Street", "correct horse")

        changed = home(ssid="Ahornstraße 🍁", passphrase="battery staple")
        print(f"changed: {await driver.apply((changed,))}")
        assert not await asyncio.to_thread(admitted, phone, "Maple Street", "correct horse", 5.0)
        assert await asyncio.to_thread(admitted, phone, "Ahornstraße 🍁", "battery staple")
        assert not await asyncio.to_thread(admitted, phone, "Ahornstraße 🍁", "correct horse", 5.0)

        off = home(ssid="Ahornstraße 🍁", passphrase="battery staple", enabled=False)
        await driver.apply((off,))
        assert {radio.state for radio in await driver.radios()} == {"down"}


@pytest.mark.parametrize("security", [Security.WPA2_WPA3, Security.WPA3, Security.OPEN])
async def test_the_ways_in_that_it_can(security: Security) -> None:
    async with air() as (driver, phone, _):
        words = "correct horse" if security.has_passphrase else None
        wanted = home(security=security, passphrase=words)
        try:
            await driver.apply((wanted,))
        except DriverError as error:
            print(f"{security}: not started: {error}")
            raise
        assert (await driver.prove(wanted)).note == OWN_WORD
        heard = await asyncio.to_thread(phone.scan)
        print(security, [one.flags for one in heard])
