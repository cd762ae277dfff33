"""What every check's result has."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from gatewayd.diagnostics.words import Layer, Status


class ProbeResult(msgspec.Struct, frozen=True, kw_only=True, tag_field="check"):
    """What one check found. Facts of a check that did not run keep their defaults."""

    layer: ClassVar[Layer] = "none"
    status: Status
    detail: str = ""
    seconds: float = 0.0
