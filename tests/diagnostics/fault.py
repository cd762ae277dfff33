"""What a fault of the lab is, and the tools to make one: each breaks one thing and heals it.

What plain namespaces carry is made with nftables, tbf and small servers; `netem` marks what needs more.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from gatewayd.diagnostics.words import Verdict
from tests.diagnostics.street import (
    Street,
)
from tests.lab.netns import Namespace

_NUMBERS = itertools.count()
Inject = Callable[[Street], AbstractContextManager[None]]
BOTH = "chain f { type filter hook forward priority 0; %s }"
HERE = "chain i { type filter hook input priority 0; %s }"
TO_PORT = "chain n { type nat hook prerouting priority -100; %s }"


@dataclass(frozen=True)
class Case:
    """One row of the matrix. `request` is what the doctor is asked, `note` a word that a note must hold,
    `also` a code that must be seen beside the verdict."""

    name: str
    verdict: Verdict
    inject: Inject
    request: dict[str, Any] = field(default_factory=dict)
    note: str | None = None
    also: Verdict | None = None
    netem: bool = False
    ci: bool = False


@contextmanager
def nothing(street: Street) -> Iterator[None]:
    """All is well."""
    yield


def rules(*chains: str, family: str = "inet", at: str = "isp") -> Inject:
    """Chains in a table of their own, gone at the end."""

    @contextmanager
    def inject(street: Street) -> Iterator[None]:
        namespace: Namespace = getattr(street, at)
        table = f"fault{next(_NUMBERS)}"  # several may be in force at once
        namespace.nft("\n".join((f"table {family} {table} {{", *chains, "}\n")))
        namespace.run("conntrack", "-F", check=False)
        try:
            yield
        finally:
            namespace.run("nft", "delete", "table", family, table)

    return inject


def together(*injected: Inject) -> Inject:
    """Several faults at once."""

    @contextmanager
    def inject(street: Street) -> Iterator[None]:
        with ExitStack() as stack:
            for one in injected:
                stack.enter_context(one(street))
            yield

    return inject


@contextmanager
def repeated(turn: Callable[[bool], None], on: float, off: float) -> Iterator[None]:
    """Makes and heals something by turns until the end."""
    end = threading.Event()

    def run() -> None:
        while not end.wait(off):
            turn(True)
            end.wait(on)
            turn(False)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def drop(what: str) -> Inject:
    """What the provider does not forward."""
    return rules(BOTH % f"{what} drop;")


def to_port(what: str, port: int) -> Inject:
    """What the provider answers itself, at another port."""
    return rules(TO_PORT % f"iifname br0 {what} redirect to :{port};")
