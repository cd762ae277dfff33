"""Does television arrive?"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import Literal
from urllib.parse import urljoin, urlsplit

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.results import DnsResult, HttpResult, InternetResult, MtuResult, TlsResult
from gatewayd.diagnostics.service_results import TvResult, TvTrouble
from gatewayd.diagnostics.signal import TvChannel
from gatewayd.diagnostics.world import Download

_MULTICAST = 2.5
_SEGMENT, _MOST, _TRIES = 4.0, 20_000_000, 2
_MOST_TARGET = 3.0
"""Seconds: a playlist with longer segments is not waited for."""
_TROUBLE: dict[str, TvTrouble] = {"http": "server", "multicast": "multicast", "tuner": "signal"}
Stream = tuple[Literal["keeps_up", "slow", "stands_still", "unreachable"], float | None]


class TvCheck(Check[TvResult]):
    """The streams that are wanted now, and the provider's own probes where they are set."""

    result = TvResult
    needs = (InternetResult,)
    after = (DnsResult, HttpResult, TlsResult, MtuResult)
    limit = 2 * _SEGMENT + 6.0
    late = True

    async def run(self, around: Surroundings) -> TvResult:
        targets = around.targets
        signal = await around.house.television()
        if signal is None and targets.tv_stream_url is None and targets.tv_multicast is None:
            return self.without("skipped", "No television is to be seen.")
        flows, stream = await asyncio.gather(_multicast(around), _stream(around))
        wanted = [one for one in signal.items if one.state != "idle"] if signal is not None else []
        ill = [one for one in wanted if _is_ill(one)]
        named = tuple(one.name for one in ill[:8])
        told = [f"{len(wanted)} streams are wanted."] if signal is not None else []
        if named:
            told.append(f"In trouble: {', '.join(named)}.")
        if flows is not None:
            told.append("Multicast arrives." if flows else "Multicast does not arrive.")
        if stream is not None:
            told.append(_SAYS[stream[0]])
        return TvResult(
            status="failed" if ill or flows is False or (stream and stream[0] != "keeps_up") else "ok",
            detail=" ".join(told),
            wanted=len(wanted),
            trouble=_trouble(ill),
            channels=named,
            multicast=None if flows is None else "flows" if flows else "silent",
            stream=stream[0] if stream is not None else None,
            stream_ratio=stream[1] if stream is not None else None,
        )


_SAYS = {
    "keeps_up": "The television server keeps up.",
    "slow": "The television server delivers more slowly than the stream plays.",
    "stands_still": "The television server's playlist stands still.",
    "unreachable": "The television server does not answer.",
}


def _is_ill(one: TvChannel) -> bool:
    return one.state in ("stalled", "retrying") or (one.quality is not None and one.quality.grade == "poor")


def _trouble(ill: list[TvChannel]) -> TvTrouble | None:
    """Where most of the ill streams come from; a stream of unknown origin counts as a server's."""
    kinds = Counter(_TROUBLE[one.source or "http"] for one in ill)
    return kinds.most_common(1)[0][0] if kinds else None


async def _multicast(around: Surroundings) -> bool | None:
    group = around.targets.tv_multicast
    if group is None:
        return None
    try:
        return await around.world.multicast(group, around.wan, _MULTICAST)
    except OSError:
        return None


async def _stream(around: Surroundings) -> Stream | None:
    """Whether the newest segment comes sooner than it plays, and whether there are new ones."""
    url = around.targets.tv_stream_url
    if url is None or await around.address_of(urlsplit(url).hostname or "") is None:
        return None
    resolvers = await around.resolvers()
    text = (await around.world.get(url, resolvers, _SEGMENT)).body.decode(errors="replace")
    seconds, segment, sequence, target = read_playlist(text)
    if segment is None or not seconds:
        return ("unreachable", None)
    came, ratio = Download(), 0.0
    for _ in range(_TRIES):  # the box itself may have been busy
        came = await around.world.download(urljoin(url, segment), resolvers, _SEGMENT, _MOST)
        ratio = round(seconds / came.seconds, 2) if came.whole and came.seconds > 0 else 0.0
        if ratio >= 1:
            break
    if ratio < 1:
        return ("slow" if came.started else "unreachable", ratio)
    if target <= _MOST_TARGET:
        await around.clock.sleep(max(0.0, target * 1.5 - came.seconds))
        text = (await around.world.get(url, resolvers, _SEGMENT)).body.decode(errors="replace")
        if read_playlist(text)[2] == sequence:
            return ("stands_still", ratio)
    return ("keeps_up", ratio)


def read_playlist(text: str) -> tuple[float | None, str | None, int | None, float]:
    """The last segment's seconds and address, the number of the segment behind it, and the longest segment's
    seconds, of an HLS media playlist (RFC 8216, 4). None for what is not there. Pure."""
    seconds: float | None = None
    segment: str | None = None
    count = 0
    found = re.search(r"^#EXT-X-MEDIA-SEQUENCE:(\d+)", text, re.MULTILINE)
    longest = re.search(r"^#EXT-X-TARGETDURATION:(\d+)", text, re.MULTILINE)
    for line in text.splitlines():
        if match := re.match(r"#EXTINF:(\d+(?:\.\d+)?)", line):
            seconds = float(match[1])
        elif line.strip() and not line.startswith("#"):
            segment, count = line.strip(), count + 1
    return seconds, segment, int(found[1]) + count if found else None, float(longest[1]) if longest else 60.0
