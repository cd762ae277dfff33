"""The operations of accounts: who belongs to the household, and what each may do."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from gatewayd.access.accounts import INVITATION_LIFE, Account, AccountRole
from gatewayd.access.login_operations import LOCK
from gatewayd.access.service import AccessService
from gatewayd.errors import InvalidField
from gatewayd.operations import Context, Empty, Operation, Request, Result, Scope

_Name = Annotated[str, Meta(max_length=200)]


class AccountInfo(Result, frozen=True, kw_only=True):
    """A person of the household. `password`, `second_factor`: whether there is one. `current`: it asks."""

    id: str
    name: str | None
    role: AccountRole
    created: datetime
    password: bool
    second_factor: bool
    current: bool


class AccountList(Result, frozen=True, kw_only=True):
    """All of them, oldest first."""

    items: tuple[AccountInfo, ...]
    next: str | None = None


class AccountCreate(Request, frozen=True, kw_only=True):
    """What the new account signs in with, and what it may do."""

    name: _Name
    role: AccountRole = "member"


class AccountUpdate(Request, frozen=True, kw_only=True):
    """Another name, another role; what is left out stays."""

    account: str
    name: _Name | None = None
    role: AccountRole | None = None


class AccountChoice(Request, frozen=True, kw_only=True):
    """Which account."""

    account: str


class Invited(Result, frozen=True, kw_only=True):
    """An invitation for that account, shown this once: it sets a password with access.accounts.join, once,
    within `expires_in` seconds and until the box is switched off."""

    account: str
    invitation: str
    expires_in: float


class AccountEnded(Result, frozen=True, kw_only=True):
    """Which account is no more."""

    account: str


class _Handlers:
    def __init__(self, service: AccessService) -> None:
        self._service = service
        self._accounts = service.accounts

    async def list(self, request: Empty, context: Context) -> AccountList:
        own = self._service.account_of(context.caller)
        return AccountList(items=tuple(_info(each, own) for each in self._accounts.all()))

    async def create(self, request: AccountCreate, context: Context) -> Invited:
        if not request.name.strip():
            raise InvalidField("name", "A name has at least one character.")
        account = self._accounts.create(context.unit, name=request.name, role=request.role)
        return self._invite(context, account)

    async def update(self, request: AccountUpdate, context: Context) -> AccountInfo:
        account = self._accounts.get(request.account)
        name, role = self._accounts.update(context.unit, account, name=request.name, role=request.role)
        told = _info(account, self._service.account_of(context.caller))
        return AccountInfo(
            id=told.id,
            name=name or None,
            role=role,
            created=told.created,
            password=told.password,
            second_factor=told.second_factor,
            current=told.current,
        )

    async def remove(self, request: AccountChoice, context: Context) -> AccountEnded:
        self._accounts.remove(context.unit, self._accounts.get(request.account))
        return AccountEnded(account=request.account)

    async def invite(self, request: AccountChoice, context: Context) -> Invited:
        return self._invite(context, self._accounts.get(request.account))

    def _invite(self, context: Context, account: Account) -> Invited:
        text = self._accounts.invite(context.unit, account)
        return Invited(account=account.id, invitation=text, expires_in=INVITATION_LIFE)


def operations(service: AccessService) -> tuple[Operation, ...]:
    """The rows of accounts."""
    handlers = _Handlers(service)
    return (*_rows(handlers), *_one_account(handlers))


def _rows(handlers: _Handlers) -> tuple[Operation, ...]:
    return (
        Operation(
            name="access.accounts.list",
            summary="Who belongs to the household",
            request=Empty,
            result=AccountList,
            scope=Scope.ACCESS_MANAGE,
            method="GET",
            path="/accounts",
            handler=handlers.list,
        ),
        Operation(
            name="access.accounts.create",
            summary="Add somebody to the household; answers the invitation",
            request=AccountCreate,
            result=Invited,
            scope=Scope.ACCESS_MANAGE,
            method="POST",
            path="/accounts",
            handler=handlers.create,
            mutates=True,
            recovery="transaction",
            lock=LOCK,
            status=201,
            secret_answer=True,
            step_up=True,
        ),
        Operation(
            name="access.accounts.update",
            summary="Give somebody another name or another role",
            request=AccountUpdate,
            result=AccountInfo,
            scope=Scope.ACCESS_MANAGE,
            method="PATCH",
            path="/accounts/{account}",
            handler=handlers.update,
            mutates=True,
            recovery="transaction",
            lock=LOCK,
            target="account",
            step_up=True,
        ),
    )


def _one_account(handlers: _Handlers) -> tuple[Operation, ...]:
    return (
        Operation(
            name="access.accounts.remove",
            summary="End an account with its sessions and tokens",
            request=AccountChoice,
            result=AccountEnded,
            scope=Scope.ACCESS_MANAGE,
            method="DELETE",
            path="/accounts/{account}",
            handler=handlers.remove,
            mutates=True,
            recovery="transaction",
            lock=LOCK,
            target="account",
            step_up=True,
        ),
        Operation(
            name="access.accounts.invite",
            summary="A new invitation, for somebody who has no password or has forgotten it",
            request=AccountChoice,
            result=Invited,
            scope=Scope.ACCESS_MANAGE,
            method="POST",
            path="/accounts/{account}/invite",
            handler=handlers.invite,
            mutates=True,
            recovery="transaction",
            lock=LOCK,
            status=201,
            target="account",
            secret_answer=True,
            step_up=True,
        ),
    )


def _info(account: Account, own: Account | None) -> AccountInfo:
    return AccountInfo(
        id=account.id,
        name=account.name or None,
        role=account.role,
        created=account.created,
        password=account.password is not None,
        second_factor=account.second_factor,
        current=own is not None and own.id == account.id,
    )
