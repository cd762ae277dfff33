"""The data model in docs/portal.md, made from its tables: `python -m tests.support.model_table`."""

from __future__ import annotations

from gatewayd.portal import objects
from gatewayd.portal.model import Object
from tests.support import conformance

DOCUMENT = conformance.DOCUMENT
BEGIN, END = "<!-- model: begin -->\n", "<!-- model: end -->\n"
NEEDED = frozenset(
    name
    for item in objects.all_objects()
    for name in (*item.needs, *(need for command in item.commands for need in command.needs))
)


def render() -> str:
    """A line for each object that has anything of its own. `+` may be made and deleted, `*` may be set."""
    model = list(objects.build(NEEDED))
    parameters = sum(len(item.params) + (item.count is not None) for item in model)
    commands, events = (
        sum(map(len, each)) for each in zip(*((i.commands, i.events) for i in model), strict=True)
    )
    lines = [
        f"{parameters} parameters, {commands} commands and {events} events.",
        "",
        "| object | parameters | commands and events |",
        "|---|---|---|",
    ]
    for item in model:
        leaves = [*(each.name for each in item.commands), *(each.name for each in item.events)]
        if item.params or leaves:
            lines.append(f"| `{item.path}`{_mark(item)} | {_params(item)} | {_code(leaves)} |")
    return "\n".join(lines) + "\n"


def _mark(item: Object) -> str:
    return {(True, True): " +", (True, False): " +", (False, True): " -"}.get(
        (item.addable, item.deletable), ""
    )


def _params(item: Object) -> str:
    return ", ".join(f"{each.name}{'' if each.access == 'ro' else '*'}" for each in item.params)


def _code(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def section(text: str) -> str:
    """The table as the document has it."""
    return text[text.index(BEGIN) + len(BEGIN) : text.index(END)]


def rewrite() -> None:
    """Puts the table of this release into the document."""
    text = DOCUMENT.read_text()
    before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    DOCUMENT.write_text(before + render() + after)


if __name__ == "__main__":
    rewrite()
