"""docs/security.md says what is: its table is the registry's, and the tests that it names are there."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest

from tests.support.house import open_house
from tests.support.security_table import DOCUMENT, render, section

ROOT = DOCUMENT.parents[1]
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


@pytest.mark.acceptance
async def test_the_table_is_the_registrys() -> None:
    with tempfile.TemporaryDirectory(prefix="gwt-") as folder:
        async with open_house(Path(folder)) as house:
            table = render(house.registry)
    assert section(DOCUMENT.read_text()) == table, "python -m tests.support.security_table makes it anew"


@pytest.mark.parametrize("document", ["security.md", "threat-model.md"])
def test_the_tests_that_are_named_are_there(document: str) -> None:
    named = NAMED.findall((DOCUMENT.parent / document).read_text())
    assert len(named) >= 5
    for file, function in named:
        text = (ROOT / file).read_text()
        assert not function or f"def {function}(" in text, f"{file}::{function}"
