"""Renewing a lease: whole fake services on a real D-Bus."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from gatewayd.errors import GatewayError
from gatewayd.system.lease import SystemLease
from tests.support.networkd import Device, Manager, Networkd, fake_bus


async def test_networkd_is_asked_first_and_networkmanager_where_it_is_not(tmp_path: Path) -> None:
    async with fake_bus(tmp_path) as (address, bus):
        lease = SystemLease(address)
        with pytest.raises(GatewayError, match="neither"):
            await lease.renew("lo")
        device = Device()
        bus.export("/org/freedesktop/NetworkManager", Manager())
        bus.export("/org/freedesktop/NetworkManager/Devices/1", device)
        await bus.request_name("org.freedesktop.NetworkManager")
        await lease.renew("lo")
        assert device.reapplied == 1
        networkd = Networkd()
        bus.export("/org/freedesktop/network1", networkd)
        await bus.request_name("org.freedesktop.network1")
        await lease.renew("lo")
        assert networkd.renewed == [socket.if_nametoindex("lo")]
        assert device.reapplied == 1


async def test_a_refusal_is_told_and_an_unmanaged_interface_goes_to_the_next(tmp_path: Path) -> None:
    async with fake_bus(tmp_path) as (address, bus):
        networkd = Networkd()
        bus.export("/org/freedesktop/network1", networkd)
        await bus.request_name("org.freedesktop.network1")
        networkd.error = "org.freedesktop.DBus.Error.AccessDenied"
        with pytest.raises(GatewayError, match="AccessDenied") as refused:
            await SystemLease(address).renew("lo")
        assert refused.value.code == "diagnostics.repair_failed"
        networkd.error = "org.freedesktop.network1.UnmanagedInterface"
        with pytest.raises(GatewayError, match="neither"):
            await SystemLease(address).renew("lo")


async def test_without_a_bus_or_an_interface_it_says_so(tmp_path: Path) -> None:
    for interface in ("lo", "gwt-none0"):
        with pytest.raises(GatewayError) as refused:
            await SystemLease(f"unix:path={tmp_path}/nobody").renew(interface)
        assert refused.value.code == "diagnostics.repair_failed"
