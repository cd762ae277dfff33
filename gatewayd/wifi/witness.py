"""What the radios tell of devices, remembered: who is new, which password was used, who has a wrong one."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import structlog
from msgspec import Struct

from gatewayd.events import Bus
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock
from gatewayd.wifi.driver import Driver, DriverError, RadioEvent
from gatewayd.wifi.events import WifiNewStation, WifiWrongPassword
from gatewayd.wifi.model import MAIN_KEY, OLD_KEY

log = structlog.get_logger(__name__)
QUIET_SECONDS = 60.0
"""How long nothing more is told or written of the same device's wrong passwords."""
RECENT_SECONDS = 3600.0
_QUEUE = 256
_ENDED = "-"  # a password that is no more: no key of ours is called so
_MOST_STRANGERS = 500


class WifiRefused(Struct, frozen=True, kw_only=True):
    """A device that tries to join with a wrong password: how often it was seen, and when last.

    Only of devices that try by WPA2: of a failed handshake by WPA3 hostapd (2.10) tells nothing.
    """

    mac: str
    network: str
    times: int
    last: datetime


class Met(Struct, frozen=True, kw_only=True):
    """A device that was on a network, and the password that it used when it joined last."""

    mac: str
    network: str
    first: datetime
    last: datetime
    key: str | None


class _Wrong(Struct):
    times: int
    last: datetime
    told: float | None = None
    unwritten: int = 0


class Witness:
    """Hears of devices from the reconciler. `run` it."""

    def __init__(self, *, driver: Driver, database: Database, bus: Bus, clock: Clock) -> None:
        self._driver = driver
        self._database = database
        self._bus = bus
        self._clock = clock
        self._queue: asyncio.Queue[RadioEvent] = asyncio.Queue(_QUEUE)
        self._wrong: dict[tuple[str, str], _Wrong] = {}

    def hear(self, event: RadioEvent) -> None:
        """Takes an event; returns at once. In a flood the oldest are lost."""
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(event)

    async def run(self) -> None:
        """Remembers what was heard. For ever."""
        while True:
            event = await self._queue.get()
            if event.network is None or event.mac is None:
                continue
            if not await self._knows(event.network):
                continue
            if event.kind == "joined":
                await self._joined(event.network, event.mac)
            elif event.kind == "wrong_password":
                await self._refused(event.network, event.mac)

    def refused(self) -> tuple[WifiRefused, ...]:
        """Devices that had a wrong password within the last hour and have not joined since."""
        now = self._clock.now()
        return tuple(
            WifiRefused(mac=mac, network=network, times=wrong.times, last=wrong.last)
            for (network, mac), wrong in self._wrong.items()
            if (now - wrong.last).total_seconds() < RECENT_SECONDS
        )

    async def met(self, network: str, key: str) -> tuple[Met, ...]:
        """Devices whose last password on that network was this one, the latest first."""
        rows = await self._database.fetch_all(
            "SELECT * FROM wifi_met WHERE network = ? AND key = ? AND last_joined IS NOT NULL"
            " ORDER BY last_joined DESC",
            (network, key),
        )
        return tuple(
            Met(
                mac=row["mac"],
                network=network,
                first=datetime.fromtimestamp(row["first_joined"], UTC),
                last=datetime.fromtimestamp(row["last_joined"], UTC),
                key=row["key"],
            )
            for row in rows
        )

    def password_became_old(self, unit: Unit, network: str) -> None:
        """Whoever used the network's own password until now has the old one from here on."""
        unit.execute(
            "UPDATE wifi_met SET key = ? WHERE network = ? AND (key IS NULL OR key = ?)",
            (OLD_KEY, network, MAIN_KEY),
        )

    def old_password_ended(self, unit: Unit, network: str) -> None:
        """Nobody is known by the old password any more."""
        unit.execute("UPDATE wifi_met SET key = ? WHERE network = ? AND key = ?", (_ENDED, network, OLD_KEY))

    async def _knows(self, network: str) -> bool:
        row = await self._database.fetch_one("SELECT 1 FROM wifi_networks WHERE id = ?", (network,))
        return row is not None

    async def _joined(self, network: str, mac: str) -> None:
        self._wrong.pop((network, mac), None)
        key = await self._key_of(network, mac)
        now = self._clock.now().timestamp()
        before = await self._database.fetch_one(
            "SELECT first_joined FROM wifi_met WHERE network = ? AND mac = ?", (network, mac)
        )
        new = before is None or before["first_joined"] is None
        async with self._database.unit() as unit:
            unit.execute(
                "INSERT INTO wifi_met (network, mac, first_joined, last_joined, key)"
                " SELECT ?1, ?2, ?3, ?3, ?4 WHERE EXISTS (SELECT 1 FROM wifi_networks WHERE id = ?1)"
                " ON CONFLICT (network, mac) DO UPDATE SET last_joined = ?3, key = ?4,"
                " first_joined = COALESCE(first_joined, ?3)",
                (network, mac, now, key),
            )
            unit.execute(
                "UPDATE wifi_keys SET last_seen = ? WHERE network = ? AND id = ?", (now, network, key)
            )
            if new:
                unit.emit(WifiNewStation(network=network, mac=mac, key=key, simulated=self._driver.simulated))

    async def _key_of(self, network: str, mac: str) -> str | None:
        try:
            stations = await self._driver.stations()
        except DriverError:
            return None
        for station in stations:
            if (station.network, station.mac) == (network, mac):
                return station.key
        return None

    async def _refused(self, network: str, mac: str) -> None:
        now = self._clock.monotonic()
        wrong = self._wrong.get((network, mac))
        if wrong is None:
            if len(self._wrong) >= _MOST_STRANGERS:  # somebody makes addresses up
                del self._wrong[next(iter(self._wrong))]
            wrong = self._wrong[network, mac] = _Wrong(times=0, last=self._clock.now())
        wrong.times += 1
        wrong.unwritten += 1
        wrong.last = self._clock.now()
        if wrong.told is not None and now - wrong.told < QUIET_SECONDS:
            return
        wrong.told, count, wrong.unwritten = now, wrong.unwritten, 0
        log.info("wifi.wrong_password", network=network, mac=mac, times=wrong.times)
        async with self._database.unit() as unit:
            unit.execute(
                "INSERT INTO wifi_met (network, mac, wrong_passwords, last_wrong)"
                " SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM wifi_networks WHERE id = ?1)"
                " ON CONFLICT (network, mac) DO UPDATE SET last_wrong = ?4,"
                " wrong_passwords = wrong_passwords + ?3",
                (network, mac, count, wrong.last.timestamp()),
            )
            unit.execute(
                "DELETE FROM wifi_met WHERE first_joined IS NULL AND mac NOT IN"
                " (SELECT mac FROM wifi_met WHERE first_joined IS NULL ORDER BY last_wrong DESC LIMIT ?)",
                (_MOST_STRANGERS,),
            )
            unit.emit(
                WifiWrongPassword(
                    network=network,
                    mac=mac,
                    times=wrong.times,
                    last=wrong.last,
                    simulated=self._driver.simulated,
                )
            )
