"""`diagnostics.signal.get` tells what television says."""

from __future__ import annotations

from pathlib import Path

import msgspec

from gatewayd.diagnostics import TvChannel, TvQuality, TvSignal, signal_operations
from gatewayd.dvr.media.measures import Measures
from gatewayd.dvr.model import DvrStream
from gatewayd.dvr.quality import quality
from tests.support.core import open_core


class _Television:
    async def signal(self) -> TvSignal:
        stream = DvrStream(
            channel="one", name="One", state="flowing", bitrate=8e6, quality=quality(Measures(packets=7))
        )
        items = msgspec.convert((stream,), tuple[TvChannel, ...], from_attributes=True)
        return TvSignal(recorder=True, items=items)


async def test_it_tells_each_stream_with_its_quality(tmp_path: Path) -> None:
    async with open_core(tmp_path) as core:
        core.registry.add(signal_operations(_Television()))
        answer = await core.call("diagnostics.signal.get")
    [item] = answer["items"]
    assert answer["recorder"] is True
    assert (item["channel"], item["state"], item["bitrate"]) == ("one", "flowing", 8e6)
    assert msgspec.convert(item["quality"], TvQuality).grade == "good"
    assert [row["number"] for row in item["quality"]["indicators"]][:3] == ["1.1", "1.2", "1.3"]
