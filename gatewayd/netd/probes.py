"""Sends ARP and DHCP probes through a packet socket (packet(7)). Needs CAP_NET_RAW."""

from __future__ import annotations

import asyncio
import errno
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gatewayd.errors import GatewayError
from gatewayd.netd import packets, verbs

_ETHERNET_HEADER = 1  # ARPHRD_ETHER of if_arp.h: the only hardware whose frames we build
_MOST_REPLIES = 1024
_MORE_OFFERS = 0.5  # seconds to wait for a second server after the first offer
_CLAIM_AFTER = 1.5  # seconds without an offer
_DISCOVER_EVERY = 2.0  # seconds; RFC 2131, 4.1 would start at 4, but the asker has 10 in all


@contextmanager
def packet_socket(interface: str, ethertype: int) -> Iterator[socket.socket]:
    """A raw socket bound to `interface`; coded refusals instead of OSError."""
    try:
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        with sock:
            # Created with protocol 0 and bound with the real one: else it would collect frames of all
            # interfaces between the two calls.
            sock.bind((interface, ethertype))
            if sock.getsockname()[3] != _ETHERNET_HEADER:
                raise GatewayError("netd.not_supported", f"{interface} does not carry Ethernet frames.")
            yield sock
    except OSError as error:
        raise refusal(interface, error) from error


def refusal(interface: str, error: OSError) -> GatewayError:
    """The coded form of what the kernel answered."""
    match error.errno:
        case errno.ENODEV | errno.ENXIO:
            return GatewayError("netd.no_interface", f"There is no interface {interface}.")
        case errno.ENETDOWN:
            return GatewayError("netd.interface_down", f"{interface} is down.")
        case errno.EPERM | errno.EACCES:
            return GatewayError("netd.not_supported", "The helper lacks the capability for this.")
        case errno.EOPNOTSUPP | errno.EAFNOSUPPORT:
            return GatewayError("netd.not_supported", f"{interface} cannot do this.")
    return GatewayError("netd.failed", f"{interface}: {error.strerror or error}")


async def arp(wanted: verbs.ArpProbe) -> verbs.ArpProbeAnswer:
    """Asks, waits, asks again; see `verbs.ArpProbe`."""
    with packet_socket(wanted.interface, packets.ETH_ARP) as sock:
        mac: bytes = sock.getsockname()[4][:6]
        source = wanted.source or "0.0.0.0"  # noqa: S104 - the sender of RFC 5227, not a listener
        replies: dict[tuple[str, str], float] = {}
        targets = frozenset(wanted.targets)
        start = time.monotonic()

        def take(frame: bytes) -> bool:
            answer = packets.parse_arp(frame)
            # The mac test: a second socket of this host also sees the box's own replies.
            if answer is None or answer.address not in targets or answer.mac == packets.mac_text(mac):
                return False
            if len(replies) < _MOST_REPLIES:
                replies.setdefault(answer, _since(start))
            return targets <= {address for address, _ in replies}

        sent = 0
        for _ in range(wanted.count):
            heard = {address for address, _ in replies}
            for target in wanted.targets:
                if target not in heard:
                    await _send(sock, packets.arp_request(mac, source, target))
                    sent += 1
            if await _listen(sock, take, wanted.interval_ms / 1000):
                break
        found = (verbs.ArpReply(address=a, mac=m, ms=ms) for (a, m), ms in replies.items())
        return verbs.ArpProbeAnswer(replies=tuple(found), sent=sent)


async def dhcp(wanted: verbs.DhcpProbe) -> verbs.DhcpProbeAnswer:
    """Discovers, collects offers, requests none of them; see `verbs.DhcpProbe`."""
    with packet_socket(wanted.interface, packets.ETH_IP) as sock:
        mac: bytes = sock.getsockname()[4][:6]
        transaction = secrets.randbits(32)
        refused_by: str | None = None
        offers: dict[tuple[str, str], verbs.DhcpOffer] = {}
        start = time.monotonic()
        end = start + wanted.timeout_ms / 1000

        def take(frame: bytes) -> bool:
            nonlocal refused_by
            refused_by = packets.parse_refusal(frame, mac, transaction) or refused_by
            offer = packets.parse_offer(frame, mac, transaction)
            if offer is not None and len(offers) < _MOST_REPLIES:
                shaped = verbs.DhcpOffer(**offer._asdict(), ms=_since(start))
                offers.setdefault((offer.server, offer.address), shaped)
            return offer is not None

        while not offers and (left := end - time.monotonic()) > 0:
            await _send(
                sock,
                packets.dhcp_discover(mac, transaction, int(time.monotonic() - start)),
            )
            if time.monotonic() - start > _CLAIM_AFTER and refused_by is None:
                await _send(sock, packets.dhcp_claim(mac, transaction, int(time.monotonic() - start)))
            if await _listen(sock, take, min(_DISCOVER_EVERY, left)):
                await _listen(
                    sock,
                    lambda frame: take(frame) and False,
                    min(_MORE_OFFERS, wanted.timeout_ms / 1000),
                )
        return verbs.DhcpProbeAnswer(offers=tuple(offers.values()), refused_by=refused_by)


async def _send(sock: socket.socket, frame: bytes) -> None:
    """Sends one frame on the interface that the socket is bound to."""
    while True:
        try:
            sock.send(frame)
        except BlockingIOError:
            await asyncio.sleep(0.005)  # the send buffer is full: packet sockets give no writable event
        else:
            return


async def _listen(sock: socket.socket, take: Callable[[bytes], bool], seconds: float) -> bool:
    """Feeds frames to `take` until it is content (True) or the time is over (False)."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            while True:
                if take(await loop.sock_recv(sock, 2048)):
                    return True
    except TimeoutError:
        return False


def _since(start: float) -> float:
    return round((time.monotonic() - start) * 1000, 3)
