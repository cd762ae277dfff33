"""Television's rows of the operations table."""

from __future__ import annotations

from gatewayd.dvr import (
    export_operations,
    playback_operations,
    recording_operations,
    source_operations,
    storage_operations,
)
from gatewayd.dvr.service import DvrService
from gatewayd.operations import Operation


def operations(service: DvrService) -> tuple[Operation, ...]:
    """The rows of `dvr.*`."""
    return (
        *source_operations.operations(service),
        *recording_operations.operations(service),
        *export_operations.operations(service),
        *playback_operations.operations(service),
        *storage_operations.operations(service),
    )
