"""The operations of tools' tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from gatewayd.access.service import AccessService, clean_label
from gatewayd.access.tools import ToolToken
from gatewayd.callers import Scope
from gatewayd.operations import Context, Empty, Operation, Request, Result

DAY = 86_400.0
LONGEST = 366 * DAY


class TokenCreate(Request, frozen=True, kw_only=True):
    """What the tool is called, what it may do, and for how many seconds."""

    name: str
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1, max_length=32)]
    expires_in: Annotated[float, Meta(ge=60, le=LONGEST)] = 90 * DAY


class TokenInfo(Result, frozen=True, kw_only=True):
    """A tool's token, but for its text. `expires` null: the box did not know the time when it was made, and
    counts how long it runs instead."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    account: str | None
    created: datetime
    last_used: datetime | None
    expires: datetime | None


class TokenCreated(TokenInfo, frozen=True, kw_only=True):
    """The `token` itself is shown this once."""

    token: str


class TokenList(Result, frozen=True, kw_only=True):
    """All live tokens of tools, oldest first."""

    items: tuple[TokenInfo, ...]
    next: str | None = None


class TokenChoice(Request, frozen=True, kw_only=True):
    """Which token."""

    token: str


class TokenEnded(Result, frozen=True, kw_only=True):
    """The id of the token that is no more."""

    id: str


class _Handlers:
    def __init__(self, service: AccessService) -> None:
        self._service = service

    async def list(self, request: Empty, context: Context) -> TokenList:
        names = await self._service.names()
        return TokenList(
            items=tuple(_info(each, names.get(each.id, "")) for each in self._service.tools.live())
        )

    async def create(self, request: TokenCreate, context: Context) -> TokenCreated:
        name = clean_label(request.name, field="name")
        account = self._service.account_of(context.caller)
        token, text = self._service.tools.create(
            context.unit,
            caller=context.caller,
            account=None if account is None else account.id,
            name=name,
            scopes=frozenset(request.scopes),
            lifetime=request.expires_in,
        )
        told = _info(token, name)
        return TokenCreated(
            id=told.id,
            name=name,
            scopes=told.scopes,
            account=told.account,
            created=told.created,
            last_used=None,
            expires=told.expires,
            token=text,
        )

    async def revoke(self, request: TokenChoice, context: Context) -> TokenEnded:
        self._service.tools.revoke(context.unit, request.token)
        return TokenEnded(id=request.token)


def operations(service: AccessService) -> tuple[Operation, ...]:
    """The rows of tools' tokens."""
    handlers = _Handlers(service)
    return (
        Operation(
            name="access.tokens.list",
            summary="The tokens of tools",
            request=Empty,
            result=TokenList,
            scope=Scope.ACCESS_MANAGE,
            method="GET",
            path="/tokens",
            handler=handlers.list,
        ),
        Operation(
            name="access.tokens.create",
            summary="A token for a tool: named, for some permissions only, and it runs out",
            request=TokenCreate,
            result=TokenCreated,
            scope=Scope.ACCESS_MANAGE,
            method="POST",
            path="/tokens",
            handler=handlers.create,
            mutates=True,
            recovery="transaction",
            lock="access.tokens",
            status=201,
            secret_answer=True,
            step_up=True,
        ),
        Operation(
            name="access.tokens.revoke",
            summary="End a tool's token at once",
            request=TokenChoice,
            result=TokenEnded,
            scope=Scope.ACCESS_MANAGE,
            method="DELETE",
            path="/tokens/{token}",
            handler=handlers.revoke,
            mutates=True,
            recovery="transaction",
            lock="access.tokens",
            target="token",
        ),
    )


def _info(token: ToolToken, name: str) -> TokenInfo:
    return TokenInfo(
        id=token.id,
        name=name,
        scopes=tuple(sorted(token.scopes)),
        account=token.account,
        created=token.created,
        last_used=token.last_used,
        expires=token.expires,
    )
