"""Canned streams: one that is well, one that is not, one that nobody could look at yet."""

from __future__ import annotations

from gatewayd.diagnostics.signal import TvChannel, TvIndicator, TvQuality, TvSignal


class CannedTelevision:
    """Three channels that are recorded now."""

    async def signal(self) -> TvSignal:
        """They."""
        return TvSignal(
            recorder=True,
            items=(
                TvChannel(
                    channel="one", name="One", state="flowing", bitrate=8e6, quality=_quality("good", 0)
                ),
                TvChannel(
                    channel="two", name="Two", state="flowing", bitrate=3e6, quality=_quality("poor", 41)
                ),
                TvChannel(
                    channel="three", name="Three", state="retrying", bitrate=0.0, reason="dvr.source_ended"
                ),
            ),
        )


def _quality(grade: str, lost: int) -> TvQuality:
    return TvQuality(
        grade="good" if grade == "good" else "poor",
        sentence="Nothing is lost." if not lost else "Packets are lost on the way: 41 in the last minute.",
        seconds=60.0,
        scrambled=0.0,
        pcr_interval_average_ms=36.0,
        pcr_interval_most_ms=40.0,
        pcr_jitter_most_us=0.4,
        pat_interval_most_ms=100.0,
        pmt_interval_most_ms=100.0,
        pat_changes=0,
        pmt_changes=0,
        indicators=(
            TvIndicator(number="1.4", name="Continuity_count_error", priority=1, count=lost),
            TvIndicator(
                number="2.5", name="PTS_error", priority=2, count=None, note="The recorder does not look."
            ),
        ),
    )
