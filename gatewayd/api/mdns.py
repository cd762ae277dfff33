"""The mDNS advert `_gatewayd._tcp`: a hint where the box is, never a reason to trust it."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from collections.abc import Callable, Iterable, Sequence

import ifaddr
import structlog
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from gatewayd.api.box import BoxInfo, BoxInfoSource
from gatewayd.events import Bus

log = structlog.get_logger(__name__)
SERVICE = "_gatewayd._tcp.local."
_LABEL_BYTES = 63  # one DNS label, RFC 1035, 2.3.4


class Advert:
    """Announces the box at `addresses()`: by default those of all interfaces but loopback.

    `run` belongs to a supervisor. It looks at the addresses every `poll` seconds, and at the box's
    state then and after every event of `topics`.
    """

    def __init__(
        self,
        box: BoxInfoSource,
        bus: Bus,
        *,
        port: int,
        addresses: Callable[[], tuple[str, ...]] | None = None,
        topics: Sequence[str] = ("access.*", "box.*"),
        poll: float = 30.0,
    ) -> None:
        self._box = box
        self._bus = bus
        self._port = port
        self._own = addresses or own_addresses
        self._topics = tuple(topics)
        self._poll = poll
        self.addresses: tuple[str, ...] = ()
        """Where the box is announced now."""

    async def run(self) -> None:
        """Announces until cancelled, then says goodbye. Raises OSError and zeroconf's errors."""
        while True:
            self.addresses = await asyncio.to_thread(self._own)
            if self.addresses:
                await self._announce(self.addresses)
            else:
                await asyncio.sleep(self._poll)

    async def _announce(self, addresses: tuple[str, ...]) -> None:
        """Announces on these addresses until they are others: sockets are bound to them one by one."""
        responder = AsyncZeroconf(interfaces=list(addresses))
        try:
            info = describe(await self._box(), addresses, self._port)
            with self._bus.subscribe(*self._topics, size=1) as changes:
                await (await responder.async_register_service(info, allow_name_change=True))
                log.info("mdns.announced", name=info.name, addresses=addresses)
                while addresses == await asyncio.to_thread(self._own):
                    info = await self._refresh(responder, info, addresses)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self._poll):
                            await anext(changes)
        finally:
            # A shielded goodbye: the cancelled run waits for it, so that no ghost of the box stays behind.
            await asyncio.shield(responder.async_close())

    async def _refresh(
        self, responder: AsyncZeroconf, info: AsyncServiceInfo, addresses: tuple[str, ...]
    ) -> AsyncServiceInfo:
        now = describe(await self._box(), addresses, self._port, name=info.name)
        if now.text == info.text:
            return info
        await (await responder.async_update_service(now))
        return now


def describe(
    box: BoxInfo, addresses: Iterable[str], port: int, *, name: str | None = None
) -> AsyncServiceInfo:
    """The advert's record. Its TXT says `id`, `model`, `api`, `state` and nothing else."""
    return AsyncServiceInfo(
        SERVICE,
        name or f"{instance_name(box)}.{SERVICE}",
        parsed_addresses=list(addresses),
        port=port,
        properties={"id": box.id, "model": box.model, "api": box.api, "state": box.state},
        server=f"{box.id}.local.",
    )


def instance_name(box: BoxInfo) -> str:
    """What a list of boxes shows: the name, and the end of the id to tell two alike apart."""
    tail = f" ({box.id[-6:]})"
    words = "".join(" " if letter == "." or not letter.isprintable() else letter for letter in box.name)
    room = _LABEL_BYTES - len(tail.encode())
    return " ".join(words.split()).encode()[:room].decode(errors="ignore").strip() + tail


def own_addresses(interfaces: Iterable[str] = ()) -> tuple[str, ...]:
    """IPv4 and IPv6 addresses of the interfaces named, sorted; without names of all but loopback.

    Link-local IPv6 is left out: an address record has no room for its zone.
    """
    chosen, found = frozenset(interfaces), set[str]()
    for adapter in ifaddr.get_adapters():
        if chosen and adapter.nice_name not in chosen:
            continue
        for entry in adapter.ips:
            text = entry.ip if isinstance(entry.ip, str) else entry.ip[0]
            address = ipaddress.ip_address(text)
            wanted = bool(chosen) or not address.is_loopback
            if wanted and not (address.version == 6 and address.is_link_local):
                found.add(text)
    return tuple(sorted(found))
