"""What `status.get` says of each part, asked of the features at that moment. Part of the composition root."""

from __future__ import annotations

from pathlib import Path

import msgspec

from gatewayd.access.alerts import Alerts
from gatewayd.box.model import Alert, Part, Parts, Verdict
from gatewayd.diagnostics import DiagnosticsService, TvChannel, TvSignal
from gatewayd.dvr.service import DvrService
from gatewayd.wifi import WifiService


def overview(
    wifi: WifiService, dvr: DvrService, diagnostics: DiagnosticsService, own: Alerts, restored: Path | None
) -> Parts:
    """The parts. `own` are the owner's alerts, `restored` is the backup that this start had to use."""

    async def verdict() -> Verdict:
        state, sentence, code = diagnostics.latest()
        return Verdict(state=state, sentence=sentence, code=code)

    async def internet() -> Part:
        state, sentence, _ = diagnostics.latest()
        return Part(state=state, sentence=sentence)

    async def radio() -> Part:
        state, sentence = await wifi.health()
        return Part(state=state, sentence=sentence)

    async def television() -> Part:
        summary = await dvr.summary()
        return Part(state=summary.state, sentence=summary.summary)

    async def alerts() -> tuple[Alert, ...]:
        found = []
        if restored is not None:
            sentence = f"The state was damaged; the backup {restored.name} was restored."
            found.append(Alert(code="store.restored", sentence=sentence))
        summary = await dvr.summary()
        if summary.state == "down":
            found.append(Alert(code="dvr.recorder_away", sentence=summary.summary))
        found += [Alert(code=told.code, sentence=told.sentence) for told in await dvr.report.alerts()]
        found += [Alert(code=f"access.{each.kind}", sentence=each.sentence) for each in await own.unseen()]
        return tuple(found)

    return Parts(verdict=verdict, internet=internet, wifi=radio, dvr=television, alerts=alerts)


class TelevisionSignal:
    """Television's streams, told to diagnostics (its `Television`)."""

    def __init__(self, dvr: DvrService) -> None:
        self._dvr = dvr

    async def signal(self) -> TvSignal:
        """Now."""
        streams = await self._dvr.streams()
        items = msgspec.convert(streams or (), tuple[TvChannel, ...], from_attributes=True)
        return TvSignal(recorder=streams is not None, items=items)
