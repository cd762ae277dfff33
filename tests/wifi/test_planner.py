"""The lightest step that is correct."""

from __future__ import annotations

import msgspec
import pytest

from gatewayd.wifi.model import NetworkSettings, Security, Step
from gatewayd.wifi.planner import Plan, heavier, impact, plan
from tests.wifi.settings import RADIO, home

GUEST = home(network="guest", role="guest", ssid="Guests")
WPA3 = home(security=Security.WPA3)


@pytest.mark.parametrize(
    ("before", "after", "step"),
    [
        (home(), home(revision=2), Step.NONE),
        (home(), home(passphrase="battery staple"), Step.KEYS),
        (home(), home(ssid="New"), Step.BSS),
        (home(), home(ssid="New", passphrase="battery staple"), Step.BSS),
        (home(), home(hidden=True), Step.RELOAD),
        (home(), home(isolated=True, passphrase="battery staple"), Step.RELOAD),
        (home(), home(security=Security.WPA2_WPA3), Step.RESTART),
        (WPA3, home(security=Security.WPA3, passphrase="battery staple"), Step.RESTART),
        (WPA3, home(security=Security.WPA3, ssid="New"), Step.RESTART),
        (WPA3, home(security=Security.WPA3, hidden=True), Step.RELOAD),
    ],
)
def test_steps(before: NetworkSettings, after: NetworkSettings, step: Step) -> None:
    assert plan(RADIO, (GUEST, before), (GUEST, after)).step is step
    touched = () if step is Step.NONE else ("home",)
    assert plan(RADIO, (GUEST, before), (GUEST, after)).networks == touched


def test_what_is_not_known_or_has_another_shape_is_restarted() -> None:
    assert plan(RADIO, None, (home(),)) == Plan(step=Step.RESTART)
    assert plan(RADIO, (home(),), (GUEST, home())).step is Step.RESTART
    assert plan(RADIO, (home(),), ()).step is Step.RESTART
    other = msgspec.structs.replace(RADIO, channel=11)
    assert plan(RADIO, (home(),), (home(),), before_radio=other).step is Step.RESTART


def test_heavier() -> None:
    assert heavier(Step.KEYS, Step.RELOAD) is heavier(Step.RELOAD, Step.KEYS) is Step.RELOAD


def test_the_impact_counts_who_is_thrown_off() -> None:
    stations = {"home": 3, "guest": 2}
    told = {
        step: impact(Plan(step=step), home(), home(ssid="New"), stations).stations_dropped for step in Step
    }
    assert told == {Step.NONE: 0, Step.KEYS: 3, Step.BSS: 3, Step.RELOAD: 5, Step.RESTART: 5}
    assert not impact(Plan(step=Step.RELOAD), home(), home(hidden=True), stations).need_new_credentials
    assert impact(Plan(step=Step.KEYS), home(), home(passphrase="other one"), stations).need_new_credentials
