"""Ports of bridges: a network on two radios is two ports, which only the bridge keeps apart."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

import structlog
from msgspec import Struct

from gatewayd.errors import GatewayError
from gatewayd.tasks import Tasks
from gatewayd.wifi.driver import DriverError

log = structlog.get_logger(__name__)
_PAUSE = 1.0


class KeepApart(Protocol):
    """Sets whether a port of a bridge is kept apart from the others that are."""

    async def __call__(self, interface: str, *, isolated: bool) -> None:
        """Raises OSError or GatewayError when it cannot."""
        ...


class Port(Struct, frozen=True, kw_only=True):
    """A radio's interface in a bridge, and whether it shall be kept apart."""

    interface: str
    bridge: str
    isolated: bool


class Ports:
    """Has them set as they shall be."""

    def __init__(self, keep_apart: KeepApart, tasks: Tasks) -> None:
        self._keep_apart = keep_apart
        self._tasks = tasks
        self._wanted: tuple[Port, ...] = ()
        self._later: asyncio.Task[None] | None = None
        self.known = False
        """Whether they were set since the daemon began."""

    async def set(self, wanted: tuple[Port, ...]) -> None:
        """Raises DriverError when a bridge does not obey; but not before it ever has: then whoever sets ports
        may be on its way up, and the household's Wi-Fi does not wait for that."""
        self._wanted = wanted
        try:
            await self._order()
        except DriverError as error:
            if self.known:
                raise
            log.warning("wifi.ports_not_set", error=str(error))
            if self._later is None or self._later.done():
                self._later = self._tasks.spawn("wifi.ports", self._order_later())

    def close(self) -> None:
        """Tries no more."""
        if self._later is not None:
            self._later.cancel()

    async def _order_later(self) -> None:
        while not self.known:
            await asyncio.sleep(_PAUSE)
            with contextlib.suppress(DriverError):
                await self._order()

    async def _order(self) -> None:
        for port in self._wanted:
            try:
                await self._keep_apart(port.interface, isolated=port.isolated)
            except (OSError, GatewayError) as error:
                raise DriverError(
                    f"The bridge {port.bridge} does not keep {port.interface} apart: {error}."
                ) from error
        self.known = True
