"""The rows of upkeep."""

from __future__ import annotations

from gatewayd.operations import Context, Operation, Request, Result, Scope
from gatewayd.upkeep.model import Reason, Restart, Target, When
from gatewayd.upkeep.service import Upkeep


class RestartRequest(Request, frozen=True, kw_only=True):
    """What to restart; `idle` waits until nothing records; `reason` is shown to the owner."""

    target: Target
    when: When = "now"
    reason: Reason = ""


class RestartAnswer(Result, frozen=True, kw_only=True):
    """The restart, which begins about a second after this answer."""

    restart: Restart


def operations(upkeep: Upkeep) -> tuple[Operation, ...]:
    """Restarts. Row first, never repeated: a portal that says it twice restarts once."""

    async def restart(request: RestartRequest, context: Context) -> RestartAnswer:
        made = await upkeep.restart(
            request.target, request.when, request.reason, context.caller, context.unit
        )
        return RestartAnswer(restart=made)

    return (
        Operation(
            name="upkeep.restart",
            summary="Restart the daemon or the box, now or when nothing records",
            request=RestartRequest,
            result=RestartAnswer,
            scope=Scope.UPKEEP_RESTART,
            method="POST",
            path="/upkeep/restart",
            handler=restart,
            mutates=True,
            recovery="never",
            lock="upkeep.restart",
            status=202,
            target="target",
        ),
    )
