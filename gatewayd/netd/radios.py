"""Scans and sets radios through nl80211. Every call first asks whether the interface is a radio."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path
from typing import Any

from pyroute2 import AsyncIW, AsyncNL80211
from pyroute2.netlink import NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.nl80211 import NL80211_NAMES, nl80211cmd

from gatewayd.errors import GatewayError
from gatewayd.netd import verbs

_FIXED_POWER = 2  # NL80211_TX_POWER_FIXED of nl80211.h
_MOST_NETWORKS = 512
_SSID = 0  # the element id of 802.11, 9.4.2.2


def require_radio(interface: str) -> None:
    """Raises GatewayError `netd.not_supported` when the interface is no wireless one."""
    if not Path("/sys/class/net", interface, "phy80211").exists():
        raise GatewayError("netd.not_supported", f"{interface} is not a radio.", field="interface")


async def scan(interface: str, index: int, seconds: float) -> verbs.ScanAnswer:
    """What the radio hears within `seconds`, strongest first.

    Raises GatewayError `netd.busy`, `netd.interface_down`, `netd.failed`.
    """
    require_radio(interface)
    try:
        async with asyncio.timeout(seconds), AsyncIW() as kernel, AsyncNL80211() as events:
            await kernel.bind()
            await events.bind()
            events.add_membership("scan")  # before the scan, or its end could be missed
            await _request(kernel, "NL80211_CMD_TRIGGER_SCAN", index, NLM_F_ACK)
            await _finished(events, interface, index)
            found = await _request(kernel, "NL80211_CMD_GET_SCAN", index, NLM_F_DUMP)
    except NetlinkError as error:
        raise _refusal(interface, error) from error
    except TimeoutError:
        raise GatewayError("netd.failed", f"The scan did not end within {seconds:g} s.") from None
    heard = [one for message in found if (one := _bss(message)) is not None]
    heard.sort(key=lambda one: -(one.signal_dbm if one.signal_dbm is not None else -200.0))
    return verbs.ScanAnswer(networks=tuple(heard[:_MOST_NETWORKS]))


async def _request(kernel: AsyncIW, command: str, index: int, flags: int) -> list[Any]:
    message = nl80211cmd()
    message["cmd"] = NL80211_NAMES[command]
    message["attrs"] = [["NL80211_ATTR_IFINDEX", index]]
    answers = await kernel.nlm_request(message, msg_type=kernel.prid, msg_flags=NLM_F_REQUEST | flags)
    return [answer async for answer in answers]


async def _finished(events: AsyncNL80211, interface: str, index: int) -> None:
    """Waits until this radio's scan has ended."""
    while True:
        async for message in events.get():
            if message.get_attr("NL80211_ATTR_IFINDEX") != index:
                continue
            match message["event"]:
                case "NL80211_CMD_NEW_SCAN_RESULTS":
                    return
                case "NL80211_CMD_SCAN_ABORTED":
                    raise GatewayError("netd.failed", f"{interface} broke the scan off.")


async def configure(wanted: verbs.RadioSet, index: int) -> None:
    """Sets power and country. Raises GatewayError `netd.failed` when the driver refuses."""
    require_radio(wanted.interface)
    try:
        async with AsyncIW() as kernel:
            await kernel.bind()
            if wanted.country is not None:
                await kernel.set_regulatory_domain(wanted.country)
            if wanted.tx_power_dbm is not None:
                await kernel.set_tx_power(index, _FIXED_POWER, wanted.tx_power_dbm * 100)  # mBm
    except NetlinkError as error:
        raise _refusal(wanted.interface, error) from error


def _bss(message: Any) -> verbs.ScanBss | None:
    bss = message.get_attr("NL80211_ATTR_BSS")
    bssid = bss.get_attr("NL80211_BSS_BSSID") if bss is not None else None
    if bssid is None:
        return None
    signal = bss.get_attr("NL80211_BSS_SIGNAL_MBM")
    if isinstance(signal, dict):
        signal = signal.get("VALUE")
    return verbs.ScanBss(
        bssid=str(bssid),
        ssid=_ssid(bss.get_attr("NL80211_BSS_INFORMATION_ELEMENTS")),
        frequency=bss.get_attr("NL80211_BSS_FREQUENCY"),
        signal_dbm=signal / 100 if isinstance(signal, int) else None,
    )


def _ssid(elements: Any) -> bytes:
    """The SSID out of what the library made of the information elements: a dict, or the bytes."""
    if isinstance(elements, dict):
        found = elements.get("SSID", b"")
        return found if isinstance(found, bytes) else str(found).encode(errors="surrogateescape")
    raw = bytes(elements) if isinstance(elements, bytes | bytearray) else b""
    while len(raw) >= 2:
        if raw[0] == _SSID:
            return raw[2 : 2 + raw[1]][:32]
        raw = raw[2 + raw[1] :]
    return b""


def _refusal(interface: str, error: NetlinkError) -> GatewayError:
    match error.code:
        case errno.EBUSY:
            return GatewayError("netd.busy", f"{interface} is scanning already.")
        case errno.ENETDOWN:
            return GatewayError("netd.interface_down", f"{interface} is down.")
        case errno.EOPNOTSUPP | errno.ENODEV | errno.ENOENT:
            return GatewayError("netd.not_supported", f"{interface} cannot do this.")
    return GatewayError("netd.failed", f"{interface}: {error.args[-1]}")
