"""`ETag` and `If-Match` for what two people may edit: a strong tag is the revision's number in quotes.

RFC 9110, 13.1.1: `*` matches whatever there is, and a weak tag nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from gatewayd.errors import GatewayError, InvalidField
from gatewayd.operations import Operation

CONDITION = "if_revision"
"""The request field of operations that know revisions."""
_TAG = re.compile(r'"(\d{1,18})"')


class _Tagged(msgspec.Struct):
    revision: int


def takes_condition(operation: Operation) -> bool:
    """Whether the operation can be bound to a revision."""
    return CONDITION in operation.request.__struct_fields__


def has_tag(operation: Operation) -> bool:
    """Whether the answer is one thing with a revision."""
    return operation.method == "GET" and "revision" in operation.result.__struct_fields__


def condition(header: str | None, operation: Operation, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that `If-Match` adds.

    Raises `request.invalid_field` when the operation cannot be bound to a revision or the body names one as
    well, and `revision.lost_race` when no tag can be one of ours.
    """
    if header is None or header.strip() == "*":
        return {}
    if not takes_condition(operation):
        raise InvalidField("If-Match", f"{operation.name} cannot be bound to a revision: leave If-Match out.")
    if given.get(CONDITION) is not None:
        raise InvalidField("If-Match", f"Give either If-Match or {CONDITION}.")
    if "," in header:
        raise InvalidField("If-Match", "If-Match takes one tag here.")
    found = _TAG.fullmatch(header.strip())
    if found is None:
        raise GatewayError(
            "revision.lost_race", "If-Match names no revision of ours: read it again.", field="If-Match"
        )
    return {CONDITION: int(found[1])}


def tag(body: bytes) -> str:
    """The `ETag` of an answer that `has_tag`."""
    return f'"{msgspec.json.decode(body, type=_Tagged).revision}"'
