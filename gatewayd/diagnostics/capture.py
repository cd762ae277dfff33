"""Packet captures for a technician: asked for with consent, short, kept in memory only and not for long.

What passes a line is the most private thing that a box can tell. So: somebody at home says yes each time (an
explicit field, written into the audit), the portal cannot ask at all, headers only unless whole packets are
asked for, at most a minute and 2 MiB, never on the disk, and gone after ten minutes or at the next capture.
"""

from __future__ import annotations

import base64
from typing import Annotated, Protocol

import msgspec

from gatewayd.callers import Caller
from gatewayd.errors import GatewayError
from gatewayd.netd.verbs import CaptureAnswer
from gatewayd.operations import Request, Result
from gatewayd.system.clock import Clock
from gatewayd.system.identity import new_id

KEPT = 600.0
HEADERS, WHOLE = 96, 1600


class CaptureStart(Request, frozen=True, kw_only=True):
    """`consent`: somebody of the household agrees to this capture; without it nothing is recorded.

    `address` limits it to one device's packets; `whole` keeps contents too, else 96 bytes of each.
    """

    interface: Annotated[str, msgspec.Meta(min_length=1, max_length=15)]
    consent: bool = False
    seconds: Annotated[float, msgspec.Meta(ge=1.0, le=60.0)] = 10.0
    packets: Annotated[int, msgspec.Meta(ge=1, le=20_000)] = 5_000
    address: Annotated[str, msgspec.Meta(min_length=2, max_length=45)] | None = None
    whole: bool = False


class CaptureQuery(Request, frozen=True, kw_only=True):
    """A capture by its id."""

    capture: str


class CaptureResult(Result, frozen=True, kw_only=True):
    """A capture that can be fetched for ten minutes. `dropped`: packets that came too fast to be kept."""

    capture: str
    interface: str
    packets: int
    dropped: int
    bytes: int
    whole: bool


class CaptureFile(Result, frozen=True, kw_only=True):
    """A whole pcap file in Base64."""

    capture: str
    name: str
    pcap: str


class Capturing(Protocol):
    """Who records: netd's door."""

    async def capture(
        self, interface: str, *, timeout_ms: int, packets: int, snap: int, address: str | None = None
    ) -> CaptureAnswer:
        """Raises GatewayError `netd.*`, `helper.unavailable`."""
        ...


class Captures:
    """The one capture that is kept, and its end."""

    def __init__(self, door: Capturing, clock: Clock) -> None:
        self._door = door
        self._clock = clock
        self._kept: tuple[str, str, bytes, float] | None = None

    @staticmethod
    def allow(wanted: CaptureStart, caller: Caller) -> None:
        """Raises GatewayError `diagnostics.consent_needed`."""
        if caller.role == "portal":
            detail = "A capture is begun at home or by a technician there, never from outside."
        elif not wanted.consent:
            detail = "Packets show what people do: somebody of the household has to agree, then set consent."
        else:
            return
        raise GatewayError("diagnostics.consent_needed", detail, field="consent")

    async def run(self, wanted: CaptureStart) -> CaptureResult:
        """Records and keeps it in the place of the last. Raises what `Capturing.capture` raises."""
        self._kept = None
        found = await self._door.capture(
            wanted.interface,
            timeout_ms=int(wanted.seconds * 1000),
            packets=wanted.packets,
            snap=WHOLE if wanted.whole else HEADERS,
            address=wanted.address,
        )
        identifier = new_id()
        self._kept = (identifier, wanted.interface, found.pcap, self._clock.monotonic() + KEPT)
        return CaptureResult(
            capture=identifier,
            interface=wanted.interface,
            packets=found.packets,
            dropped=found.dropped,
            bytes=len(found.pcap),
            whole=wanted.whole,
        )

    def get(self, identifier: str) -> CaptureFile:
        """Raises GatewayError `diagnostics.capture_not_found`."""
        self.forget_old()
        if self._kept is None or self._kept[0] != identifier:
            raise GatewayError(
                "diagnostics.capture_not_found",
                "There is no such capture; the last one is kept for ten minutes.",
                field="capture",
            )
        _, interface, pcap, _ = self._kept
        return CaptureFile(
            capture=identifier,
            name=f"{interface}-{identifier}.pcap",
            pcap=base64.b64encode(pcap).decode("ascii"),
        )

    def forget_old(self) -> None:
        """Drops what has been kept long enough."""
        if self._kept is not None and self._clock.monotonic() >= self._kept[3]:
            self._kept = None
