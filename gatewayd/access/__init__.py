"""Who may do what: the box's id, becoming its owner, sessions, scopes, the audit log."""

from gatewayd.access.audit import AuditLog
from gatewayd.access.authorise import ScopeAuthoriser
from gatewayd.access.grants import read_key
from gatewayd.access.identity import ensure_box_id
from gatewayd.access.mail import Mailer
from gatewayd.access.mail import check as check_mail
from gatewayd.access.operations import operations
from gatewayd.access.privacy import PrivacySettings
from gatewayd.access.privacy_operations import operations as privacy_operations
from gatewayd.access.privacy_work import Privacy
from gatewayd.access.service import AccessService

__all__ = [
    "AccessService",
    "AuditLog",
    "Mailer",
    "Privacy",
    "PrivacySettings",
    "ScopeAuthoriser",
    "check_mail",
    "ensure_box_id",
    "operations",
    "privacy_operations",
    "read_key",
]
