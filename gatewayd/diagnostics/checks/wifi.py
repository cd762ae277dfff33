"""Do the devices on Wi-Fi hear the box well?"""

from __future__ import annotations

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.claims import RETRIES, SIGNAL_FAIL_DBM, SIGNAL_WARN_DBM
from gatewayd.diagnostics.house import Station
from gatewayd.diagnostics.results import WeakStation, WifiResult

_ASLEEP = 60.0
"""Seconds of silence after which a device's figures are old."""


class WifiCheck(Check[WifiResult]):
    """Signal and repeated frames of every device that is awake."""

    result = WifiResult

    async def run(self, around: Surroundings) -> WifiResult:
        stations = await around.house.stations()
        if stations is None:
            return self.without("skipped", "No Wi-Fi is to be seen.")
        awake = [one for one in stations if one.idle is None or one.idle < _ASLEEP]
        weak = [one for one in awake if _is_weak(one)]
        middling = [one for one in awake if one not in weak and _at_most(one.signal_dbm, SIGNAL_WARN_DBM)]
        detail = f"{len(stations)} devices are on Wi-Fi."
        if weak:
            detail += f" Far away: {', '.join(_named(one) for one in weak[:5])}."
        elif middling:
            detail += f" Middling: {', '.join(_named(one) for one in middling[:5])}."
        return WifiResult(
            status="warn" if weak or middling else "ok",
            detail=detail,
            stations=len(stations),
            weak=tuple(
                WeakStation(name=one.name, signal_dbm=one.signal_dbm, retries=one.retries) for one in weak
            ),
        )


def _is_weak(one: Station) -> bool:
    return _at_most(one.signal_dbm, SIGNAL_FAIL_DBM) or (one.retries is not None and one.retries > RETRIES)


def _at_most(signal: int | None, limit: int) -> bool:
    return signal is not None and signal < limit


def _named(one: Station) -> str:
    return one.name if one.signal_dbm is None else f"{one.name} ({one.signal_dbm} dBm)"
