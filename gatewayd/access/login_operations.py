"""The operations of signing in by password, and of proving oneself anew."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from gatewayd.access.accounts import Account
from gatewayd.access.granted import SessionGranted, fields
from gatewayd.access.service import AccessService, clean_label
from gatewayd.callers import Role
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.operations import Context, Empty, Operation, Request, Result, Scope
from gatewayd.system.secret import Secret

LOCK = "access.accounts"
_MOST_CHARACTERS = 1024


class Login(Request, frozen=True, kw_only=True):
    """A name and its password; `code` of the authenticator app, or a recovery code, where there is a second
    factor. `cookie` is for browsers: the token goes into a cookie that no script can read."""

    name: Annotated[str, Meta(max_length=200)]
    password: Secret
    code: Secret | None = None
    label: str = "Browser"
    cookie: bool = False


class Join(Request, frozen=True, kw_only=True):
    """An invitation, and the password that is to be."""

    invitation: Secret
    password: Secret
    label: str = "Browser"
    cookie: bool = False


class StepUp(Request, frozen=True, kw_only=True):
    """A `code` where there is a second factor, else the `password`; neither where there is neither and the
    app signs with a key of its own."""

    password: Secret | None = None
    code: Secret | None = None


class SteppedUp(Result, frozen=True, kw_only=True):
    """For how many seconds what needs a proof can be done."""

    fresh_for: float


class PasswordChange(Request, frozen=True, kw_only=True):
    """The password that is to be, and the `current` one if there is one."""

    password: Secret
    current: Secret | None = None


class Done(Result, frozen=True, kw_only=True):
    """Whose it was."""

    account: str


class Me(Result, frozen=True, kw_only=True):
    """Who asks and what may be done; `fresh`: has just proved himself. `password`, `second_factor`: whether
    there is one to prove it by."""

    caller: str
    role: Role
    scopes: tuple[str, ...]
    fresh: bool
    account: str | None
    name: str | None
    password: bool
    second_factor: bool


class _Handlers:
    def __init__(self, service: AccessService) -> None:
        self._service = service

    async def me(self, request: Empty, context: Context) -> Me:
        account = self._service.account_of(context.caller)
        return Me(
            caller=context.caller.id,
            role=context.caller.role,
            scopes=tuple(sorted(context.caller.scopes)),
            fresh=context.caller.fresh,
            account=None if account is None else account.id,
            name=None if account is None else account.name or None,
            password=account is not None and account.password is not None,
            second_factor=account is not None and account.second_factor,
        )

    async def login(self, request: Login, context: Context) -> SessionGranted:
        granted = await self._service.sign_in.login(
            context.unit,
            name=request.name,
            password=bounded(request.password, "password"),
            code=None if request.code is None else bounded(request.code, "code"),
            label=clean_label(request.label),
            caller=context.caller,
            cookie=request.cookie,
        )
        return SessionGranted(**fields(granted))

    async def join(self, request: Join, context: Context) -> SessionGranted:
        granted = await self._service.sign_in.join(
            context.unit,
            invitation=bounded(request.invitation, "invitation"),
            password=bounded(request.password, "password"),
            label=clean_label(request.label),
            caller=context.caller,
            cookie=request.cookie,
        )
        return SessionGranted(**fields(granted))

    async def step_up(self, request: StepUp, context: Context) -> SteppedUp:
        seconds = await self._service.sign_in.step_up(
            context.unit,
            context.caller,
            password=None if request.password is None else bounded(request.password, "password"),
            code=None if request.code is None else bounded(request.code, "code"),
        )
        return SteppedUp(fresh_for=seconds)

    async def password(self, request: PasswordChange, context: Context) -> Done:
        await self._service.sign_in.change_password(
            context.unit,
            context.caller,
            current=None if request.current is None else bounded(request.current, "current"),
            password=bounded(request.password, "password"),
        )
        return Done(account=self._own(context).id)

    def _own(self, context: Context) -> Account:
        account = self._service.account_of(context.caller)
        if account is None:
            raise no_account()
        return account


def operations(service: AccessService) -> tuple[Operation, ...]:
    """The rows of signing in."""
    handlers = _Handlers(service)
    return (*_entering(handlers), *_proving(handlers))


def _entering(handlers: _Handlers) -> tuple[Operation, ...]:
    return (
        Operation(
            name="access.login",
            summary="Sign in with a name and a password",
            request=Login,
            result=SessionGranted,
            scope=None,
            method="POST",
            path="/access/login",
            handler=handlers.login,
            mutates=True,
            recovery="transaction",
            lock=LOCK,
            status=201,
            secret_answer=True,
            session="begins",
        ),
        Operation(
            name="access.accounts.join",
            summary="Redeem an invitation: set the password and sign in",
            request=Join,
            result=SessionGranted,
            scope=None,
            method="POST",
            path="/access/join",
            handler=handlers.join,
            mutates=True,
            recovery="transaction",
            lock=LOCK,
            status=201,
            secret_answer=True,
            session="begins",
        ),
        Operation(
            name="access.session.get",
            summary="Who asks, and what may be done",
            request=Empty,
            result=Me,
            scope=Scope.ACCESS_SELF,
            method="GET",
            path="/access/session",
            handler=handlers.me,
        ),
    )


def _proving(handlers: _Handlers) -> tuple[Operation, ...]:
    return (
        Operation(
            name="access.stepup",
            summary="Prove that it is you who holds the token",
            request=StepUp,
            result=SteppedUp,
            scope=Scope.ACCESS_SELF,
            method="POST",
            path="/access/stepup",
            handler=handlers.step_up,
            mutates=True,
            recovery="transaction",
            lock=LOCK,
        ),
        Operation(
            name="access.password.set",
            summary="Set or change your own password",
            request=PasswordChange,
            result=Done,
            scope=Scope.ACCESS_SELF,
            method="POST",
            path="/access/password",
            handler=handlers.password,
            mutates=True,
            recovery="transaction",
            lock=LOCK,
        ),
    )


def bounded(secret: Secret, field: str) -> str:
    """The text of a secret. Raises InvalidField when it is too long to be one."""
    if len(secret) > _MOST_CHARACTERS:
        raise InvalidField(field, f"{field}: at most {_MOST_CHARACTERS} characters, these are {len(secret)}.")
    return secret.reveal()


def no_account() -> GatewayError:
    """The refusal of who came in without an account."""
    return GatewayError("access.account_not_found", "You came in without an account.", field="account")
