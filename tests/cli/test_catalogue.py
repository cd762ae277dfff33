"""From an operation's name and arguments to an HTTP request, by the box's own document."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.cli.catalogue import Catalogue
from gatewayd.cli.refusals import Refused

DOCUMENT = {
    "paths": {
        "/v1/lamps": {
            "get": {"operationId": "lamps.list", "summary": "All lamps", "x-mutates": False},
            "post": {"operationId": "lamps.create", "x-mutates": True},
        },
        "/v1/lamps/{lamp}": {
            "patch": {"operationId": "lamps.update", "x-mutates": True},
            "delete": {"operationId": "lamps.delete", "x-mutates": True},
        },
        "/v1/claim": {"post": {"operationId": "claim.start", "x-mutates": False}},
        "/v1/events": {"get": {"summary": "no operation"}},
    }
}
CATALOGUE = Catalogue(DOCUMENT)
TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


def test_operations_are_listed_by_name() -> None:
    assert [row.name for row in CATALOGUE] == [
        "claim.start",
        "lamps.create",
        "lamps.delete",
        "lamps.list",
        "lamps.update",
    ]


@given(lamp=TEXT, value=st.recursive(st.none() | st.booleans() | st.integers() | TEXT, st.lists))
def test_path_and_body_carry_every_value_as_it_is(lamp: str, value: Any) -> None:
    request = CATALOGUE.request("lamps.update", {"lamp": lamp, "value": value})
    assert (request.method, request.mutates) == ("PATCH", True)
    head, name = request.path.rsplit("/", 1)
    assert (head, unquote(name)) == ("/v1/lamps", lamp)
    assert request.body is not None
    assert json.loads(request.body) == {"value": value}


@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), TEXT, max_size=4))
def test_a_get_carries_its_arguments_in_the_query(arguments: dict[str, str]) -> None:
    request = CATALOGUE.request("lamps.list", arguments)
    assert request.body is None
    assert request.mutates is False
    query = parse_qs(urlsplit(request.path).query, keep_blank_values=True)
    assert query == {name: [value] for name, value in arguments.items()}


def test_queries_carry_lists_numbers_and_booleans_as_the_box_reads_them() -> None:
    request = CATALOGUE.request("lamps.list", {"tags": ["a", "b"], "on": True, "limit": 3, "cursor": None})
    assert parse_qs(urlsplit(request.path).query) == {"tags": ["a,b"], "on": ["true"], "limit": ["3"]}


def test_a_deletion_has_no_body_and_a_call_without_arguments_neither() -> None:
    assert CATALOGUE.request("lamps.delete", {"lamp": "a/b"}) == ("DELETE", "/v1/lamps/a%2Fb", None, True)
    assert CATALOGUE.request("claim.start", {}) == ("POST", "/v1/claim", None, False)


def test_an_unknown_operation_gets_a_guess() -> None:
    with pytest.raises(Refused) as refused:
        CATALOGUE.request("lamp.list", {})
    assert refused.value.problem["code"] == "operation.unknown"
    assert "lamps.list" in refused.value.message


@pytest.mark.parametrize("arguments", [{}, {"lamp": None}, {"other": 1}])
def test_a_missing_field_of_the_path_is_named(arguments: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        CATALOGUE.request("lamps.update", arguments)
    assert (refused.value.problem["code"], refused.value.problem["field"]) == (
        "request.missing_field",
        "lamp",
    )
