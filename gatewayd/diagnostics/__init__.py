"""Diagnostics: one verdict, one remedy.

`checks/` probe the world (`world.py`) as `engine.py` orders them, `verdict.py` judges what they found,
`remedies.py` says what to do. `service.py` keeps the runs; `operations.py` offers them.
"""

from gatewayd.diagnostics.live import LiveWorld
from gatewayd.diagnostics.operations import operations
from gatewayd.diagnostics.service import DiagnosticsService, InternetState
from gatewayd.diagnostics.signal import TvChannel, TvQuality, TvSignal, signal_operations
from gatewayd.diagnostics.simulated import SIMULATED_TARGETS, SimulatedWorld

__all__ = [
    "SIMULATED_TARGETS",
    "DiagnosticsService",
    "InternetState",
    "LiveWorld",
    "SimulatedWorld",
    "TvChannel",
    "TvQuality",
    "TvSignal",
    "operations",
    "signal_operations",
]
