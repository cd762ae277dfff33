"""What the measures of a stream mean: indicators by their numbers in TR 101 290, a grade, a sentence. Pure.

The recorder measures while it stores, batch by batch, so times are those of the stream's own clock, not
of arrival, and what needs the arrival of single packets is not measured.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from gatewayd.dvr.media.measures import Measures

Grade = Literal["good", "fair", "poor", "unknown"]
FAIR = 1.0
"""Faults a minute up to which a stream is fair: more are seen and heard all the time."""
ENCRYPTED = 0.5
"""Share of scrambled packets from which on nothing can be watched."""
_CONSTANT_ONLY = "only measured where null packets show a constant rate and nothing is lost"
_NO_PTS = "not measured: elementary streams are not taken apart"


class QualityIndicator(Struct, frozen=True, kw_only=True):
    """One indicator; `count` is None when it was not measured, and `note` says why or what is special."""

    number: str
    name: str
    priority: int
    count: int | None
    note: str | None = None


class StreamQuality(Struct, frozen=True, kw_only=True):
    """A stretch of stream in numbers; `seconds` of its own clock, `scrambled` a share from 0 to 1.

    PCR jitter is the farthest from a constant rate, None where that cannot be said.
    """

    grade: Grade
    sentence: str
    seconds: float
    packets: int
    scrambled: float
    pcr_interval_average_ms: float | None
    pcr_interval_most_ms: float | None
    pcr_jitter_most_us: float | None
    pat_interval_most_ms: float | None
    pmt_interval_most_ms: float | None
    pat_changes: int
    pmt_changes: int
    indicators: tuple[QualityIndicator, ...]


def quality(measures: Measures) -> StreamQuality:
    """The whole meaning of some measures."""
    m = measures
    intervals = m.pcr_intervals and m.pcr - 1
    grade, sentence = _grade(m)
    return StreamQuality(
        grade=grade,
        sentence=sentence,
        seconds=round(m.seconds, 3),
        packets=m.packets,
        scrambled=round(m.scrambled / m.packets, 4) if m.packets else 0.0,
        pcr_interval_average_ms=round(m.pcr_intervals / intervals * 1000, 3) if intervals else None,
        pcr_interval_most_ms=_milliseconds(m.pcr_interval_most),
        pcr_jitter_most_us=round(m.pcr_jitter_most * 1e6, 3) if m.steady else None,
        pat_interval_most_ms=_milliseconds(m.pat_interval_most),
        pmt_interval_most_ms=_milliseconds(m.pmt_interval_most),
        pat_changes=m.pat_changes,
        pmt_changes=m.pmt_changes,
        indicators=_indicators(m),
    )


def _indicators(m: Measures) -> tuple[QualityIndicator, ...]:
    clocked = m.pcr_intervals > 0
    rows: tuple[tuple[str, str, int | None, str | None], ...] = (
        ("1.1", "TS_sync_loss", m.sync_losses, None),
        ("1.2", "Sync_byte_error", m.sync_bytes, None),
        ("1.3", "PAT_error", m.pat_errors, "intervals by the stream's own clock"),
        ("1.4", "Continuity_count_error", m.continuity, None),
        ("1.5", "PMT_error", m.pmt_errors, "intervals by the stream's own clock"),
        ("1.6", "PID_error", m.missing_pids, "sound and pictures that are absent for 5 s"),
        ("2.1", "Transport_error", m.transport, None),
        ("2.2", "CRC_error", m.crc, "PAT, CAT and PMT; a repeated section counts once"),
        ("2.3a", "PCR_repetition_error", m.pcr_late if clocked else None, "more than 40 ms apart"),
        ("2.3b", "PCR_discontinuity_indicator_error", m.pcr_jumps if m.pcr else None, None),
        ("2.4", "PCR_accuracy_error", m.pcr_off if m.steady else None, _CONSTANT_ONLY),
        ("2.5", "PTS_error", None, _NO_PTS),
        ("2.6", "CAT_error", m.cat_errors, "seen while packets are scrambled"),
    )
    return tuple(
        QualityIndicator(
            number=number, name=name, priority=int(number[0]), count=count if m.packets else None, note=note
        )
        for number, name, count, note in rows
    )


def _grade(m: Measures) -> tuple[Grade, str]:
    if not m.packets:
        return "unknown", "Nothing was measured."
    if m.scrambled > ENCRYPTED * m.packets:
        return "poor", "The stream is encrypted: it cannot be watched."
    faults = m.sync_bytes + m.continuity + m.transport + m.crc + m.missing_pids + m.pat_errors + m.pmt_errors
    if not faults:
        return "good", "No fault was found in the stream."
    many = "1 fault was" if faults == 1 else f"{faults} faults were"
    if m.seconds <= 0:
        return "poor", f"{many} found in the stream, and it has no clock."
    rate = faults / max(m.seconds / 60, 1.0)
    if rate <= FAIR:
        return "fair", f"{many} found in {m.seconds:.0f} s of stream."
    return "poor", f"{many} found in {m.seconds:.0f} s of stream: picture and sound suffer."


def _milliseconds(seconds: float) -> float | None:
    return round(seconds * 1000, 3) if seconds else None
