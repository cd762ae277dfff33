"""What `status.get` says of each part, asked of the features at that moment. Part of the composition root."""

from __future__ import annotations

from pathlib import Path

from gatewayd.box.model import Alert, Part, Parts, Verdict
from gatewayd.portal.service import Portal
from gatewayd.trades import Trades
from gatewayd.upkeep.look import Look


def overview(trades: Trades, portal: Portal, look: Look, restored: Path | None) -> Parts:
    """The parts. `restored` is the backup that this start had to use."""
    wifi, dvr, diagnostics, watch = trades.wifi, trades.dvr, trades.diagnostics, trades.line.watch

    async def verdict() -> Verdict:
        state, sentence, code = diagnostics.latest()
        return Verdict(state=state, sentence=sentence, code=code)

    async def internet() -> Part:
        # What the watch sees now; before it has seen anything, what somebody found out once.
        now = watch.outlook()
        if now.state != "unknown":
            return Part(state=now.state, sentence=now.sentence)
        state, sentence, _ = diagnostics.latest()
        return Part(state=state, sentence=sentence)

    async def radio() -> Part:
        state, sentence = await wifi.health()
        return Part(state=state, sentence=sentence)

    async def television() -> Part:
        summary = await dvr.summary()
        return Part(state=summary.state, sentence=summary.summary)

    async def operator() -> Part:
        wanted, up, sentence = portal.summary()
        return Part(state="ok" if up else "degraded" if wanted else "unknown", sentence=sentence)

    async def machine() -> Part:
        health = await look.health.look()
        return Part(state=health.state, sentence=health.sentence)

    async def alerts() -> tuple[Alert, ...]:
        found = []
        if restored is not None:
            sentence = f"The state was damaged; the backup {restored.name} was restored."
            found.append(Alert(code="store.restored", sentence=sentence))
        summary = await dvr.summary()
        if summary.state == "down":
            found.append(Alert(code="dvr.recorder_away", sentence=summary.summary))
        found += [Alert(code=told.code, sentence=told.sentence) for told in await dvr.report.alerts()]
        found += [Alert(code=code, sentence=sentence) for code, sentence in watch.alerts()]
        own = await trades.access.alerts.unseen()
        found += [Alert(code=f"access.{each.kind}", sentence=each.sentence) for each in own]
        return tuple(found)

    return Parts(
        verdict=verdict,
        internet=internet,
        wifi=radio,
        dvr=television,
        portal=operator,
        health=machine,
        alerts=alerts,
    )
