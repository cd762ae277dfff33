"""The frame of a check: what it is called, what it needs, how long it may take, and how it tells."""

from __future__ import annotations

import asyncio
import ipaddress
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from gatewayd.diagnostics.house import EmptyHouse, House, Load
from gatewayd.diagnostics.learned import Learned
from gatewayd.diagnostics.result_base import ProbeResult
from gatewayd.diagnostics.results import AddressResult, AnyResult
from gatewayd.diagnostics.words import Status
from gatewayd.diagnostics.world import RecordKind, World
from gatewayd.settings import DiagnosticsSettings
from gatewayd.system.clock import Clock

R = TypeVar("R", bound=ProbeResult)


class Surroundings(NamedTuple):
    """What a running check is given. `results` holds those of the checks that it needs or comes after.

    `wan` is the interface that the settings name, or None; `lan` are the home's bridges. `thorough`: the line
    may be filled and pinged for as long as it takes.
    """

    world: World
    targets: DiagnosticsSettings
    wan: str | None
    clock: Clock
    results: Mapping[type[Any], AnyResult] = MappingProxyType({})
    lan: tuple[str, ...] = ()
    house: House = EmptyHouse()
    load: Load | None = None
    learned: Learned = Learned()
    thorough: bool = False

    def result(self, kind: type[R]) -> R:
        """The result of a check that this one needs."""
        found = self.results[kind]
        assert isinstance(found, kind)
        return found

    async def resolvers(self) -> tuple[str, ...]:
        """The name servers of the settings, else those that the box uses."""
        return self.targets.resolvers or await self.world.resolvers()

    async def address_of(self, host: str) -> str | None:
        """An address of `host` of a family that the box has, as a resolver knows it; `host` itself when it is
        an address. None when it has none, or only one of the other family."""
        try:
            found = [str(ipaddress.ip_address(host.strip("[]")))]
        except ValueError:
            found = []
            for resolver in await self.resolvers():
                asked = (
                    self.world.resolve(resolver, host, seconds=1.5, tries=1, kind=kind)
                    for kind in self._kinds()
                )
                for answer in await asyncio.gather(*asked):
                    found += answer.addresses
                if found:
                    break
        has_ipv4 = "A" in self._kinds()
        return next((one for one in found if has_ipv4 or ":" in one), None)

    def _kinds(self) -> tuple[RecordKind, ...]:
        address = self.results.get(AddressResult)
        lacks = isinstance(address, AddressResult) and not address.v4 and address.v6
        return ("AAAA",) if lacks else ("A", "AAAA")


class Check(ABC, Generic[R]):
    """One file in `checks/`. `needs` are result kinds: unless each is ok or warn, this check is skipped.

    `after` are kinds whose checks are waited for, whatever they find. `run` keeps its own times and is cut
    off as `unknown` after `limit` seconds, which leaves slack for a busy box. A target that is not set is
    answered by `skipped`. A `late` check may use the time after an offline verdict would be due.
    """

    result: ClassVar[type[Any]]
    needs: ClassVar[tuple[type[ProbeResult], ...]] = ()
    after: ClassVar[tuple[type[ProbeResult], ...]] = ()
    limit: ClassVar[float] = 5.0
    late: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """The check's name, which is its result's tag."""
        return str(self.result.__struct_config__.tag)

    @abstractmethod
    async def run(self, around: Surroundings) -> R:
        """Probes once. Raises only GatewayError and OSError, which make the result `unknown`."""

    def without(self, status: Status, detail: str) -> R:
        """A result that holds no facts."""
        found: R = self.result(status=status, detail=detail)
        return found
