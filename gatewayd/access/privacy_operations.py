"""The operations of privacy. All of them work with the internet away."""

from __future__ import annotations

import base64
from typing import Annotated

from msgspec import Meta, field

from gatewayd.access.privacy import Purpose, Retained
from gatewayd.access.privacy_work import Exported, Privacy, Receipts
from gatewayd.operations import Context, Empty, JobAnswer, JobHandle, Operation, Request, Result, Scope

_LOCK = "privacy"


class PrivacyChoice(Request, frozen=True, kw_only=True):
    """What may leave the box, per purpose, and for how many days kinds of data are kept; what is not named
    stays as it is."""

    share: dict[Purpose, bool] = field(default_factory=dict)
    keep: dict[Retained, int] = field(default_factory=dict)


class PrivacyShown(Result, frozen=True, kw_only=True):
    """Each purpose, each kind of data, and the areas that can be erased."""

    share: dict[Purpose, bool]
    keep: dict[Retained, int]
    areas: tuple[str, ...]


class ExportPart(Request, frozen=True, kw_only=True):
    """One part of an export, from 0."""

    export: str
    part: Annotated[int, Meta(ge=0, le=100_000)] = 0


class ExportContent(Result, frozen=True, kw_only=True):
    """A part of the zip, base64 (with padding); all `parts` one after the other are the file."""

    export: str
    part: int
    parts: int
    content: str


class PrivacyDelete(Request, frozen=True, kw_only=True):
    """Areas to erase: privacy.settings.get names them."""

    areas: Annotated[tuple[str, ...], Meta(max_length=20)]


class _Handlers:
    def __init__(self, privacy: Privacy) -> None:
        self._privacy = privacy

    async def get(self, request: Empty, context: Context) -> PrivacyShown:
        settings = self._privacy.settings
        return PrivacyShown(share=settings.share, keep=settings.days, areas=self._privacy.areas)

    async def update(self, request: PrivacyChoice, context: Context) -> PrivacyShown:
        settings = self._privacy.settings
        settings.change(context.unit, request.share, request.keep)
        return PrivacyShown(
            share=settings.share | request.share,
            keep=settings.days | request.keep,
            areas=self._privacy.areas,
        )

    async def export(self, request: Empty, context: Context) -> JobAnswer:
        return await context.start_job(self._privacy.export, lock=_LOCK)

    async def part(self, request: ExportPart, context: Context) -> ExportContent:
        content, parts = await self._privacy.part(request.export, request.part)
        return ExportContent(
            export=request.export,
            part=request.part,
            parts=parts,
            content=base64.b64encode(content).decode("ascii"),
        )

    async def delete(self, request: PrivacyDelete, context: Context) -> JobAnswer:
        areas = self._privacy.check(request.areas)

        async def run(handle: JobHandle) -> Receipts:
            return await self._privacy.erase(handle, areas)

        return await context.start_job(run, lock=_LOCK)


def operations(privacy: Privacy) -> tuple[Operation, ...]:
    """The rows of privacy."""
    handlers = _Handlers(privacy)
    return (*_settings(handlers), *_jobs(handlers))


def _settings(handlers: _Handlers) -> tuple[Operation, ...]:
    return (
        Operation(
            name="privacy.settings.get",
            summary="What may leave the box, and how long things are kept",
            request=Empty,
            result=PrivacyShown,
            scope=Scope.PRIVACY,
            method="GET",
            path="/privacy/settings",
            handler=handlers.get,
        ),
        Operation(
            name="privacy.settings.update",
            summary="Choose what may leave the box, and how long things are kept",
            request=PrivacyChoice,
            result=PrivacyShown,
            scope=Scope.PRIVACY,
            method="PATCH",
            path="/privacy/settings",
            handler=handlers.update,
            mutates=True,
            recovery="transaction",
            lock="privacy.settings",
        ),
    )


def _jobs(handlers: _Handlers) -> tuple[Operation, ...]:
    return (
        Operation(
            name="privacy.export",
            summary="Everything personal that the box holds, as one zip (a job)",
            request=Empty,
            result=JobAnswer,
            scope=Scope.PRIVACY,
            method="POST",
            path="/privacy/export",
            handler=handlers.export,
            mutates=True,
            recovery="redo",
            status=202,
            outcome=Exported,
        ),
        Operation(
            name="privacy.exports.get",
            summary="A part of a finished export, within the hour",
            request=ExportPart,
            result=ExportContent,
            scope=Scope.PRIVACY,
            method="GET",
            path="/privacy/exports/{export}",
            handler=handlers.part,
        ),
        Operation(
            name="privacy.delete",
            summary="Erase everything personal of some areas, with receipts (a job)",
            request=PrivacyDelete,
            result=JobAnswer,
            scope=Scope.PRIVACY,
            method="POST",
            path="/privacy/delete",
            handler=handlers.delete,
            mutates=True,
            recovery="redo",
            status=202,
            outcome=Receipts,
            step_up=True,
        ),
    )
