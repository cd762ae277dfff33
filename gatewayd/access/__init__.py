"""Who may do what: the box's id, becoming its owner, sessions, scopes, the audit log."""

from gatewayd.access.audit import AuditLog
from gatewayd.access.authorise import ScopeAuthoriser
from gatewayd.access.identity import ensure_box_id
from gatewayd.access.operations import operations
from gatewayd.access.service import AccessService

__all__ = ["AccessService", "AuditLog", "ScopeAuthoriser", "ensure_box_id", "operations"]
