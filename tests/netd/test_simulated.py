"""The demo's door refuses what netd refuses, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from gatewayd.errors import GatewayError
from gatewayd.netd import NetworkDoor, SimulatedNetwork, verbs
from gatewayd.netd.service import Netd

Ask = Callable[[NetworkDoor], Awaitable[object]]
BAD = "br lan"
REFUSED: dict[str, tuple[Ask, verbs.AnyVerb]] = {
    "set": (
        lambda door: door.nft_apply([verbs.NamedSet(name="A", kind="mac")], []),
        verbs.NftApply(sets=(verbs.NamedSet(name="A", kind="mac"),)),
    ),
    "address": (
        lambda door: door.conntrack_flush(["10.0.0.0/8"]),
        verbs.ConntrackFlush(addresses=("10.0.0.0/8",)),
    ),
    "link": (lambda door: door.link_set(BAD, up=False), verbs.LinkSet(interface=BAD, up=False)),
    "arp": (lambda door: door.arp_probe(BAD, []), verbs.ArpProbe(interface=BAD, targets=())),
    "dhcp": (lambda door: door.dhcp_probe(BAD), verbs.DhcpProbe(interface=BAD)),
    "scan": (lambda door: door.scan(BAD), verbs.Scan(interface=BAD)),
    "survey": (lambda door: door.survey(BAD), verbs.Survey(interface=BAD)),
    "radio": (lambda door: door.radio_set(BAD), verbs.RadioSet(interface=BAD)),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_both_refuse_with_the_same_code(name: str) -> None:
    ask, verb = REFUSED[name]
    with pytest.raises(GatewayError) as simulated:
        await ask(SimulatedNetwork())
    with pytest.raises(GatewayError) as real:
        await Netd().handle(verb)
    assert simulated.value.code == real.value.code == "netd.invalid"


@pytest.mark.parametrize(
    "verb",
    [
        verbs.LinkSet(interface="lo", up=False),
        verbs.ArpProbe(interface="lo", targets=("192.0.2.1",)),
        verbs.Scan(interface="lo"),
        verbs.Survey(interface="lo"),
    ],
)
async def test_loopback_is_never_touched(verb: verbs.AnyVerb) -> None:
    with pytest.raises(GatewayError) as refused:
        await Netd().handle(verb)
    assert refused.value.code == "netd.interface_not_allowed"


async def test_off_the_list_is_refused_before_it_is_looked_for() -> None:
    with pytest.raises(GatewayError) as refused:
        await Netd(frozenset({"wan0"})).handle(verbs.LinkSet(interface="lan0", up=False))
    assert refused.value.code == "netd.interface_not_allowed"


async def test_the_simulation_remembers() -> None:
    door = SimulatedNetwork()
    paused = verbs.NamedSet(name="paused", kind="mac", elements=("02:00:00:00:00:07",))
    applied = await door.nft_apply([paused], [verbs.Pause(set="paused")])
    assert (applied.elements, applied.rules) == (1, 1)
    assert door.applied.sets == (paused,)
    await door.link_set("eth9", up=False)
    assert door.down == {"eth9"}
    await door.link_set("eth9", up=True)
    assert door.down == set()
