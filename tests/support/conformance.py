"""The table of TP-469 cases in docs/portal.md, made from the tests: `python -m tests.support.conformance`.

TP-469 1.4 is the Broadband Forum's conformance test plan of USP. A case is passed when a test of ours carries
its number (`test_1_14_...`, `test_2_11_and_2_12_...`, `test_1_46_to_1_51_...`) or is named for it below.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "portal"
DOCUMENT = ROOT / "docs" / "portal.md"
BEGIN, END = "<!-- conformance: begin -->\n", "<!-- conformance: end -->\n"
_TEST = re.compile(r"^(?:async )?def (test_\w+)\(", re.MULTILINE)
_NUMBERED = re.compile(r"test_(\d+)_(\d+)(?:_(and|to)_\1_(\d+))?(?:_|\Z)")

Case = tuple[int, int]


class Section(NamedTuple):
    """One section of the plan: the mandatory and the conditional cases."""

    title: str
    mandatory: frozenset[int]
    conditional: frozenset[int]


def _numbers(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split():
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return frozenset(found)


SECTIONS = {
    1: Section(
        "messages and paths",
        _numbers("1-9 11-54 57-58 66-68 70 72-77 80-82 84 86-90 95-96 99 104 107"),
        _numbers("10 55-56 59-62 64-65 71 78-79 83 91-94 97-98 100-103 105-106"),
    ),
    2: Section("access", _numbers("1-2"), _numbers("6-27")),
    3: Section("Records", _numbers("1"), _numbers("2-15")),
    7: Section("WebSocket", frozenset(), _numbers("1-2 4 6-12")),
    9: Section("functions", frozenset(), _numbers("2-11")),
    11: Section("MQTT", frozenset(), _numbers("1-17")),
}

ELSEWHERE: dict[Case, str] = {
    (2, 8): "test_certificates_and_the_access_list",
    (3, 4): "test_over_tls_with_the_boxs_key",
    (3, 5): "test_certificates_and_the_access_list",
    (7, 8): "test_the_back_off_is_full_jitter",
    (7, 10): "test_7_12_says_who_it_is_and_answers_also_what_comes_in_fragments",
    (11, 3): "test_over_tls_with_the_boxs_key",
    (11, 6): "test_what_was_not_acknowledged_comes_again",
    (11, 12): "test_introduces_itself_and_answers",
}
"""Cases of the transports and the test that shows each."""

_SESSIONS = "sessions of Records (E2E) are not spoken: such a Record gets a Disconnect with 7106"
_FIRMWARE = "the firmware is not updated over this link yet"
NOT_APPLICABLE: dict[Case, str] = {
    **{(1, number): "OnBoardingComplete came with a later data model (2.17)" for number in (101, 102, 103)},
    (2, 7): "Records are protected by TLS, not by signatures of their own",
    (2, 27): "no role reads secrets: passwords are never told over this link",
    **{(3, number): _SESSIONS for number in (2, 3, *range(6, 16))},
    (9, 2): "certificates are installed on the box, not by controllers",
    **{(9, number): _FIRMWARE for number in range(3, 8)},
}


def passed() -> dict[Case, list[str]]:
    """The tests of each case that carry its number, or that are named for it."""
    names = [name for file in sorted(FOLDER.glob("test_*.py")) for name in _TEST.findall(file.read_text())]
    found: dict[Case, list[str]] = {}
    for name in names:
        if (match := _NUMBERED.match(name)) is None:
            continue
        section, first = int(match[1]), int(match[2])
        last = int(match[4] or first)
        numbers = range(first, last + 1) if match[3] == "to" else (first, last)
        for number in dict.fromkeys(numbers):
            found.setdefault((section, number), []).append(name)
    for case, name in ELSEWHERE.items():
        if name in names:
            found.setdefault(case, []).append(name)
    return found


def render() -> str:
    """A line for each case, mandatory and conditional ones, in the order of their numbers."""
    done = passed()
    lines = ["| case | | state | shown by, or why not |", "|---|---|---|---|"]
    for section, (_title, mandatory, conditional) in SECTIONS.items():
        for number in sorted(mandatory | conditional):
            case = (section, number)
            tag = "M" if number in mandatory else "C"
            if case in done:
                state, why = "passed", ", ".join(f"`{name}`" for name in done[case])
            elif case in NOT_APPLICABLE:
                state, why = "not applicable", NOT_APPLICABLE[case]
            else:
                state, why = "not tested", ""
            lines.append(f"| {section}.{number} | {tag} | {state} | {why} |")
    return "\n".join(lines) + "\n"


def summary() -> str:
    """How many of each section are passed."""
    done = passed()
    lines = ["| section | mandatory passed | conditional passed | not applicable |", "|---|---|---|---|"]
    for section, (title, mandatory, conditional) in SECTIONS.items():
        good = sum((section, number) in done for number in mandatory)
        more = sum((section, number) in done for number in conditional)
        without = sum((section, number) in NOT_APPLICABLE for number in conditional)
        lines.append(
            f"| {section} {title} | {good} of {len(mandatory)} | {more} of {len(conditional)} | {without} |"
        )
    return "\n".join(lines) + "\n"


def section() -> str:
    """What stands between the two marks."""
    return f"{summary()}\n{render()}"


def rewrite() -> None:
    """Puts the table of these tests into the document."""
    text = DOCUMENT.read_text()
    before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    DOCUMENT.write_text(before + section() + after)


if __name__ == "__main__":
    rewrite()
