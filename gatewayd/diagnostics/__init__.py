"""Diagnostics: one verdict, one remedy.

`checks/` probe the world (`world.py`) as `engine.py` orders them, `verdict.py` judges what they found,
`remedies.py` says what to do. `service.py` keeps the runs; `operations.py` offers them.
"""

from gatewayd.diagnostics.line import Line, open_line
from gatewayd.diagnostics.live import LiveWorld
from gatewayd.diagnostics.operations import operations
from gatewayd.diagnostics.outage_operations import outage_operations
from gatewayd.diagnostics.report import ReportBox
from gatewayd.diagnostics.service import DiagnosticsService, InternetState
from gatewayd.diagnostics.signal import TvChannel, TvQuality, TvSignal, signal_operations
from gatewayd.diagnostics.simulated import SIMULATED_TARGETS, SimulatedWorld

__all__ = [
    "SIMULATED_TARGETS",
    "DiagnosticsService",
    "InternetState",
    "Line",
    "LiveWorld",
    "ReportBox",
    "SimulatedWorld",
    "TvChannel",
    "TvQuality",
    "TvSignal",
    "open_line",
    "operations",
    "outage_operations",
    "signal_operations",
]
