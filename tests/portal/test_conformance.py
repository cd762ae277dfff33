"""The table of conformance in docs/portal.md says what the tests show."""

from __future__ import annotations

from tests.support import conformance


def test_every_mandatory_case_is_passed() -> None:
    done = conformance.passed()
    missing = [
        f"{section}.{number}"
        for section, (_title, mandatory, _conditional) in conformance.SECTIONS.items()
        for number in sorted(mandatory)
        if (section, number) not in done
    ]
    assert missing == []


def test_what_is_shown_elsewhere_is_there() -> None:
    done = conformance.passed()
    for case, name in conformance.ELSEWHERE.items():
        assert name in done.get(case, []), name


def test_what_is_not_applicable_is_conditional_and_not_passed() -> None:
    done = conformance.passed()
    for section, number in conformance.NOT_APPLICABLE:
        assert number in conformance.SECTIONS[section].conditional
        assert (section, number) not in done


def test_the_document_is_up_to_date() -> None:
    """After a change of the tests: python -m tests.support.conformance"""
    text = conformance.DOCUMENT.read_text()
    begin = text.index(conformance.BEGIN) + len(conformance.BEGIN)
    assert text[begin : text.index(conformance.END)] == conformance.section()
