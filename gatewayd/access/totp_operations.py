"""The operations of the second factor."""

from __future__ import annotations

from gatewayd.access import codes
from gatewayd.access.accounts import Account
from gatewayd.access.login_operations import LOCK, Done, bounded, no_account
from gatewayd.access.service import AccessService
from gatewayd.access.totp import check_code
from gatewayd.errors import GatewayError
from gatewayd.operations import Context, Empty, Operation, Request, Result, Scope
from gatewayd.system.secret import Secret


class Code(Request, frozen=True, kw_only=True):
    """A code of the authenticator app."""

    code: Secret


class TotpStarted(Result, frozen=True, kw_only=True):
    """What goes into the authenticator app, shown this once: base32, or the address, also as a QR code (an
    SVG document)."""

    secret: str
    uri: str
    qr: str


class RecoveryCodes(Result, frozen=True, kw_only=True):
    """Ten codes for the day when the phone is gone, each good once, shown this once."""

    codes: tuple[str, ...]


class TotpRemove(Request, frozen=True, kw_only=True):
    """Whose second factor ends; left out: the caller's own. Another's takes the right to manage accounts."""

    account: str | None = None


class _Handlers:
    def __init__(self, service: AccessService) -> None:
        self._service = service

    async def start(self, request: Empty, context: Context) -> TotpStarted:
        secret, uri = self._service.second_factor.start(context.unit, self._own(context))
        return TotpStarted(secret=secret, uri=uri, qr=codes.qr_svg(uri))

    async def confirm(self, request: Code, context: Context) -> RecoveryCodes:
        code = bounded(request.code, "code")
        check_code(code)
        drawn = await self._service.second_factor.confirm(context.unit, self._own(context), code)
        return RecoveryCodes(codes=tuple(drawn))

    async def recovery(self, request: Empty, context: Context) -> RecoveryCodes:
        account = self._own(context)
        if not account.second_factor:
            raise GatewayError("access.second_factor_not_started", "Begin with access.totp.start.")
        return RecoveryCodes(codes=tuple(self._service.second_factor.draw_recovery(context.unit, account)))

    async def remove(self, request: TotpRemove, context: Context) -> Done:
        account = self._service.account_of(context.caller)
        if request.account is not None and (account is None or request.account != account.id):
            if Scope.ACCESS_MANAGE not in context.caller.scopes:
                raise GatewayError("access.forbidden", "Only an owner ends somebody else's second factor.")
            account = self._service.accounts.get(request.account)
        if account is None:
            raise no_account()
        self._service.second_factor.remove(context.unit, account)
        return Done(account=account.id)

    def _own(self, context: Context) -> Account:
        account = self._service.account_of(context.caller)
        if account is None:
            raise no_account()
        return account


def operations(service: AccessService) -> tuple[Operation, ...]:
    """The rows of the second factor."""
    handlers = _Handlers(service)
    return (*_setting_up(handlers), *_set_up(handlers))


def _setting_up(handlers: _Handlers) -> tuple[Operation, ...]:
    return (
        Operation(
            name="access.totp.start",
            summary="Begin to set up a second factor",
            request=Empty,
            result=TotpStarted,
            scope=Scope.ACCESS_SELF,
            method="POST",
            path="/access/totp/start",
            handler=handlers.start,
            mutates=True,
            recovery="transaction",
            lock=LOCK,
            secret_answer=True,
            step_up=True,
        ),
        Operation(
            name="access.totp.confirm",
            summary="Switch the second factor on with its first code; answers the recovery codes",
            request=Code,
            result=RecoveryCodes,
            scope=Scope.ACCESS_SELF,
            method="POST",
            path="/access/totp/confirm",
            handler=handlers.confirm,
            mutates=True,
            recovery="transaction",
            lock=LOCK,
            secret_answer=True,
            step_up=True,
        ),
    )


def _set_up(handlers: _Handlers) -> tuple[Operation, ...]:
    return (
        Operation(
            name="access.totp.recovery",
            summary="Ten new recovery codes in place of those before",
            request=Empty,
            result=RecoveryCodes,
            scope=Scope.ACCESS_SELF,
            method="POST",
            path="/access/totp/recovery",
            handler=handlers.recovery,
            mutates=True,
            recovery="transaction",
            lock=LOCK,
            secret_answer=True,
            step_up=True,
        ),
        Operation(
            name="access.totp.remove",
            summary="Switch a second factor off",
            request=TotpRemove,
            result=Done,
            scope=Scope.ACCESS_SELF,
            method="POST",
            path="/access/totp/remove",
            handler=handlers.remove,
            mutates=True,
            recovery="transaction",
            lock=LOCK,
            target="account",
            step_up=True,
        ),
    )
