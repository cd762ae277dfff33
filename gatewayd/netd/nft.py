"""Runs the nft program: the only child that netd starts, without a shell, with JSON on its input."""

from __future__ import annotations

import asyncio
import shutil
from typing import Any

import msgspec
import structlog

from gatewayd.errors import GatewayError

log = structlog.get_logger(__name__)

_TIMEOUT = 10.0
_PLACES = "/usr/sbin:/sbin:/usr/bin:/bin"


async def run(batch: dict[str, Any]) -> None:
    """Applies one batch of nftables JSON as a whole or not at all.

    Raises GatewayError `netd.not_supported` without the program, `netd.failed` when the kernel refuses.
    """
    program = shutil.which("nft", path=_PLACES)
    if program is None:
        raise GatewayError("netd.not_supported", "The program nft (package nftables) is not installed.")
    child = await asyncio.create_subprocess_exec(
        program,
        "-j",
        "-f",
        "-",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": _PLACES, "LC_ALL": "C"},
    )
    try:
        async with asyncio.timeout(_TIMEOUT):
            _, errors = await child.communicate(msgspec.json.encode(batch))
    except TimeoutError:
        raise GatewayError("netd.failed", f"nft did not end within {_TIMEOUT:g} s.") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        reason = errors.decode(errors="replace").strip().splitlines()
        log.warning("netd.nft_failed", status=child.returncode, reason=reason[:3])
        raise GatewayError(
            "netd.failed",
            f"nft refused the rules: {reason[0] if reason else 'no reason given'}",
        )
