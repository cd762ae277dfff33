"""Scans, surveys and sets radios through nl80211. Every call first asks whether the interface is a radio."""

from __future__ import annotations

import asyncio
import errno
import time
from pathlib import Path

from gatewayd.errors import GatewayError
from gatewayd.netd import air, verbs
from gatewayd.system.genetlink import Family, Message, attribute, number, read, u32

_FAMILY = "nl80211"
# NL80211_CMD_* and NL80211_ATTR_* of linux/nl80211.h
_SET_WIPHY, _REQ_SET_REG, _GET_SCAN, _TRIGGER_SCAN = 2, 27, 32, 33
_NEW_SCAN_RESULTS, _SCAN_ABORTED, _GET_SURVEY = 34, 35, 50
_IFINDEX, _ALPHA2, _TX_POWER_SETTING, _TX_POWER_LEVEL, _SCAN_FLAGS = 3, 33, 97, 98, 158
_FIXED_POWER = 2  # NL80211_TX_POWER_FIXED
_WHILE_SENDING = 1 << 2  # NL80211_SCAN_FLAG_AP
_MOST_NETWORKS = 512
_MOST_CHANNELS = 256
_WEAKEST = -200.0


def require_radio(interface: str) -> None:
    """Raises GatewayError `netd.not_supported` when the interface is no wireless one."""
    if not Path("/sys/class/net", interface, "phy80211").exists():
        raise GatewayError("netd.not_supported", f"{interface} is not a radio.", field="interface")


async def scan(wanted: verbs.Scan, index: int) -> verbs.ScanAnswer:
    """What the radio hears in time, strongest first.

    Raises GatewayError `netd.busy`, `netd.interface_down`, `netd.failed`.
    """
    interface, seconds = wanted.interface, wanted.timeout_ms / 1000
    require_radio(interface)
    flags = u32(_SCAN_FLAGS, _WHILE_SENDING) if wanted.while_sending else b""
    try:
        async with asyncio.timeout(seconds), Family(_FAMILY) as kernel, Family(_FAMILY) as events:
            events.join("scan")  # before the scan, or its end could be missed
            began = time.monotonic()
            await kernel.ask(_TRIGGER_SCAN, u32(_IFINDEX, index) + flags)
            await _finished(events, interface, index)
            found = await kernel.ask(_GET_SCAN, u32(_IFINDEX, index), dump=True)
    except TimeoutError:  # an OSError too: so it is caught first
        raise GatewayError("netd.failed", f"The scan did not end within {seconds:g} s.") from None
    except OSError as error:
        raise _refusal(interface, error) from error
    return heard(found, lasted_ms=(time.monotonic() - began) * 1000)


def heard(answers: list[Message], *, lasted_ms: float) -> verbs.ScanAnswer:
    """What a dump of scan results says of the last `lasted_ms`, strongest first. Pure; takes any bytes.

    The kernel also tells what it heard before: another name or channel of a BSS that has changed since, which
    proves nothing of now. A hidden network may be there twice, with and without its name.
    """
    told = (air.bss(message.attributes) for message in answers)
    networks = [one for one in told if one is not None and (one.seen_ms or 0) <= lasted_ms]
    networks.sort(key=lambda one: -(one.signal_dbm if one.signal_dbm is not None else _WEAKEST))
    return verbs.ScanAnswer(networks=tuple(networks[:_MOST_NETWORKS]))


async def survey(interface: str, index: int) -> verbs.SurveyAnswer:
    """What the radio counted on each channel. Raises GatewayError `netd.not_supported`, `netd.failed`."""
    require_radio(interface)
    try:
        async with asyncio.timeout(5), Family(_FAMILY) as kernel:
            found = await kernel.ask(_GET_SURVEY, u32(_IFINDEX, index), dump=True)
    except TimeoutError:
        raise GatewayError("netd.failed", "The kernel did not answer.") from None
    except OSError as error:
        raise _refusal(interface, error) from error
    channels = [one for message in found if (one := air.survey(message.attributes)) is not None]
    channels.sort(key=lambda one: one.frequency)
    return verbs.SurveyAnswer(channels=tuple(channels[:_MOST_CHANNELS]))


async def _finished(events: Family, interface: str, index: int) -> None:
    """Waits until this radio's scan has ended."""
    async for message in events.events():
        if number(read(message.attributes).get(_IFINDEX)) != index:
            continue
        if message.command == _NEW_SCAN_RESULTS:
            return
        if message.command == _SCAN_ABORTED:
            raise GatewayError("netd.failed", f"{interface} broke the scan off.")


async def configure(wanted: verbs.RadioSet, index: int) -> None:
    """Sets power and country. Raises GatewayError `netd.failed` when the driver refuses."""
    require_radio(wanted.interface)
    try:
        async with asyncio.timeout(5), Family(_FAMILY) as kernel:
            if wanted.country is not None:
                await kernel.ask(_REQ_SET_REG, attribute(_ALPHA2, wanted.country.encode() + b"\0"))
            if wanted.tx_power_dbm is not None:
                power = u32(_TX_POWER_SETTING, _FIXED_POWER) + u32(_TX_POWER_LEVEL, wanted.tx_power_dbm * 100)
                await kernel.ask(_SET_WIPHY, u32(_IFINDEX, index) + power)
    except TimeoutError:
        raise GatewayError("netd.failed", "The kernel did not answer.") from None
    except OSError as error:
        raise _refusal(wanted.interface, error) from error


def _refusal(interface: str, error: OSError) -> GatewayError:
    match error.errno:
        case errno.EBUSY:
            return GatewayError("netd.busy", f"{interface} is scanning already.")
        case errno.ENETDOWN:
            return GatewayError("netd.interface_down", f"{interface} is down.")
        case errno.EOPNOTSUPP | errno.ENODEV | errno.ENOENT:
            return GatewayError("netd.not_supported", f"{interface} cannot do this.")
    return GatewayError("netd.failed", f"{interface}: {error.strerror}")
