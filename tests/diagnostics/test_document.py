"""The document's tables are the code's."""

from __future__ import annotations

from tests.support.verdict_table import DOCUMENT, written


def test_the_tables_are_what_the_code_says() -> None:
    """`python -m tests.support.verdict_table` writes them anew."""
    text = DOCUMENT.read_text("utf-8")
    assert text == written(text)
    for name in ("verdicts", "checks"):
        assert text.count(f"<!-- {name}: begin -->") == text.count(f"<!-- {name}: end -->") == 1
