"""Multicast over a cable: a provider's set-top network in one namespace, the recorder in another."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gatewayd.dvr.media.messages import DesiredChannel, Gap, Range, Source, SourceFailed
from tests.lab.netns import Namespace, veth
from tests.support.multicast import Sender, datagrams
from tests.support.recorder import RecorderProcess, until
from tests.support.ts import transport_stream

pytestmark = [pytest.mark.netns]

PORT = 5004
PROVIDER, BOX = "192.168.79.1", "192.168.79.2"


def channel(group: str, span: Range) -> DesiredChannel:
    """The channel of a group is called by the recording's id."""
    host = f"[{group}]" if ":" in group else group
    source = Source(kind="udp", url=f"rtp://{host}:{PORT}", interface="tv0")
    return DesiredChannel(id=span.id, source=source, ranges=(span,))


async def test_groups_come_in_by_the_interface_that_is_named(
    tmp_path: Path, namespaces: Callable[[str], Namespace]
) -> None:
    """Two groups on one port, one of them over IPv6; a group is joined while it is wanted, and left after."""
    provider, box = namespaces("provider"), namespaces("box")
    veth(provider, box, names=("tv0", "tv0"), addresses=(f"{PROVIDER}/24", f"{BOX}/24"))
    for namespace, address in ((provider, "fd00:79::1/64"), (box, "fd00:79::2/64")):
        namespace.address("tv0", address)
    groups = ("239.79.0.1", "ff0e::79:2")

    def sender(group: str) -> Sender:
        return Sender(group, PORT, address=PROVIDER, index=socket.if_nametoindex("tv0"))

    senders = [provider.call(sender, group) for group in groups]
    streams = [transport_stream(2, 2_000_000), transport_stream(3, 1_000_000)]
    before = ("ip", "netns", "exec", box.name)
    async with RecorderProcess(tmp_path, before=before) as recorder:
        now = time.time()
        spans = [Range(id=name, start=now, stop=now + 4) for name in "ab"]
        await recorder.desire(*(channel(group, one) for group, one in zip(groups, spans, strict=True)))
        await until(lambda: joined(box, *groups))
        paces = [
            one.pace(datagrams(stream, rtp=True), 8_000_000)
            for one, stream in zip(senders, streams, strict=True)
        ]
        while sum(next(pace, True) is None for pace in paces):
            await asyncio.sleep(0.01)
        for span, stream in zip(spans, streams, strict=True):
            await recorder.done(span.id)
            located = await recorder.locate(span.id, span.start, span.stop)
            assert recorder.read(located.slices) == stream
            assert located.errors.continuity == located.errors.sync == 0
        await until(lambda: joined(box, none=True))
        assert await recorder.journal(SourceFailed) == []
    for one in senders:
        one.close()


@pytest.mark.long
async def test_a_cable_that_is_pulled_is_a_gap(
    tmp_path: Path, namespaces: Callable[[str], Namespace]
) -> None:
    provider, box = namespaces("provider"), namespaces("box")
    veth(provider, box, names=("tv0", "tv0"), addresses=(f"{PROVIDER}/24", f"{BOX}/24"))
    one = provider.call(lambda: Sender("239.79.0.1", PORT, address=PROVIDER))
    packets = datagrams(transport_stream(10, 2_000_000), rtp=True)
    async with RecorderProcess(tmp_path, before=("ip", "netns", "exec", box.name)) as recorder:
        now = time.time()
        await recorder.desire(channel("239.79.0.1", Range(id="a", start=now, stop=now + 18)))
        await until(lambda: joined(box, "239.79.0.1"))
        sending = asyncio.create_task(_send(one, packets * 3))
        await asyncio.sleep(2)
        await asyncio.to_thread(box.ip, "link", "set", "tv0", "down")
        [failed, *_] = await until(lambda: recorder.journal(SourceFailed))
        assert failed.code == "dvr.source_stalled"
        await asyncio.to_thread(box.up, "tv0")
        await recorder.done("a", 40)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        [gap] = await recorder.journal(Gap)
        assert now + 1 < gap.start < now + 4
        assert gap.stop < now + 18  # it came back by itself
    one.close()


async def _send(sender: Sender, packets: list[bytes]) -> None:
    for _ in sender.pace(packets, 2_000_000):
        await asyncio.sleep(0.01)


async def joined(box: Namespace, *groups: str, none: bool = False) -> bool:
    """Whether these television groups are joined in the namespace, or none at all."""
    told = await asyncio.to_thread(box.ip, "maddress", "show", "dev", "tv0")
    return (
        "239.79." not in told and "ff0e::79" not in told
        if none
        else all(f"{group}\n" in told for group in groups)
    )
