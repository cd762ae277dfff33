"""Recording a paced HTTP channel with the real recorder process."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pytest

from gatewayd.dvr.media.messages import (
    Gap,
    Probe,
    Probed,
    Range,
    SegmentClosed,
    SegmentOpened,
    SourceFailed,
)
from tests.support.recorder import RecorderProcess, http_channel
from tests.support.ts import PacedServer


@pytest.mark.parametrize("chunked", [False, True])
async def test_overlapping_ranges_share_one_connection_and_every_byte_is_kept(
    tmp_path: Path, chunked: bool
) -> None:
    async with PacedServer(chunked=chunked) as server, RecorderProcess(tmp_path) as recorder:
        now = time.time()
        first, second = Range(id="a", start=now, stop=now + 3), Range(id="b", start=now + 1.5, stop=now + 4.5)
        await recorder.desire(http_channel("one", server.url, first, second))
        await recorder.done("a")
        await recorder.done("b")
        assert server.connections == 1
        [sent] = server.sent
        whole = await recorder.locate("one", now - 10, now + 10)
        stored = recorder.read(whole.slices)
        assert stored == bytes(sent.data[: len(stored)])
        assert len(stored) >= sent.by(now + 4.4)  # nothing is missing at the end; the start is the machine's
        digest = await recorder.digest(whole.slices)
        assert (digest.sha256, digest.bytes) == (sent.sha256(len(stored)), len(stored))
        assert await recorder.journal(Gap) == []
        assert await recorder.journal(SourceFailed) == []
        [opened] = await recorder.journal(SegmentOpened)
        [closed] = await recorder.journal(SegmentClosed)
        assert closed.segment == opened.segment
        assert closed.bytes == len(stored)
        assert hashlib.sha256(stored).hexdigest() == digest.sha256
        probed = await recorder.client.call(Probe(segment=opened.segment), Probed, timeout=30)
        assert [stream.codec for stream in probed.streams] == ["h264", "aac"]
        assert probed.decoded_frames > 10
        late = await recorder.locate("one", second.start, second.stop)
        assert 0 < late.slices[0].from_byte < len(stored) / 2
