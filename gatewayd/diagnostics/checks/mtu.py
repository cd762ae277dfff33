"""Do big packets pass?"""

from __future__ import annotations

import asyncio
from typing import Literal

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.lookup import endpoint
from gatewayd.diagnostics.results import AddressResult, InternetResult, LinkResult, MtuResult
from gatewayd.diagnostics.world import Download

_ASKED = 3
_SMALL, _LARGE = 1252, 1472
"""Bytes of ICMP content; 28 of headers make whole packets of 1280 and 1500 (RFC 791, RFC 792)."""
_DOWNLOAD, _MOST = 4.0, 400_000


class MtuCheck(Check[MtuResult]):
    """Small and big pings that may not be cut, and a download whose packets are all big."""

    result = MtuResult
    needs = (LinkResult, AddressResult, InternetResult)
    limit = _DOWNLOAD + 2.0

    async def run(self, around: Surroundings) -> MtuResult:
        small, large, bulk = await asyncio.gather(
            self._pings(around, _SMALL), self._pings(around, _LARGE), _bulk(around)
        )
        if small is None and bulk is None:
            return self.without("skipped", "Nothing to try big packets with is set.")
        how = _how(bulk) if bulk is not None else None
        vanish = bool(small) and large == 0
        told = []
        if small is not None:
            told.append(f"{small} of {_ASKED} middling packets and {large} of {_ASKED} big ones come back.")
        if bulk is not None:
            told.append(f"A download {_ENDED[how or 'failed']}.")
        return MtuResult(
            status="failed" if how == "stalled" and not large else "warn" if vanish else "ok",
            detail=" ".join(told),
            asked=_ASKED,
            small=small,
            large=large,
            bulk=how,
            bulk_bytes=bulk.size if bulk is not None else 0,
        )

    async def _pings(self, around: Surroundings, size: int) -> int | None:
        """How many of three came back; an anchor that answered a connection is asked."""
        connected = [one for one in around.result(InternetResult).v4 if one.outcome == "connected"]
        if not connected:
            return None
        target, _ = endpoint(connected[0].target, 443)
        times = await around.world.ping(target, count=_ASKED, interval=0.1, size=size, timeout=1.0)
        return sum(one is not None for one in times)


async def _bulk(around: Surroundings) -> Download | None:
    url = around.targets.bulk_url
    if url is None:
        return None
    return await around.world.download(url, await around.resolvers(), _DOWNLOAD, _MOST)


_ENDED = {"whole": "came whole", "stalled": "stopped in the middle", "failed": "could not be had"}


def _how(bulk: Download) -> Literal["whole", "stalled", "failed"]:
    if bulk.whole:
        return "whole"
    return "stalled" if bulk.connected and bulk.seconds >= _DOWNLOAD * 0.95 else "failed"
