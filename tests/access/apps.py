"""Apps as the box sees them: they hold tokens, with a key or without, and refresh them."""

from __future__ import annotations

from typing import Any

from gatewayd.callers import Caller, Shown, anonymous, local
from gatewayd.client.proof import AppKey
from gatewayd.errors import GatewayError
from tests.support.access import Access

SHELL = local(0)
ADDRESS = "192.0.2.20"
URL = "https://box.local/v1/info"


class App:
    """One paired app."""

    def __init__(self, access: Access, granted: dict[str, Any], key: AppKey | None = None) -> None:
        self.access = access
        self.key = key
        self.granted = granted

    @property
    def token(self) -> str:
        return str(self.granted["token"])

    @property
    def session(self) -> str:
        return str(self.granted["session"])

    def shown(self, token: str | None = None, **more: Any) -> Shown:
        """A request of it, with a proof when it has a key."""
        token = token or self.token
        fields: dict[str, Any] = {"kind": "bearer", "token": token, "url": URL, "address": ADDRESS}
        if self.key is not None:
            nonce = self.access.service.nonce()
            fields |= {"kind": "dpop", "proof": self.key.prove("GET", URL, nonce=nonce, token=token)}
        return Shown(**(fields | more))

    async def caller(self, token: str | None = None) -> Caller:
        """Who the box takes it for."""
        return await self.access.service.admit(self.shown(token))

    async def is_let_in(self, token: str | None = None) -> bool:
        try:
            await self.caller(token)
        except GatewayError:
            return False
        return True

    def stranger(self) -> Caller:
        """Itself without a token."""
        return anonymous("http", key=None if self.key is None else self.key.thumbprint, address=ADDRESS)

    async def refresh(self, token: str | None = None) -> dict[str, Any]:
        """The next tokens, not taken yet."""
        answer: dict[str, Any] = await self.access.call(
            "access.refresh",
            {"refresh_token": token or self.granted["refresh_token"]},
            caller=self.stranger(),
        )
        return answer

    async def renew(self) -> None:
        """Takes the next tokens."""
        self.granted |= await self.refresh()


async def pair(access: Access, label: str = "App", *, key: AppKey | None = None, **more: Any) -> App:
    """An app of the owner's."""
    opened = await access.call("access.pairing.open", caller=SHELL)
    caller = anonymous("http", key=None if key is None else key.thumbprint, address=ADDRESS)
    granted = await access.call(
        "access.claim.finish", {"code": opened["code"], "label": label, **more}, caller=caller
    )
    return App(access, granted, key)
