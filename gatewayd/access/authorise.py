"""Default deny: the scope that an operation names is the scope that its caller must have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewayd.errors import GatewayError
from gatewayd.operations import Caller, Operation


class ScopeAuthoriser:
    """The authoriser that dispatch asks. It decides by scope alone, whatever the way in."""

    def authorise(self, caller: Caller, operation: Operation, request: Mapping[str, Any]) -> None:
        """Returns when the operation is open to anybody, or its scope is among the caller's.

        Raises GatewayError `access.unauthenticated` (nobody known asks), `access.forbidden`, or
        `access.step_up_needed` where a token alone is not enough.
        """
        if operation.scope is None or operation.scope in caller.scopes:
            if operation.step_up and not caller.fresh:
                raise GatewayError(
                    "access.step_up_needed",
                    "This needs more than a token: prove with access.stepup (password, or a code of the "
                    "second factor) that it is you, then ask again within five minutes.",
                )
            return
        if caller.role == "anonymous":
            raise GatewayError("access.unauthenticated", "Sign in first: this needs a token.")
        raise GatewayError(
            "access.forbidden",
            f"{operation.name} needs the permission {operation.scope.value}; the role {caller.role} "
            "does not have it.",
        )
