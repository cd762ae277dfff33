"""What television's operations take in common: ids, addresses, moments, pages."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

Identifier = Annotated[str, Meta(min_length=1, max_length=64)]
Url = Annotated[str, Meta(min_length=1, max_length=2048)]
Label = Annotated[str, Meta(max_length=200)]
Moment = Annotated[datetime, Meta(tz=True)]
Cursor = Annotated[str, Meta(max_length=200)]
Limit = Annotated[int, Meta(ge=1, le=500)]

CHANGE: dict[str, Any] = {"mutates": True, "recovery": "transaction"}
"""What most changes of television are: they take effect with their unit."""
