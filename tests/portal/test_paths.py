"""Paths, expressions and values: pure, so any input will do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.portal import expressions, paths
from gatewayd.portal.assignments import Setting, read_settings
from gatewayd.portal.expressions import Condition, Malformed, holds
from gatewayd.portal.paths import Every, Follow, Name, Number, Path, Search
from gatewayd.portal.rights import Permission, Rights

NAMES = st.from_regex(r"[A-Z][A-Za-z0-9_\-]{0,12}", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
CONDITIONS = st.one_of(
    st.builds(
        Condition, NAMES, st.sampled_from(["==", "!=", "<", ">", "<=", ">=", "~="]), TEXTS, st.just(True)
    ),
    st.builds(
        Condition,
        NAMES,
        st.sampled_from(["==", "!=", "<", ">", "<=", ">="]),
        st.one_of(st.integers().map(str), st.sampled_from(["true", "false"])),
        st.just(False),
    ),
)
STEPS = st.one_of(
    NAMES.map(Name),
    st.integers(1, 10**8).map(Number),
    st.just(Every()),
    st.lists(CONDITIONS, min_size=1, max_size=3).map(lambda found: Search(tuple(found))),
    st.builds(Follow, NAMES, st.one_of(st.none(), st.integers(0, 999))),
)


@given(st.lists(STEPS, max_size=5))
def test_a_path_is_read_as_it_was_written(steps: list[paths.Step]) -> None:
    path = Path((Name("Device"), *steps), "object")
    if len(str(path)) <= paths.MOST:
        assert paths.read(str(path)) == path


@given(st.lists(STEPS, max_size=4), NAMES, st.sampled_from(["", "()", "!"]))
def test_a_leaf_is_read_as_it_was_written(steps: list[paths.Step], name: str, end: str) -> None:
    text = f"{Path((Name('Device'), *steps), 'object')}{name}{end}"
    if len(text) <= paths.MOST:
        read = paths.read(text)
        assert str(read) == text
        assert read.leaf == f"{name}{end}"
        assert read.object_steps == (Name("Device"), *steps)


@given(st.one_of(TEXTS, st.text(alphabet='Ab1.*[]"=&!()#+<>%{} ', max_size=40)))
def test_any_text_is_a_path_or_malformed(text: str) -> None:
    try:
        path = paths.read(text)
    except Malformed:
        return
    assert paths.read(str(path)) == path


@given(st.lists(CONDITIONS, min_size=1, max_size=4))
def test_expressions_are_read_as_they_were_written(conditions: list[Condition]) -> None:
    assert expressions.parse(expressions.render(tuple(conditions))) == tuple(conditions)


@given(st.integers(-1000, 1000), st.integers(-1000, 1000))
def test_numbers_are_compared_as_numbers(mine: int, other: int) -> None:
    for operator, expected in {
        "==": mine == other,
        "!=": mine != other,
        "<": mine < other,
        ">": mine > other,
        "<=": mine <= other,
        ">=": mine >= other,
    }.items():
        assert holds(Condition("X", operator, str(other), False), mine) is expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "operator", "other", "expected"),
    [
        (True, "==", "true", True),
        (True, "==", "1", True),
        (False, "!=", "true", True),
        ("abc", "==", "abc", True),
        ("abc", "<", "abd", False),
        ("abc", "!=", "x", True),
        (["a", "b"], "~=", "b", True),
        (["a", "b"], "~=", "c", False),
        ("a, b", "~=", "b", True),
        (["a", "b"], "==", "a,b", True),
        ("2026-01-01T00:00:00Z", "<", "2026-01-01T02:00:00+01:00", True),
        (None, "==", "", True),
        (5, "==", "five", False),
    ],
)
def test_values_of_each_kind(value: expressions.Value, operator: str, other: str, expected: bool) -> None:
    assert holds(Condition("X", operator, other, True), value) is expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["", "X", "X=1", "X==", 'X=="a', "X==1&&", "X==1&Y==2", "X==1||Y==2", "1==1", "X==nobody"]
)
def test_what_is_no_expression(text: str) -> None:
    with pytest.raises(Malformed):
        expressions.parse(text)


def test_quotes_and_percent_signs_are_encoded() -> None:
    (condition,) = expressions.parse('SSID=="say %22hi%22 100%25"')
    assert condition.value == 'say "hi" 100%'


@pytest.mark.parametrize(
    ("target", "path", "expected"),
    [
        ("Device.", "Device.WiFi.SSID.1.SSID", True),
        ("Device.WiFi.", "Device.WiFiX.SSID", False),
        ("Device.WiFi.SSID.*.SSID", "Device.WiFi.SSID.3.SSID", True),
        ("Device.WiFi.SSID.*.SSID", "Device.WiFi.SSID.3.Name", False),
        ("Device.WiFi.SSID.{i}.", "Device.WiFi.SSID.3.Name", True),
        ("Device.WiFi.SSID.{i}.", "Device.WiFi.SSID.{i}.Name", True),
        ("Device.Reboot()", "Device.Reboot()", True),
        ("Device.Reboot()", "Device.FactoryReset()", False),
    ],
)
def test_targets_of_permissions(target: str, path: str, expected: bool) -> None:
    rights = Rights(((Permission(1, (target,), {"Param": "r---"}),),))
    assert rights.allow(path, "Param", "r") is expected
    assert not rights.allow(path, "Param", "w")


def test_settings_are_read() -> None:
    found = read_settings(['Device.WiFi.SSID.[Alias=="a=b"].SSID=one%2C two=%25', "Device.A.B=  "])
    assert found == [
        Setting('Device.WiFi.SSID.[Alias=="a=b"].', "SSID", "one, two=%"),
        Setting("Device.A.", "B", "  "),
    ]


@given(st.lists(st.text(max_size=60), max_size=3))
def test_any_text_is_settings_or_malformed(parts: list[str]) -> None:
    try:
        found = read_settings(parts)
    except Malformed:
        return
    assert all(each.place.endswith(".") and each.name for each in found)
