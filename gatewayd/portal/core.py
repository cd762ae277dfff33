"""The agent, its notifier and its triggers, built on what the link gives them."""

from __future__ import annotations

from dataclasses import dataclass

from gatewayd.events import Bus
from gatewayd.operations import Registry
from gatewayd.portal import objects
from gatewayd.portal.agent import Agent
from gatewayd.portal.contracts import About, Commands, LinkStates, NoLinks, Outbox, Policy, Witness
from gatewayd.portal.notifier import Notifier
from gatewayd.portal.numbers import Numbers
from gatewayd.portal.requests import Requests
from gatewayd.portal.stored import Stored
from gatewayd.portal.triggers import Triggers
from gatewayd.store.database import Database
from gatewayd.system.clock import Clock


@dataclass(frozen=True, slots=True)
class Core:
    """All three."""

    agent: Agent
    notifier: Notifier
    triggers: Triggers


async def build(
    *,
    about: About,
    database: Database,
    bus: Bus,
    clock: Clock,
    registry: Registry,
    stored: Stored,
    commands: Commands,
    outbox: Outbox,
    policy: Policy,
    witness: Witness,
    secret: bytes,
    links: LinkStates | None = None,
) -> Core:
    """Reads what is kept and puts the parts together; `stored` is loaded, `registry` complete.

    `secret` keys the marks of values that were seen. Start the notifier afterwards.
    """
    numbers, requests = Numbers(database), Requests(database, registry)
    await numbers.load()
    await requests.load()
    model = objects.build(frozenset(row.name for row in registry))
    holder: list[Notifier] = []
    agent = Agent(
        about=about,
        model=model,
        database=database,
        registry=registry,
        clock=clock,
        stored=stored,
        numbers=numbers,
        requests=requests,
        commands=commands,
        outbox=outbox,
        policy=policy,
        witness=witness,
        own={"SendOnBoardRequest()": lambda unit, node: holder[0].on_board(unit, node)},
        links=links or NoLinks(),
    )
    triggers = Triggers(database, stored, clock, agent.configure)
    notifier = Notifier(
        database=database,
        bus=bus,
        clock=clock,
        stored=stored,
        requests=requests,
        outbox=outbox,
        policy=policy,
        model=model,
        view=agent.view,
        secret=secret,
        triggers=triggers,
    )
    holder.append(notifier)
    return Core(agent, notifier, triggers)
