"""Setting a radio: what may be asked, and the change that it becomes."""

from __future__ import annotations

from typing import Any

import msgspec

from gatewayd.errors import GatewayError, InvalidField
from gatewayd.store.database import Unit
from gatewayd.wifi.changes import Changes
from gatewayd.wifi.driver import Driver, DriverError
from gatewayd.wifi.model import Confirm, RadioTuning, WifiChange, WifiImpact
from gatewayd.wifi.render import AUTO
from gatewayd.wifi.repository import Repository

_RADAR = "The radio listens for radar for a minute before it sends, and leaves the channel when it sees any."


class RadioChanges:
    """From what is asked of a radio to a change of it."""

    def __init__(self, driver: Driver, repository: Repository, changes: Changes) -> None:
        self._driver = driver
        self._repository = repository
        self._changes = changes

    async def update(
        self, unit: Unit, radio: str, patch: dict[str, Any], *, caller: str, confirm: Confirm, seconds: int
    ) -> WifiChange:
        """Queues a change of the radio into `unit`; hold the lock `wifi`.

        Raises GatewayError `wifi.radio_not_found`, `wifi.busy`, `wifi.change_open`, and InvalidField.
        """
        now, new = await self._merged(radio, patch)
        if msgspec.structs.replace(new, revision=now.revision) == now:
            new = now
        return await self._changes.queue_radio(
            unit, now, new, await self._impact(new), caller=caller, confirm=confirm, deadline_seconds=seconds
        )

    async def preview(self, radio: str, patch: dict[str, Any]) -> tuple[WifiImpact, tuple[str, ...]]:
        """What `update` would do, and its dangers."""
        _, new = await self._merged(radio, patch)
        shown = next(one for one in await self._driver.radios() if one.id == radio)
        listens = any(
            (one.band, one.number, one.radar) == (new.band, new.channel, True) for one in shown.channels
        )
        return await self._impact(new), (_RADAR,) if listens else ()

    async def _merged(self, radio: str, patch: dict[str, Any]) -> tuple[RadioTuning, RadioTuning]:
        installed = self._driver.tuning(radio)
        if installed is None:
            raise GatewayError(
                "wifi.radio_not_found", f"There is no radio {radio[:40]!r} that is set here.", field="radio"
            )
        now = (await self._repository.tunings()).get(radio, installed)
        changed = dict(patch)
        if changed.get("channel") == "auto" or ("band" in changed and "channel" not in changed):
            changed["channel"] = AUTO
        new = msgspec.structs.replace(now, **changed, revision=now.revision + 1)
        self._driver.check_tuning(new)
        await self._leaves_a_radio_for_each(new)
        return now, new

    async def _leaves_a_radio_for_each(self, new: RadioTuning) -> None:
        bands = {one.band for one in await self._driver.radios() if one.id != new.radio} | {new.band}
        for stored in await self._repository.networks():
            if not stored.desired.absent and not bands.intersection(stored.desired.bands):
                raise InvalidField(
                    "band",
                    f"No radio would be left for the network {stored.id!r}, "
                    f"which is on {', '.join(stored.desired.bands)} GHz.",
                )

    async def _impact(self, new: RadioTuning) -> WifiImpact:
        try:
            there = [one for one in await self._driver.stations() if one.radio == new.radio]
            networks, _ = await self._changes.present()
            return self._driver.tuning_impact(new, networks, len(there))
        except DriverError as error:
            raise InvalidField("channel", str(error)) from error
