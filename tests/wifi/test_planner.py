"""The lightest step that is correct, never a lighter one; what is not known to work is not tried."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.system.secret import Secret
from gatewayd.wifi.abilities import RESTART_ONLY, Abilities, abilities, read_version
from gatewayd.wifi.commands import commands
from gatewayd.wifi.model import Band, DeviceKey, NetworkSettings, Security, Step
from gatewayd.wifi.planner import How, Plan, differences, heavier, impact, plan
from gatewayd.wifi.render import Places, assign_slots, render
from tests.wifi.settings import GUEST, RADIO, home

OLD = abilities("mac80211_hwsim", (2, 10))
NEW = abilities("mac80211_hwsim", (2, 11))
WPA3 = home(security=Security.WPA3)
MIXED = home(security=Security.WPA2_WPA3)
KEY = DeviceKey(id="lamp", label="Lamp", passphrase=Secret("lamp password"))
EVERY = (OLD, NEW, RESTART_ONLY, abilities("brcmfmac", (2, 10)))
_ORDER = tuple(Step)
PLACES = Places(configuration=Path("/state"), control=Path("/run"))


def steps(able: Abilities, before: NetworkSettings, after: NetworkSettings, *, first: str = "home") -> Plan:
    """The plan for `home` beside a guest network that stays."""
    return plan(RADIO, able, (GUEST, before), (GUEST, after), first=first)


@pytest.mark.parametrize(
    ("before", "after", "old", "new"),
    [
        (home(), home(revision=2), Step.NONE, Step.NONE),
        (home(), home(passphrase="battery staple"), Step.KEYS, Step.KEYS),
        (home(), home(keys=(KEY,)), Step.KEYS, Step.KEYS),
        (home(), home(ssid="New"), Step.BSS, Step.BSS),
        (home(), home(ssid="New", passphrase="battery staple"), Step.BSS, Step.BSS),
        (home(), home(hidden=True), Step.BSS, Step.BSS),
        (home(), home(isolated=True, passphrase="battery staple"), Step.RESTART, Step.BSS),
        (home(), home(isolated=True), Step.RELOAD, Step.BSS),
        (home(), home(bridge="br-lan"), Step.RESTART, Step.RESTART),
        (home(), MIXED, Step.RESTART, Step.BSS),
        (home(), home(security=Security.OPEN, passphrase=None), Step.RESTART, Step.RESTART),
        (WPA3, home(security=Security.WPA3, passphrase="battery staple"), Step.BSS, Step.BSS),
        (MIXED, home(security=Security.WPA2_WPA3, ssid="New"), Step.BSS, Step.BSS),
        (WPA3, home(security=Security.WPA3, hidden=True), Step.BSS, Step.BSS),
    ],
)
def test_steps_of_2_10_and_2_11(
    before: NetworkSettings, after: NetworkSettings, old: Step, new: Step
) -> None:
    assert (steps(OLD, before, after).step, steps(NEW, before, after).step) == (old, new)
    light = steps(OLD, before, after)
    assert light.networks == (("home",) if light.step in (Step.KEYS, Step.BSS) else ())


def test_a_network_that_is_not_the_first_is_taken_away_and_put_back() -> None:
    for after in (MIXED, home(bridge="br-lan"), home(security=Security.OPEN, passphrase=None)):
        assert steps(OLD, home(), after, first="guest") == Plan(step=Step.BSS, acts=(("home", How.SWAP),))
        assert steps(NEW, home(), after, first="home").step is not Step.RELOAD
    both = (GUEST, home())
    assert plan(RADIO, OLD, (home(),), both, first="home").acts == (("guest", How.ADD),)
    assert plan(RADIO, OLD, both, (home(),), first="home").acts == (("guest", How.REMOVE),)
    assert plan(RADIO, OLD, both, (GUEST,), first="home").step is Step.RESTART
    assert plan(RADIO, NEW, (home(),), both, first="home").step is Step.RESTART


def test_what_is_not_known_is_restarted() -> None:
    assert plan(RADIO, OLD, None, (home(),), first="home").step is Step.RESTART
    assert plan(RADIO, OLD, (home(),), (), first="home").step is Step.RESTART
    for able in (RESTART_ONLY, abilities("brcmfmac", (2, 10)), abilities("wl", (2, 10))):
        assert steps(able, home(), home(passphrase="battery staple")).step is Step.RESTART
    for version in (None, (2, 9)):
        assert abilities("mac80211_hwsim", version) == RESTART_ONLY


def test_another_channel_is_announced_and_nothing_else_is() -> None:
    old = msgspec.structs.replace(RADIO, channel=11)
    for able, step in ((OLD, Step.CSA), (NEW, Step.RESTART)):
        assert plan(RADIO, able, (home(),), (home(),), first="home", before_radio=old).step is step
    renamed = (home(ssid="New"),)
    assert plan(RADIO, OLD, (home(),), renamed, first="home", before_radio=old).step is Step.RESTART
    five = msgspec.structs.replace(RADIO, channel=36, band=Band.GHZ_5)
    assert plan(RADIO, OLD, (home(),), (home(),), first="home", before_radio=five).step is Step.RESTART


words = st.sampled_from(["correct horse", "battery staple"])


@st.composite
def networks(draw: st.DrawFn) -> tuple[NetworkSettings, ...]:
    found = []
    for name in draw(st.sets(st.sampled_from(["home", "guest", "iot"]), max_size=3)):
        security = draw(st.sampled_from(Security))
        passphrase = Secret(draw(words)) if security.has_passphrase else None
        keys = (KEY,) if security is Security.WPA2 and draw(st.booleans()) else ()
        found.append(
            home(
                network=name,
                ssid=draw(st.sampled_from(["One", "Two"])),
                security=security,
                passphrase=passphrase,
                hidden=draw(st.booleans()),
                isolated=draw(st.booleans()),
                bridge=draw(st.sampled_from([None, "br-lan"])),
                keys=keys,
            )
        )
    return tuple(sorted(found, key=lambda one: one.network))


@given(before=networks(), after=networks(), able=st.sampled_from(EVERY))
def test_never_lighter_than_correct(
    before: tuple[NetworkSettings, ...], after: tuple[NetworkSettings, ...], able: Abilities
) -> None:
    slots = assign_slots({}, before)
    first = next((name for name, slot in slots.items() if slot == 0), None)
    todo = plan(RADIO, able, before, after, first=first)
    assert todo == plan(RADIO, able, before, after, first=first)
    old, new = ({n.network: n for n in some} for some in (before, after))
    least = Step.NONE
    for name in old.keys() | new.keys():
        least = heavier(least, _correct(old.get(name), new.get(name), is_first=name == first))
    assert _ORDER.index(todo.step) >= _ORDER.index(least)
    if able is RESTART_ONLY:
        assert todo.step in (Step.NONE, Step.RESTART)
    if todo.step in (Step.KEYS, Step.BSS):  # whatever differs is done, nothing else is touched
        differing = {n for n in old.keys() | new.keys() if n not in old or n not in new}
        differing |= {n for n in old.keys() & new.keys() if differences(old[n], new[n])}
        assert set(todo.networks) == differing
        assert all(how in _known(able) for _, how in todo.acts)


def _correct(old: NetworkSettings | None, new: NetworkSettings | None, *, is_first: bool) -> Step:
    """The lightest step that anybody has seen to work, written down independently of the planner."""
    if old is None or new is None:
        return Step.RESTART if is_first else Step.BSS
    if old.same_as(new):
        return Step.NONE
    only_keys = msgspec.structs.replace(new, passphrase=old.passphrase, keys=old.keys).same_as(old)
    if only_keys and (new.security is Security.WPA2 or old.passphrase == new.passphrase):
        return Step.KEYS
    return Step.RESTART if is_first and old.bridge != new.bridge else Step.BSS


def _known(able: Abilities) -> set[How]:
    known = {How.KEYS} if able.keys else set()
    known |= {How.EDIT} if able.edit else set()
    known |= {How.RENEW} if able.reload_bss else set()
    return known | ({How.ADD, How.REMOVE, How.SWAP} if able.swap else set())


@given(before=networks(), after=networks())
def test_slots_are_held_and_the_first_is_never_empty(
    before: tuple[NetworkSettings, ...], after: tuple[NetworkSettings, ...]
) -> None:
    held = assign_slots({}, before)
    slots = assign_slots(held, after)
    assert set(slots) == {network.network for network in after}
    assert len(set(slots.values())) == len(slots)
    assert not slots or 0 in slots.values()
    moved = {name for name in held.keys() & slots.keys() if held[name] != slots[name]}
    assert not moved or (len(moved) == 1 and slots[moved.pop()] == 0)


def test_the_words_of_2_10_and_of_2_11() -> None:
    def told(how: How, old: NetworkSettings, new: NetworkSettings) -> list[str]:
        section = render(RADIO, (new,), PLACES).alone["home"]
        return list(commands(how, old, new, section))

    other = home(security=Security.WPA2_WPA3, passphrase="battery staple")
    assert told(How.EDIT, MIXED, other) == [
        "SET sae_password ",
        "SET sae_password battery staple",
        "PMKSA_FLUSH",
        "RELOAD_WPA_PSK",
    ]
    assert told(How.EDIT, home(), home(ssid="New", hidden=True)) == [
        "SET ssid2 4e6577",
        "SET ignore_broadcast_ssid 1",
        "PMKSA_FLUSH",
        "RELOAD_WPA_PSK",
        "UPDATE_BEACON",
    ]
    assert told(How.KEYS, home(), home(passphrase="battery staple")) == ["PMKSA_FLUSH", "RELOAD_WPA_PSK"]
    assert told(How.RENEW, home(), other) == [
        "SET sae_password ",
        "SET ssid2 4d61706c6520537472656574",
        "SET ignore_broadcast_ssid 0",
        "SET ap_isolate 0",
        "SET wpa 2",
        "SET wpa_key_mgmt WPA-PSK SAE",
        "SET rsn_pairwise CCMP",
        "SET ieee80211w 1",
        "SET wpa_psk_file /state/radio0-home.psk",
        "SET sae_password battery staple",
        "SET sae_require_mfp 1",
        "SET sae_pwe 2",
        "PMKSA_FLUSH",
        "RELOAD_BSS",
        "PMKSA_FLUSH",
        "RELOAD_WPA_PSK",
    ]


def test_versions() -> None:
    assert read_version("hostapd v2.10\nUser space IEEE 802.11 ...") == (2, 10)
    assert read_version("hostapd v2.11-devel-hostap_2_11") == (2, 11)
    assert read_version("no such program") is None


def test_the_impact_counts_who_is_thrown_off() -> None:
    stations = {"home": 3, "guest": 2}

    def dropped(before: NetworkSettings, after: NetworkSettings, able: Abilities = OLD) -> int:
        return impact(steps(able, before, after), before, after, stations).stations_dropped

    assert dropped(home(), home(ssid="New")) == dropped(home(), home(passphrase="battery staple")) == 3
    assert dropped(home(), home(hidden=True)) == dropped(home(), home(keys=(KEY,))) == 0
    assert dropped(home(keys=(KEY,)), home()) == 3  # at most: those who used the key
    assert dropped(home(), home(ssid="New"), RESTART_ONLY) == 5
    assert dropped(home(), home(isolated=True)) == 5
    told = impact(steps(OLD, home(), home(hidden=True)), home(), home(hidden=True), stations)
    assert not told.need_new_credentials
    changed = home(passphrase="other one")
    assert impact(steps(OLD, home(), changed), home(), changed, stations).need_new_credentials
