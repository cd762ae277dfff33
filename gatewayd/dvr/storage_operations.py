"""Rows of the operations table: the disk of the recordings."""

from __future__ import annotations

from gatewayd.dvr.model import DvrStorage
from gatewayd.dvr.service import DvrService
from gatewayd.operations import Context, Empty, Operation, Scope


class Handlers:
    """One method for each row: the request in, the service's answer out."""

    def __init__(self, service: DvrService) -> None:
        self._service = service

    async def get_storage(self, request: Empty, context: Context) -> DvrStorage:
        return await self._service.storage()


def operations(service: DvrService) -> tuple[Operation, ...]:
    """The rows of `dvr.storage.*`."""
    handlers = Handlers(service)
    return (
        Operation(
            name="dvr.storage.get",
            summary="How much of the disk television uses",
            request=Empty,
            result=DvrStorage,
            scope=Scope.DVR_READ,
            method="GET",
            path="/dvr/storage",
            handler=handlers.get_storage,
        ),
    )
