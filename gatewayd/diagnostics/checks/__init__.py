"""The fault tree: one check a file."""

from __future__ import annotations

from typing import Any

from gatewayd.diagnostics.check import Check
from gatewayd.diagnostics.checks.address import AddressCheck
from gatewayd.diagnostics.checks.box import BoxCheck
from gatewayd.diagnostics.checks.carrier import CarrierCheck
from gatewayd.diagnostics.checks.clock import ClockCheck
from gatewayd.diagnostics.checks.cloud import CloudCheck
from gatewayd.diagnostics.checks.dns import DnsCheck
from gatewayd.diagnostics.checks.duplicate import DuplicateCheck
from gatewayd.diagnostics.checks.edge import EdgeCheck
from gatewayd.diagnostics.checks.gateway import GatewayCheck
from gatewayd.diagnostics.checks.http import HttpCheck
from gatewayd.diagnostics.checks.internet import InternetCheck
from gatewayd.diagnostics.checks.lan import LanCheck
from gatewayd.diagnostics.checks.line import LineCheck
from gatewayd.diagnostics.checks.link import LinkCheck
from gatewayd.diagnostics.checks.load import LoadCheck
from gatewayd.diagnostics.checks.mail import MailCheck
from gatewayd.diagnostics.checks.mtu import MtuCheck
from gatewayd.diagnostics.checks.pace import PaceCheck
from gatewayd.diagnostics.checks.phone import PhoneCheck
from gatewayd.diagnostics.checks.quality import QualityCheck
from gatewayd.diagnostics.checks.stability import StabilityCheck
from gatewayd.diagnostics.checks.tls import TlsCheck
from gatewayd.diagnostics.checks.tv import TvCheck
from gatewayd.diagnostics.checks.wifi import WifiCheck

__all__ = ["all_checks"]


def all_checks() -> tuple[Check[Any], ...]:
    """Every check, in the order in which a reader wants the evidence."""
    return (
        BoxCheck(),
        LinkCheck(),
        AddressCheck(),
        DuplicateCheck(),
        GatewayCheck(),
        EdgeCheck(),
        InternetCheck(),
        StabilityCheck(),
        DnsCheck(),
        HttpCheck(),
        ClockCheck(),
        TlsCheck(),
        MtuCheck(),
        LineCheck(),
        QualityCheck(),
        LoadCheck(),
        WifiCheck(),
        LanCheck(),
        TvCheck(),
        PhoneCheck(),
        MailCheck(),
        CloudCheck(),
        CarrierCheck(),
        PaceCheck(),
    )
