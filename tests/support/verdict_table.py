"""The tables of docs/diagnostics.md, made from the code: `python -m tests.support.verdict_table`."""

from __future__ import annotations

import inspect
from pathlib import Path

from gatewayd.diagnostics.checks import all_checks
from gatewayd.diagnostics.remedies import REMEDIES, Side
from gatewayd.diagnostics.words import Who

DOCUMENT = Path(__file__).parents[2] / "docs" / "diagnostics.md"
_SIDES: dict[Side, str] = {
    "nobody": "nobody",
    "home": "the home",
    "edge": "the modem",
    "provider": "the provider",
    "service": "the service",
    "box": "this box",
    "unknown": "cannot be told",
}
_WHO: dict[Who, str] = {
    "nobody": "nobody",
    "household": "household",
    "technician": "technician",
    "provider": "provider",
    "service": "the service",
}


def verdicts() -> str:
    """One row for each verdict."""
    lines = ["| verdict | layer | at fault | next step | what the status says |", "|---|---|---|---|---|"]
    for code, remedy in REMEDIES.items():
        lines.append(
            f"| `{code}` | {remedy.layer} | {_SIDES[remedy.side]} | {_WHO[remedy.who]} | {remedy.short} |"
        )
    return "\n".join(lines) + "\n"


def checks() -> str:
    """One row for each check."""
    lines = ["| check | layer | at most | what it does |", "|---|---|---|---|"]
    for check in all_checks():
        told = " ".join((inspect.getdoc(check) or "").split())
        lines.append(f"| {check.name} | {check.result.layer} | {check.limit:g} s | {told} |")
    return "\n".join(lines) + "\n"


def written(text: str) -> str:
    """The document with both tables in their places."""
    for name, table in (("verdicts", verdicts()), ("checks", checks())):
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
        before, _, rest = text.partition(begin)
        text = before + begin + table + end + rest.partition(end)[2]
    return text


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text("utf-8")), "utf-8")
