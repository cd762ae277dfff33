"""The one table of codes: all that the code names are in it, and nothing in it is dead."""

from __future__ import annotations

import re
from pathlib import Path

from gatewayd.errors import ERRORS

SOURCE = Path(__file__).resolve().parents[2] / "gatewayd"
CODE = re.compile(
    r'"((?:request|operation|idempotency|revision|access|jobs|settings|store|helper|wifi|dvr|diagnostics|netd|upkeep|privacy|portal)\.[a-z_]+)"'
)


def named() -> set[str]:
    """Every dotted word in the code that looks like a code."""
    texts = (path.read_text() for path in SOURCE.rglob("*.py") if path.name != "errors.py")
    return {code for text in texts for code in CODE.findall(text)}


def test_no_row_is_dead() -> None:
    own = (SOURCE / "errors.py").read_text()
    after_table = own[own.index("class GatewayError") :]
    assert sorted(set(ERRORS) - named() - set(CODE.findall(after_table))) == []


def test_every_row_can_be_answered() -> None:
    for code, row in ERRORS.items():
        assert 400 <= row.status < 600, code
        assert 7000 <= row.usp <= 7106, code
        assert row.title, code
