"""The operations of access, whole."""

from __future__ import annotations

from gatewayd.access import (
    account_operations,
    activity_operations,
    claim_operations,
    login_operations,
    session_operations,
    technician_operations,
    token_operations,
    totp_operations,
)
from gatewayd.access.audit import AuditLog
from gatewayd.access.service import AccessService
from gatewayd.operations import Operation


def operations(service: AccessService, audit: AuditLog) -> tuple[Operation, ...]:
    """The rows of access."""
    return (
        *claim_operations.operations(service),
        *session_operations.operations(service),
        *login_operations.operations(service),
        *totp_operations.operations(service),
        *account_operations.operations(service),
        *token_operations.operations(service),
        *technician_operations.operations(service, audit),
        *activity_operations.operations(audit, service.alerts),
    )
