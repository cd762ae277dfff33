"""Each further check against a world that answers as the test says, up to the verdict."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gatewayd.diagnostics.certificate import Sight
from gatewayd.diagnostics.check import Surroundings
from gatewayd.diagnostics.checks import all_checks
from gatewayd.diagnostics.checks.tv import read_playlist
from gatewayd.diagnostics.engine import run_checks
from gatewayd.diagnostics.house import EmptyHouse, Station
from gatewayd.diagnostics.learned import Learned, learn
from gatewayd.diagnostics.mail_server import Exchangers, Greeting
from gatewayd.diagnostics.model import Diagnosis
from gatewayd.diagnostics.ports import Port
from gatewayd.diagnostics.results import (
    AnyResult,
    EdgeResult,
    LoadFigures,
    MtuResult,
    QualityResult,
    ping_figures,
)
from gatewayd.diagnostics.signal import TvChannel, TvSignal
from gatewayd.diagnostics.sip import Answer as SipAnswer
from gatewayd.diagnostics.verdict import judge
from gatewayd.diagnostics.words import Verdict
from gatewayd.diagnostics.world import Download, HttpAnswer
from gatewayd.settings import DiagnosticsSettings
from gatewayd.system.netlink import Neighbour
from tests.support.world import GATEWAY, TARGETS, WAN, FakeWorld

PLAN = msgspec.structs.replace(TARGETS, plan_down_mbits=100.0, plan_up_mbits=20.0)
SERVICES = msgspec.structs.replace(
    TARGETS, sip_server="203.0.113.110", mail_servers=("mail.test:993",), mail_domain="mail.test",
    cloud_url="http://cloud.test/",
    tv_multicast="239.1.1.1:5000",
)  # fmt: skip
NO_ANSWER = HttpAnswer(failure="timeout")
DEVICE = "192.168.9.10"
STALLED = Download(0, connected=True, seconds=4.0)


async def look(
    world: FakeWorld, *, targets: DiagnosticsSettings = TARGETS, **more: Any
) -> tuple[Diagnosis, dict[type[Any], AnyResult]]:
    around = Surroundings(world=world, targets=targets, wan="wan0", clock=world.clock, **more)
    results = await run_checks(all_checks(), around)
    return judge(results), {type(one): one for one in results}


def answers(size: int | None = None, *, lost: int = 0, jitter: float = 0.0) -> Any:
    """Pings: of a hundred so many are lost, evenly; those of more than `size` bytes all are."""

    def ping(target: str, count: int, content: int) -> tuple[float | None, ...]:
        if size is not None and content > size:
            return (None,) * count
        every = 100 // lost if lost else count + 1
        return tuple(
            None if number % every == every - 1 else 9.0 + jitter * (number % 2) for number in range(count)
        )

    return ping


def burst(target: str, count: int, size: int) -> tuple[float | None, ...]:
    """Ten lost in a row."""
    return tuple(None if 12 <= number < 22 else 9.0 for number in range(count))


CASES: dict[str, tuple[FakeWorld, Verdict]] = {
    "the carrier came and went": (FakeWorld(carrier=3), "LINK_FLAPPING"),
    "it did once": (FakeWorld(carrier=2), "OK"),
    "a cable with four wires": (FakeWorld(ports=Port(100, 1000, True, 0)), "LINK_SLOW_PORT"),
    "a port that can do no more": (FakeWorld(ports=Port(100, None, True, 0)), "OK"),
    "a server without addresses": (FakeWorld(v4=(), refused_by=GATEWAY), "ADDR_POOL_FULL"),
    "a lease that ran out": (FakeWorld(v4=(), had="192.0.2.20"), "ADDR_LEASE_LOST"),
    "somebody else's address": (FakeWorld(foreign_mac="02:00:00:00:00:99"), "ADDR_DUPLICATE"),
    "our own answer": (FakeWorld(foreign_mac=WAN.mac), "OK"),
    "blocked, but pings pass": (
        FakeWorld(others="timeout", web=NO_ANSWER, dns={"203.0.113.53": "timeout"}), "TCP_BLOCKED",
    ),
    "slow names": (FakeWorld(dns_ms=320.0), "DNS_SLOW"),
    "invented names": (FakeWorld(made_up=("203.0.113.99",)), "DNS_HIJACK_NX"),
    "a name with an owner": (
        FakeWorld(made_up=("203.0.113.99",), public_made_up=("203.0.113.99",)), "OK",
    ),
    "names from nowhere": (FakeWorld(canary=True), "DNS_INTERCEPTED"),
    "a page that says no": (
        FakeWorld(web=HttpAnswer(status=200, body=b"<h1>Not active</h1>"), secure=NO_ANSWER), "WALLED_GARDEN",
    ),
    "a page that asks": (
        FakeWorld(web=HttpAnswer(status=200, body=b"<FORM action=in>"), secure=NO_ANSWER), "CAPTIVE_PORTAL",
    ),
    "a clock two years slow": (
        FakeWorld(offset=6.3e7, sight=Sight("not_yet_valid")), "CLOCK_WRONG",
    ),
    "a clock seven seconds slow": (FakeWorld(offset=7.0), "OK"),
    "a foreign certificate": (FakeWorld(sight=Sight("foreign", "CN=Filter")), "TLS_INTERCEPTED"),
    "an old certificate": (FakeWorld(sight=Sight("expired")), "OK"),
    "big packets vanish": (FakeWorld(pings=answers(1300), bulk=STALLED), "MTU_BLACKHOLE"),
    "big pings vanish, downloads do not": (FakeWorld(pings=answers(1300)), "OK"),
    "the bulk server is dead": (FakeWorld(bulk=Download()), "OK"),
    "loss": (FakeWorld(pings=answers(lost=10)), "LOSS_WAN"),
    "bursts": (FakeWorld(pings=burst), "LOSS_BURSTY"),
    "jitter": (FakeWorld(pings=answers(jitter=80.0)), "JITTER_WAN"),
    "no pings at all": (FakeWorld(pings=answers(0)), "OK"),
    "a busy box": (FakeWorld(pressed=80.0, pings=answers(lost=10)), "SELF_OVERLOADED"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
async def test_a_fault_and_its_verdict(name: str) -> None:
    world, verdict = CASES[name]
    found, _ = await look(world)
    assert found.verdict == verdict, [one.detail for one in found.evidence]
    assert not found.also_seen


async def test_the_long_ping_only_where_the_short_one_is_suspicious() -> None:
    _, found = await look(FakeWorld())
    quality = found[QualityResult]
    assert isinstance(quality, QualityResult)
    assert (quality.whole, quality.status) == (False, "ok")
    _, found = await look(FakeWorld(pings=answers(lost=5)))
    quality = found[QualityResult]
    assert isinstance(quality, QualityResult)
    assert quality.whole
    assert quality.line is not None
    assert quality.line.sent == 200


async def test_one_anchor_that_spares_itself_answers_is_not_the_line() -> None:
    def one_lazy(target: str, count: int, size: int) -> tuple[float | None, ...]:
        lost = target == "203.0.113.10"
        return tuple(None if lost and number % 2 else 9.0 for number in range(count))

    assert (await look(FakeWorld(pings=one_lazy)))[0].verdict == "OK"


# --- the address, the edge, what was learned ---------------------------------------------------------------


async def test_a_home_with_the_modems_network() -> None:
    class Twice(FakeWorld):
        async def addresses(self) -> Any:
            here = await super().addresses()
            return (*here, msgspec.structs.replace(here[0], index=7, address="192.0.2.130"))

    lan = msgspec.structs.replace(WAN, index=7, name="br-lan")
    assert (await look(Twice(more_links=(lan,)), lan=("br-lan",)))[0].verdict == "ADDR_SUBNET_CLASH"
    assert (await look(Twice(more_links=(lan,))))[0].verdict == "OK"  # not the home's, so no affair of ours


async def test_the_edge_is_learned_and_missed_without_alarm() -> None:
    found, results = await look(FakeWorld())
    learned = learn(Learned(), results.values())
    assert learned.hop == "198.51.100.254"
    silent = FakeWorld(pings=lambda target, count, size: (None,) * count)
    found, results = await look(silent, learned=learned)
    edge = results[EdgeResult]
    assert isinstance(edge, EdgeResult)
    assert (edge.answered, edge.status, found.verdict) == (False, "warn", "OK")


async def test_an_address_of_this_very_cable_is_missed() -> None:
    _, results = await look(FakeWorld())
    learned = learn(Learned(), results.values())
    assert (await look(FakeWorld(v4=()), learned=learned))[0].verdict == "ADDR_LEASE_LOST"
    replugged = FakeWorld(v4=(), link=msgspec.structs.replace(WAN, carrier_changes=2))
    assert (await look(replugged, learned=learned))[0].verdict == "ADDR_NO_LEASE"


def test_a_broken_line_teaches_nothing() -> None:
    before = Learned(session="a", address="192.0.2.20", hop="198.51.100.254")
    assert learn(before, ()) == before


async def test_nat64_is_noted_on_a_line_without_ipv4() -> None:
    world = FakeWorld(v4=(), v6=("2001:db8::20",), gateway=None, aaaa=("64:ff9b::c000:aa",))
    found, _ = await look(world)
    assert found.verdict == "OK_IPV6_ONLY"
    assert any("NAT64" in note for note in found.notes)


# --- load and use of the line ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rates", "verdict", "times"),
    [([96.0], "OK", 1), ([60.0, 97.0], "OK", 2), ([60.0, 61.0], "SLOW_BELOW_PLAN", 2),
     ([None, 60.0, 62.0], "SLOW_BELOW_PLAN", 3), ([None, None, None], "OK", 3)],
)  # fmt: skip
async def test_two_rounds_below_the_plan_are_slow(
    rates: list[float | None], verdict: Verdict, times: int
) -> None:
    asked: list[str] = []

    async def load(way: str) -> LoadFigures | None:
        if way == "up":
            return LoadFigures(rounds=(20.0,))
        rate = rates[len(asked)]
        asked.append(way)
        return LoadFigures(rounds=() if rate is None else (rate,), device_limited=rate is None)

    found, _ = await look(FakeWorld(), targets=PLAN, load=load, thorough=True)
    assert (found.verdict, len(asked)) == (verdict, times)


async def test_the_delay_grows_under_load() -> None:
    async def load(way: str) -> LoadFigures | None:
        return LoadFigures(rounds=(90.0,), line=ping_figures("x", [250.0] * 9))

    assert (await look(FakeWorld(), load=load, thorough=True))[0].verdict == "BUFFERBLOAT"
    assert (await look(FakeWorld(), load=load))[0].verdict == "OK"  # nobody asked to fill the line


async def test_a_full_line_is_the_homes_own() -> None:
    assert (await look(FakeWorld(traffic=(95_000_000, 0)), targets=PLAN))[0].verdict == "BUSY_LINE"
    assert (await look(FakeWorld(traffic=(30_000_000, 0)), targets=PLAN))[0].verdict == "OK"


# --- the home and the services -----------------------------------------------------------------------------


class House(EmptyHouse):
    """Tells what the test says."""

    def __init__(
        self,
        stations: tuple[Station, ...] | None = None,
        streams: tuple[TvChannel, ...] | None = None,
        transitions: int | None = None,
    ) -> None:
        self._stations, self._streams, self._transitions = stations, streams, transitions

    async def stations(self) -> tuple[Station, ...] | None:
        return self._stations

    async def television(self) -> TvSignal | None:
        return None if self._streams is None else TvSignal(recorder=True, items=self._streams)

    async def transitions(self) -> int | None:
        return self._transitions


def stalled(source: Any) -> House:
    one = TvChannel(channel="one", name="One", state="stalled", bitrate=0.0, source=source)
    return House(streams=(one,))


@pytest.mark.parametrize(
    ("house", "verdict"),
    [
        (House(stations=(Station("Tablet", -82),)), "WIFI_WEAK"),
        (House(stations=(Station("Tablet", -60, retries=0.4),)), "WIFI_WEAK"),
        (House(stations=(Station("Tablet", -82, idle=600.0), Station("Laptop", -70))), "OK"),
        (House(stations=()), "OK"),
        (House(transitions=3), "UNSTABLE"),
        (House(transitions=2), "OK"),
        (House(streams=()), "OK"),
        (stalled("http"), "TV_STREAM_SERVER"),
        (stalled(None), "TV_STREAM_SERVER"),
        (stalled("multicast"), "TV_MULTICAST"),
        (stalled("tuner"), "TV_SIGNAL"),
    ],
)
async def test_what_the_house_tells(house: House, verdict: Verdict) -> None:
    assert (await look(FakeWorld(), house=house))[0].verdict == verdict


@pytest.mark.parametrize(
    ("world", "verdict"),
    [
        (FakeWorld(), "OK"),
        (FakeWorld(sip=SipAnswer("silent", "REGISTER")), "PHONE_REG_FAIL"),
        (FakeWorld(sip=SipAnswer("service", "REGISTER", 503)), "PHONE_REG_FAIL"),
        (FakeWorld(sip=SipAnswer("untrusted", "REGISTER")), "PHONE_REG_FAIL"),
        (FakeWorld(sip=SipAnswer("account", "REGISTER", 403)), "PHONE_ACCOUNT"),
        (FakeWorld(sip=SipAnswer("empty", "REGISTER", 200, 0)), "OK"),
        (FakeWorld(sip=SipAnswer("alive", "OPTIONS", 401)), "OK"),
        (FakeWorld(sip=SipAnswer("unresolved")), "OK"),
        (FakeWorld(flows=False), "TV_MULTICAST"),
        (FakeWorld(mail={993: Greeting("refused")}), "MAIL_UNREACHABLE"),
        (FakeWorld(mail={993: Greeting("mute")}), "MAIL_UNREACHABLE"),
        (FakeWorld(mail={993: Greeting("turned_away", 9.0)}), "MAIL_UNREACHABLE"),
        (FakeWorld(mail={993: Greeting("untrusted", 9.0)}), "OK"),
        (FakeWorld(mail={25: Greeting("timeout")}), "OK"),
        (FakeWorld(mx=Exchangers("none")), "MAIL_UNREACHABLE"),
        (FakeWorld(mx=Exchangers("refused")), "MAIL_UNREACHABLE"),
        (FakeWorld(mx=Exchangers("failed")), "OK"),
    ],
)
async def test_services(world: FakeWorld, verdict: Verdict) -> None:
    assert (await look(world, targets=SERVICES))[0].verdict == verdict


async def test_a_telephone_that_was_registered_is_missed() -> None:
    empty = FakeWorld(sip=SipAnswer("empty", "REGISTER", 200, 0))
    _, found = await look(FakeWorld(), targets=SERVICES)
    learned = learn(Learned(), found.values())
    assert learned.telephone
    assert (await look(empty, targets=SERVICES, learned=learned))[0].verdict == "PHONE_NOT_REGISTERED"
    assert (await look(empty, targets=SERVICES))[0].verdict == "OK", "there may never have been one"


def one_loses(every: int) -> Any:
    """One anchor loses one ping in so many, the others none while they are asked for two seconds."""
    loser: list[str] = []

    def ping(target: str, count: int, size: int) -> tuple[float | None, ...]:
        if count == 40 and not loser:
            loser.append(target)
        loses = target in loser or count > 40
        return tuple(None if loses and number % every == every - 1 else 9.0 for number in range(count))

    return ping


@pytest.mark.parametrize(("every", "verdict"), [(20, "LOSS_WAN"), (2, "OK")])
async def test_what_one_anchor_loses_is_looked_at_longer(every: int, verdict: Verdict) -> None:
    """But for one that loses half: that one spares itself."""
    found, results = await look(FakeWorld(pings=one_loses(every)))
    assert found.verdict == verdict
    quality = results[QualityResult]
    assert isinstance(quality, QualityResult)
    assert quality.whole is (verdict != "OK")


async def test_services_behind_a_dead_line_are_not_accused() -> None:
    world = FakeWorld(
        sip=SipAnswer("silent"), others="timeout", web=NO_ANSWER, dns={"203.0.113.53": "timeout"},
        pings=lambda target, count, size: (None,) * count,
    )  # fmt: skip
    found, _ = await look(world, targets=SERVICES)
    assert found.verdict == "ISP_UPSTREAM_DOWN"
    assert not found.also_seen


async def test_a_device_that_loses_packets() -> None:
    class Home(FakeWorld):
        async def neighbours(self) -> tuple[Neighbour, ...]:
            return (Neighbour(index=7, address=DEVICE, mac=None, state="reachable"),)

    lan = msgspec.structs.replace(WAN, index=7, name="br-lan")
    found, _ = await look(Home(pings=lossy_home, more_links=(lan,)), lan=("br-lan",))
    assert found.verdict == "LAN_CLIENT_LOSS"
    found, _ = await look(Home(more_links=(lan,)), lan=("br-lan",))
    assert found.verdict == "OK"


def lossy_home(target: str, count: int, size: int) -> tuple[float | None, ...]:
    lost = target == DEVICE
    return tuple(None if lost and number % 5 == 0 else 1.0 for number in range(count))


async def test_big_packets_are_not_tried_without_targets() -> None:
    bare = msgspec.structs.replace(TARGETS, bulk_url=None)
    _, found = await look(FakeWorld(), targets=bare)
    mtu = found[MtuResult]
    assert isinstance(mtu, MtuResult)
    assert (mtu.small, mtu.large, mtu.bulk) == (3, 3, None)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:1.5,\na.ts\n#EXTINF:2,\nb.ts\n",
         (2.0, "b.ts", 9, 2.0)),
        ("", (None, None, None, 60.0)),
        ("<html>", (None, "<html>", None, 60.0)),
    ],
)  # fmt: skip
def test_playlists(text: str, found: tuple[Any, ...]) -> None:
    assert read_playlist(text) == found
