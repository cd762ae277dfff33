"""The rows of radios in the table of operations."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from gatewayd.operations import Context, Operation, Request, Scope
from gatewayd.wifi.model import Band, Confirm
from gatewayd.wifi.operations import WifiChangeAnswer, WifiPreview
from gatewayd.wifi.radio_changes import RadioChanges
from gatewayd.wifi.rows import LOCK
from gatewayd.wifi.service import WifiService


class WifiRadioPatch(Request, frozen=True, kw_only=True):
    """What shall be different; what is left out stays. `channel`: a number, or `auto`; `width` in MHz: 20, 40
    or 80; `country`: two capital letters."""

    radio: str
    band: Band | UnsetType = UNSET
    channel: Annotated[int, Meta(ge=1, le=233)] | Literal["auto"] | UnsetType = UNSET
    width: int | UnsetType = UNSET
    country: str | UnsetType = UNSET


class WifiRadioUpdate(WifiRadioPatch, frozen=True, kw_only=True):
    """A patch, and what the change waits for before it counts (see `wifi.networks.update`)."""

    confirm: Confirm = "none"
    deadline_seconds: int = 300


class _Handlers:
    def __init__(self, radios: RadioChanges) -> None:
        self._radios = radios

    async def update(self, request: WifiRadioUpdate, context: Context) -> WifiChangeAnswer:
        change = await self._radios.update(
            context.unit,
            request.radio,
            _patch(request),
            caller=context.caller.id,
            confirm=request.confirm,
            seconds=request.deadline_seconds,
        )
        return WifiChangeAnswer(change=change)

    async def preview(self, request: WifiRadioPatch, _context: Context) -> WifiPreview:
        impact, risks = await self._radios.preview(request.radio, _patch(request))
        return WifiPreview(impact=impact, risks=risks)


def _patch(request: WifiRadioPatch) -> dict[str, Any]:
    names = ("band", "channel", "width", "country")
    return {name: value for name in names if (value := getattr(request, name)) is not UNSET}


def radio_operations(service: WifiService) -> tuple[Operation, ...]:
    """The rows of radios that change something, and what that would do."""
    handlers = _Handlers(service.radio_changes)
    return (
        Operation(
            name="wifi.radios.update",
            summary="Change a radio's channel, width, band or country; answers before the radio is touched",
            request=WifiRadioUpdate,
            result=WifiChangeAnswer,
            scope=Scope.WIFI_WRITE,
            method="PATCH",
            path="/wifi/radios/{radio}",
            handler=handlers.update,
            mutates=True,
            recovery="transaction",
            lock=LOCK,
            status=202,
            target="radio",
        ),
        Operation(
            name="wifi.radios.preview",
            summary="What a change of a radio would do to the household; changes nothing",
            request=WifiRadioPatch,
            result=WifiPreview,
            scope=Scope.WIFI_READ,
            method="POST",
            path="/wifi/radios/{radio}/preview",
            handler=handlers.preview,
        ),
    )
