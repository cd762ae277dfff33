"""Ties the lab to pytest. In ``tests/conftest.py``: ``pytest_plugins = ("tests.lab.plugin",)``.

Leaves out what waits to be asked for, skips (with ``GATEWAYD_LAB=require``: fails) what cannot run here and
says why, clears what a crashed run left, and fails a run that leaves a namespace behind.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.lab import netns, policy
from tests.lab.netns import Namespace
from tests.lab.radio import Radio, radios

_left_out = pytest.StashKey[Counter[str]]()
_left_behind = pytest.StashKey[list[str]]()


def lab_marks(item: pytest.Item) -> list[str]:
    """The lab's marks on a test."""
    return [mark for mark in policy.MARKS if item.get_closest_marker(mark)]


def pytest_sessionstart() -> None:
    """Clear what a crashed run left."""
    if os.geteuid() == 0:
        netns.clean()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests that wait for ``-m`` to name them."""
    expression = str(config.getoption("markexpr", ""))
    waiting = [item for item in items if policy.left_out(expression, lab_marks(item))]
    if waiting:
        config.hook.pytest_deselected(items=waiting)
        config.stash[_left_out] = Counter(mark for item in waiting for mark in lab_marks(item))
        items[:] = [item for item in items if item not in set(waiting)]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail a lab test that this machine cannot run, with the reason."""
    for mark in lab_marks(item):
        reason = policy.requirement(mark)
        if reason and policy.skip_is_failure():
            pytest.fail(f"{mark}: {reason}", pytrace=False)
        elif reason:
            pytest.skip(f"{mark}: {reason}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Delete and remember namespaces that a test of this run left behind."""
    if os.geteuid() == 0 and (left := netns.clean()):
        session.config.stash[_left_behind] = left
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say in one line what was left out, and what was left behind."""
    counts = config.stash.get(_left_out, None)
    if counts:
        words = ", ".join(f"{count} {mark}" for mark, count in counts.items())
        terminalreporter.write_line(f"lab: left out {words}; `make test-<mark>` runs them")
    if left := config.stash.get(_left_behind, None):
        terminalreporter.write_line(f"lab: FAILED: namespaces left behind: {', '.join(left)}", red=True)


@pytest.fixture
def namespaces() -> Iterator[Callable[[str], Namespace]]:
    """Makes network namespaces by short name (``namespaces("home")``) that go when the test ends."""
    with ExitStack() as stack:
        yield lambda name: stack.enter_context(Namespace(name))


@pytest.fixture
def lab_radios() -> list[Radio]:
    """The software radios that are in nobody's hands, each with one fresh interface (see `radio.radios`)."""
    return radios()
