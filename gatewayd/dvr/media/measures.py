"""What was measured of a stretch of stream: counts that add up, and extremes."""

from __future__ import annotations

import msgspec


class Measures(msgspec.Struct, kw_only=True):
    """Counts and extremes of a stretch; ETSI TR 101 290 names are in `gatewayd.dvr.quality`.

    Times are seconds of the stream's own clock (PCR), for bytes come in batches: an interval is what
    lies between two packets at the rate at which the stream was sent. Names ending in `_most` are the
    greatest seen; all others are sums.
    """

    packets: int = 0
    null: int = 0
    scrambled: int = 0
    """Packets with transport_scrambling_control other than 00."""
    sync_bytes: int = 0
    """Sync bytes that were wrong where one had to be."""
    sync_losses: int = 0
    """Times that packets did not go on at the next place either."""
    continuity: int = 0
    transport: int = 0
    seconds: float = 0.0
    """How much of the stream's clock passed."""
    pcr: int = 0
    pcr_intervals: float = 0.0
    """Sum of the intervals between neighbouring PCRs."""
    pcr_interval_most: float = 0.0
    pcr_late: int = 0
    pcr_jumps: int = 0
    pcr_jitter_most: float = 0.0
    """Farthest that a PCR was from where a constant rate puts it; only of stretches with stuffing."""
    pcr_off: int = 0
    steady: float = 0.0
    """Seconds in which jitter could be judged: null packets present, nothing lost."""
    pat: int = 0
    pat_interval_most: float = 0.0
    pat_errors: int = 0
    pat_changes: int = 0
    pmt: int = 0
    pmt_interval_most: float = 0.0
    pmt_errors: int = 0
    pmt_changes: int = 0
    crc: int = 0
    missing_pids: int = 0
    cat_errors: int = 0

    def add(self, other: Measures) -> None:
        """Takes in what was measured of another stretch."""
        for name in self.__struct_fields__:
            mine, new = getattr(self, name), getattr(other, name)
            setattr(self, name, max(mine, new) if name.endswith("_most") else mine + new)


def merged(*parts: Measures) -> Measures:
    """All of them together, as a new one."""
    together = Measures()
    for part in parts:
        together.add(part)
    return together
