"""The table of docs/security.md, made from the operations table: `python -m tests.support.security_table`."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable
from pathlib import Path

from gatewayd.callers import ROLES, Role
from gatewayd.operations import Operation
from tests.support.house import open_house

DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"
SHOWN: tuple[Role, ...] = ("anonymous", "owner", "member", "viewer", "technician", "tool", "portal", "local")


def render(operations: Iterable[Operation]) -> str:
    """One row for each operation: its way over HTTP and which roles may call it."""
    lines = [
        f"| operation | HTTP | scope | {' | '.join(SHOWN)} |",
        f"|---|---|---|{'---|' * len(SHOWN)}",
    ]
    for row in sorted(operations, key=lambda each: each.name):
        allowed = [_allowed(row, role) for role in SHOWN]
        scope = "-" if row.scope is None else row.scope.value
        lines.append(f"| `{row.name}` | {row.method} {row.path} | {scope} | {' | '.join(allowed)} |")
    return "\n".join(lines) + "\n"


def _allowed(row: Operation, role: Role) -> str:
    if row.scope is not None and row.scope not in ROLES[role]:
        return "-"
    return "proof" if row.step_up and role not in ("local", "anonymous") else "yes"


def section(text: str) -> str:
    """The table as the document has it."""
    return text[text.index(BEGIN) + len(BEGIN) : text.index(END)]


async def rewrite() -> None:
    """Puts the table of this release into the document."""
    with tempfile.TemporaryDirectory(prefix="gwt-") as folder:
        async with open_house(Path(folder)) as house:
            table = render(house.registry)
    text = DOCUMENT.read_text()
    before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    DOCUMENT.write_text(before + table + after)


if __name__ == "__main__":
    asyncio.run(rewrite())
