"""The data model: every object that controllers see, an area a file."""

from __future__ import annotations

from gatewayd.portal.model import Model, Object
from gatewayd.portal.objects import controller_trust, device, diagnostics, local_agent, mqtt, television, wifi


def all_objects() -> tuple[Object, ...]:
    """Every object there can be."""
    return (
        *device.objects(),
        *local_agent.objects(),
        *controller_trust.objects(),
        *mqtt.objects(),
        *wifi.objects(),
        *television.objects(),
        *diagnostics.objects(),
    )


def build(operations: frozenset[str]) -> Model:
    """The model of a box whose table has these operations."""
    return Model(all_objects(), operations)
