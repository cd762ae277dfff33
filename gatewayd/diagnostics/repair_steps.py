"""How the steps of self-repair are taken: the WAN's interface, the modem's web page."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from gatewayd.diagnostics.repair import Rung
from gatewayd.errors import GatewayError
from gatewayd.netd.client import NetworkDoor
from gatewayd.settings import RepairSettings
from gatewayd.system.clock import Clock

DARK = 5.0
"""Seconds without a signal: long enough for the far end to notice."""
_TIMEOUT = 15.0
_MOST = 64 * 1024


def bounce_wan(door: NetworkDoor, interface: str, clock: Clock) -> Rung:
    """Takes the WAN's interface down and up again. It is set up again whatever happens between."""

    async def up() -> None:
        await door.link_set(interface, up=True)

    async def take() -> None:
        await door.link_set(interface, up=False)
        try:
            await clock.sleep(DARK)
        finally:
            await asyncio.shield(up())

    return Rung(take, up)


def restart_modem(settings: RepairSettings) -> Rung | None:
    """The HTTP call that the settings name; None where they name none."""
    if settings.modem_url is None:
        return None
    url = settings.modem_url

    async def take() -> None:
        import aiohttp

        headers = {"Content-Type": settings.modem_content_type} if settings.modem_body is not None else {}
        if settings.modem_authorization_file is not None:
            headers["Authorization"] = await asyncio.to_thread(_first_line, settings.modem_authorization_file)
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
                session.request(
                    settings.modem_method,
                    url,
                    data=settings.modem_body,
                    headers=headers,
                    allow_redirects=False,
                ) as answer,
            ):
                await answer.content.read(_MOST)
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            # Neither the address nor the error's own words: either may hold a password.
            raise _failed(f"the modem did not answer ({type(error).__name__}).") from None
        if not 200 <= status < 300:
            raise _failed(f"the modem answered {status}.")

    return Rung(take)


def called(ask: Callable[[], Awaitable[None]]) -> Rung:
    """A step that somebody else takes."""
    return Rung(ask)


def _first_line(path: str) -> str:
    try:
        with Path(path).open(encoding="utf-8") as file:
            return file.readline(4096).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _failed(
            f"the file for the modem's authorization cannot be read ({type(error).__name__})."
        ) from None


def _failed(reason: str) -> GatewayError:
    return GatewayError("diagnostics.repair_failed", f"This step was not taken: {reason}")
