"""The frame of a check: what it is called, what it needs, how long it may take, and how it tells."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from gatewayd.diagnostics.model import AnyResult, ProbeResult, Status
from gatewayd.diagnostics.world import World
from gatewayd.settings import DiagnosticsSettings
from gatewayd.system.clock import Clock

R = TypeVar("R", bound=ProbeResult)


class Surroundings(NamedTuple):
    """What a running check is given. `results` holds those of the checks that it needs.

    `wan` is the interface that the settings name, or None.
    """

    world: World
    targets: DiagnosticsSettings
    wan: str | None
    clock: Clock
    results: Mapping[type[Any], AnyResult]

    def result(self, kind: type[R]) -> R:
        """The result of a check that this one needs."""
        found = self.results[kind]
        assert isinstance(found, kind)
        return found


class Check(ABC, Generic[R]):
    """One file in `checks/`. `needs` are result kinds: unless each is ok or warn, this check is skipped.

    `run` keeps its own times and is cut off as `unknown` after `limit` seconds, which leaves slack for a
    busy box. A target that is not configured is
    answered by `skipped`.
    """

    result: ClassVar[type[Any]]
    needs: ClassVar[tuple[type[ProbeResult], ...]] = ()
    limit: ClassVar[float] = 5.0

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
