"""The fault tree: one check a file."""

from __future__ import annotations

from typing import Any

from gatewayd.diagnostics.check import Check
from gatewayd.diagnostics.checks.address import AddressCheck
from gatewayd.diagnostics.checks.box import BoxCheck
from gatewayd.diagnostics.checks.dns import DnsCheck
from gatewayd.diagnostics.checks.gateway import GatewayCheck
from gatewayd.diagnostics.checks.http import HttpCheck
from gatewayd.diagnostics.checks.internet import InternetCheck
from gatewayd.diagnostics.checks.link import LinkCheck

__all__ = ["all_checks"]


def all_checks() -> tuple[Check[Any], ...]:
    """Every check, in the order in which a reader wants the evidence."""
    return (
        BoxCheck(),
        LinkCheck(),
        AddressCheck(),
        GatewayCheck(),
        InternetCheck(),
        DnsCheck(),
        HttpCheck(),
    )
