"""Looking for network tuners at home: one question to every network, and who answers within a moment."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import psutil
import structlog

from gatewayd.dvr import hdhomerun
from gatewayd.system.fetch import is_forbidden, is_own

log = structlog.get_logger(__name__)

_NARROWEST = 30  # a /31 or /32 has no broadcast address
MOST_FOUND = 32
MOST_PACKETS = 1000
ASK_AGAIN = 0.3
"""Seconds after which the question is repeated: the first may be lost."""


class Found(NamedTuple):
    """A tuner that answered; `url` is where its pages are, at the address that it answered from."""

    device: str
    url: str
    tuners: int | None


async def discover(
    seconds: float,
    *,
    device: str | None = None,
    interfaces: tuple[str, ...] = (),
    allow_loopback: bool = False,
    port: int = hdhomerun.PORT,
) -> tuple[Found, ...]:
    """Who answers within `seconds`, by device id; at once when the `device` that is wanted has answered.

    Asks on the `interfaces` named, or on all that can broadcast. With `allow_loopback` also 127.0.0.1.
    """
    loop = asyncio.get_running_loop()
    ears = _Ears(device, allow_loopback)
    transports: list[tuple[asyncio.DatagramTransport, str]] = []
    try:
        for own, target in _targets(interfaces, allow_loopback):
            try:
                transport, _ = await loop.create_datagram_endpoint(
                    lambda: ears, local_addr=(own, 0), family=socket.AF_INET, allow_broadcast=True
                )
            except OSError as error:  # an address that has just gone
                log.debug("dvr.discovery_not_on", address=own, error=str(error))
                continue
            transports.append((transport, target))
        question = hdhomerun.request(device)
        for pause in (min(ASK_AGAIN, seconds / 2), max(0.0, seconds - ASK_AGAIN)):
            for transport, target in transports:
                transport.sendto(question, (target, port))
            await ears.listen(pause)
    finally:
        for transport, _ in transports:
            transport.close()
    return tuple(found for _, found in sorted(ears.found.items()))


class _Ears(asyncio.DatagramProtocol):
    """Collects answers; what is none is forgotten."""

    def __init__(self, device: str | None, allow_loopback: bool) -> None:
        self.found: dict[str, Found] = {}
        self._device = device
        self._allow_loopback = allow_loopback
        self._heard = 0
        self._enough = asyncio.Event()

    async def listen(self, seconds: float) -> None:
        """Until enough was heard, at most `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._enough.wait()
        except TimeoutError:
            pass

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self._heard += 1
        if self._heard > MOST_PACKETS or len(self.found) >= MOST_FOUND:
            self._enough.set()
            return
        try:
            told = hdhomerun.reply(data)
        except ValueError as error:
            log.debug("dvr.discovery_noise", sender=addr[0], reason=str(error))
            return
        sender = ipaddress.ip_address(addr[0])
        if not self._allow_loopback and (is_forbidden(sender) or is_own(sender)):
            return
        self.found[told.device] = Found(told.device, _address(told.base, addr[0]), told.tuners)
        if told.device == self._device:
            self._enough.set()

    def error_received(self, exc: Exception) -> None:
        log.debug("dvr.discovery_error", error=str(exc))


def _address(base: str | None, sender: str) -> str:
    """Where the device's pages are: never at another host than the one that answered."""
    try:
        parts = urlsplit(base or "")
        port = parts.port
    except ValueError:
        return f"http://{sender}"
    if parts.hostname != sender or parts.scheme != "http" or port in (None, 80):
        return f"http://{sender}"
    return f"http://{sender}:{port}"


def _targets(interfaces: tuple[str, ...], allow_loopback: bool) -> Iterator[tuple[str, str]]:
    """Own IPv4 address and the broadcast address of its network, for each network."""
    if allow_loopback:
        yield "127.0.0.1", "127.0.0.1"
    for name, addresses in psutil.net_if_addrs().items():
        if interfaces and name not in interfaces:
            continue
        for entry in addresses:
            if entry.family != socket.AF_INET or not entry.netmask:
                continue
            # The mask tells it; an interface need not know its broadcast address.
            own = ipaddress.IPv4Interface(f"{entry.address}/{entry.netmask}")
            if not own.is_loopback and own.network.prefixlen <= _NARROWEST:
                yield entry.address, str(own.network.broadcast_address)
