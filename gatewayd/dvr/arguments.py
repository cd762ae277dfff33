"""What television's operations take in common: ids, addresses, moments, pages."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta

from gatewayd.operations import Request

Identifier = Annotated[str, Meta(min_length=1, max_length=64)]
Url = Annotated[str, Meta(min_length=1, max_length=2048)]
Label = Annotated[str, Meta(max_length=200)]
Moment = Annotated[datetime, Meta(tz=True)]
Cursor = Annotated[str, Meta(max_length=200)]
Limit = Annotated[int, Meta(ge=1, le=500)]

CHANGE: dict[str, Any] = {"mutates": True, "recovery": "transaction"}
"""What most changes of television are: they take effect with their unit."""


def given(request: Request, *without: str) -> dict[str, Any]:
    """The fields of a partial update that were given, but for those that say how or of what."""
    fields = msgspec.structs.asdict(request).items()
    return {name: value for name, value in fields if value is not UNSET and name not in without}
