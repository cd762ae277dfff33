"""What a rule of the verdict says, and the numbers beyond which something is a fault."""

from __future__ import annotations

from typing import NamedTuple

from gatewayd.diagnostics.words import Confidence, Verdict

LAG_MS = 50.0
LAG_TOO_MUCH_MS = 250.0
PRESSURE = 40.0
DISK_FREE = 0.05
OFFSET_WARN, OFFSET_WRONG = 5.0, 60.0
"""Seconds. From a minute on, second factors and short-lived tokens fail."""
CHANGES = 3
DNS_SLOW_MS = 150.0
LOSS_WARN, LOSS_FAIL, LOSS_FEWEST = 0.01, 0.05, 3
BURST = 4
JITTER_MS = 30.0
BLOAT_WARN_MS, BLOAT_FAIL_MS = 50.0, 100.0
RPM_WARN, RPM_FAIL = 1000.0, 300.0
PLAN = 0.8
BUSY = 0.7
SIGNAL_WARN_DBM, SIGNAL_FAIL_DBM = -67, -75
RETRIES = 0.2
CLIENT_LOSS, CLIENT_LOSS_SURE = 0.02, 0.1
TRANSITIONS = 3
MAIL_FAILS = frozenset({"turned_away", "mute", "refused", "timeout", "unreachable"})
"""How a mail server that cannot be used answers. A wrong certificate may be a private server's."""


class Found(NamedTuple):
    """A fault that a rule sees, and how sure it is."""

    verdict: Verdict
    confidence: Confidence
