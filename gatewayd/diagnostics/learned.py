"""What a line was like while it was well: what is missing later is told by it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from gatewayd.diagnostics.facts import facts
from gatewayd.diagnostics.results import AnyResult


class Learned(msgspec.Struct, frozen=True, kw_only=True):
    """`session` names the cable's uninterrupted signal during which `address` was seen; `hop` is the
    provider's first router beyond the gateway. `telephone`: one was registered with the account."""

    session: str | None = None
    address: str | None = None
    hop: str | None = None
    telephone: bool = False


def learn(before: Learned, results: Iterable[AnyResult]) -> Learned:
    """What is known after these results. Only a working line teaches anything. Pure."""
    seen = facts(results)
    if not seen.online or not seen.address.v4:
        return before
    return Learned(
        session=seen.link.session,
        address=seen.address.v4[0],
        hop=seen.edge.hop or before.hop,
        telephone=before.telephone or bool(seen.phone.bindings),
    )
