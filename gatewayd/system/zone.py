"""The time zone that people here live by."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gatewayd.errors import GatewayError

_LINK = Path("/etc/localtime")


def find_zone(name: str | None = None) -> ZoneInfo:
    """The zone of that IANA name, else the system's (where `/etc/localtime` points), else UTC.

    Reads a small file. Raises GatewayError `settings.invalid` when `name` is not a zone.
    """
    if name is not None:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise GatewayError(
                "settings.invalid", f"box.time_zone: there is no time zone {name[:64]!r}"
            ) from error
    target = str(_LINK.resolve())
    try:
        return ZoneInfo(target.partition("/zoneinfo/")[2] or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
