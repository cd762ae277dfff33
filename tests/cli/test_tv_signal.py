"""`gatewayctl tv signal`, as people read it."""

from __future__ import annotations

from tests.cli.conftest import Gatewayctl
from tests.support.box import FakeBox


async def test_all_streams_in_a_table(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    lines = (await gatewayctl("tv", "signal")).stdout.splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        "channel state rate signal",
        "One flowing 8.0 Mbit/s good Nothing is lost.",
        "Two flowing 3.0 Mbit/s poor Packets are lost on the way: 41 in the last minute.",
        "Three retrying dvr.source_ended",
    ]


async def test_one_stream_with_everything_that_was_measured(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    lines = (await gatewayctl("tv", "signal", "two")).stdout.splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        "Two: flowing",
        "Packets are lost on the way: 41 in the last minute.",
        "TR 101 290 errors",
        "1.4 Continuity_count_error 41",
        "2.5 PTS_error - The recorder does not look.",
        "Over the last 60 s of the stream.",
    ]


async def test_a_channel_that_nobody_receives(box: FakeBox, gatewayctl: Gatewayctl) -> None:
    refused = await gatewayctl("tv", "signal", "nine")
    assert refused.exit_code != 0
    assert "There is no channel 'nine'" in refused.stderr
