"""What netd accepts, and that nothing it renders can leave its own table."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from gatewayd.errors import GatewayError
from gatewayd.netd import limits, rules, verbs
from tests.netd.strategies import ANY_APPLY, acceptable

MAC = "02:00:00:00:00:07"


def test_a_pause_of_addresses_drops_both_ways() -> None:
    wanted = verbs.NftApply(
        sets=(verbs.NamedSet(name="p", kind="ipv4", elements=("10.0.0.7",)),), rules=(verbs.Pause(set="p"),)
    )
    rendered = [
        one["add"]["rule"] for one in rules.commands(wanted)["nftables"] if "rule" in one.get("add", {})
    ]
    assert [rule["expr"][0]["match"]["left"]["payload"]["field"] for rule in rendered] == ["saddr", "daddr"]
    assert all(rule["expr"][-1] == {"drop": None} for rule in rendered)


def test_nothing_wanted_removes_the_table() -> None:
    table = {"table": {"family": "inet", "name": "gatewayd"}}
    assert rules.commands(verbs.NftApply()) == {"nftables": [{"add": table}, {"delete": table}]}


@pytest.mark.parametrize(
    ("sets", "wanted_rules"),
    [
        ([("Paused", "mac", ())], []),
        ([("p; flush ruleset", "mac", ())], []),
        ([("p", "mac", ()), ("p", "ipv4", ())], []),
        ([("p", "mac", ("02:00:00:00:00",))], []),
        ([("p", "mac", ("03:00:00:00:00:07",))], []),
        ([("p", "mac", ("10.0.0.1",))], []),
        ([("p", "ipv4", ("10.0.0.1/8",))], []),
        ([("p", "ipv4", ("2001:db8::1",))], []),
        ([("p", "ipv6", ("fe80::1%eth0",))], []),
        ([], [verbs.Pause(set="p")]),
        ([], [verbs.GuestIsolation(guest="br-guest", home=())]),
        ([], [verbs.GuestIsolation(guest="br-lan", home=("br-lan",))]),
        ([], [verbs.GuestIsolation(guest="@p", home=("br-lan",))]),
        ([], [verbs.GuestIsolation(guest="eth*", home=("br-lan",))]),
        ([], [verbs.GuestIsolation(guest="a" * 16, home=("br-lan",))]),
        ([(f"p{number}", "mac", ()) for number in range(limits.MOST_SETS + 1)], []),
        ([("p", "ipv4", tuple(f"10.0.{n >> 8}.{n & 255}" for n in range(limits.MOST_ELEMENTS + 1)))], []),
        ([("p", "mac", ())], [verbs.Pause(set="p")] * (limits.MOST_RULES + 1)),
    ],
)
def test_refused(sets: list[Any], wanted_rules: list[verbs.Rule]) -> None:
    named = tuple(verbs.NamedSet(name=name, kind=kind, elements=elements) for name, kind, elements in sets)
    with pytest.raises(GatewayError) as refused:
        limits.nft_apply(verbs.NftApply(sets=named, rules=tuple(wanted_rules)))
    assert refused.value.code == "netd.invalid"


def test_elements_are_normalised_and_unique() -> None:
    wanted = verbs.NamedSet(name="p", kind="ipv6", elements=("2001:DB8:0::1", "2001:db8::1"))
    assert limits.named_set(wanted).elements == ("2001:db8::1",)


def stays_at_home(batch: dict[str, Any]) -> None:
    """Every command adds to, or deletes, the table `inet gatewayd`, and nothing else exists in the batch."""
    assert list(batch) == ["nftables"]
    for command in batch["nftables"]:
        ((verb, wrapped),) = command.items()
        ((kind, body),) = wrapped.items()
        assert verb == "add" or (verb, kind) == ("delete", "table")
        assert kind in {"table", "set", "chain", "rule"}
        assert body["family"] == "inet"
        assert body["name" if kind == "table" else "table"] == "gatewayd"
        if kind == "rule":
            assert body["expr"][-1] in ({"drop": None}, {"accept": None})


@settings(max_examples=300, deadline=None)
@given(ANY_APPLY)
def test_whatever_is_asked_is_refused_or_stays_in_our_table(wanted: verbs.NftApply) -> None:
    refusal: GatewayError | None = None
    try:
        stays_at_home(rules.commands(limits.nft_apply(wanted)))
    except GatewayError as error:
        refusal = error
    assert refusal is None or refusal.code == "netd.invalid"


@settings(max_examples=200, deadline=None)
@given(acceptable())
def test_what_is_right_is_accepted(wanted: verbs.NftApply) -> None:
    checked = limits.nft_apply(wanted)
    assert limits.nft_apply(checked) == checked
    stays_at_home(rules.commands(checked))
