"""A network as a connection of NetworkManager. Pure; the settings are those of nm-settings-dbus(5).

`key-mgmt` wpa-psk means WPA2 and, where protected management frames are allowed, WPA3 beside it; sae means
WPA3 alone. The SSID and the password go in as they are: nothing splits or unquotes them.
"""

from __future__ import annotations

import uuid
from typing import Any

from dbus_fast import Variant

from gatewayd.wifi.driver import Refused
from gatewayd.wifi.model import Band, NetworkSettings, Security
from gatewayd.wifi.networkmanager_bus import Profile
from gatewayd.wifi.render import RadioSettings

_NAMESPACE = uuid.UUID("6c0a2f0e-6f0e-5c52-9d6e-6a7a1d2f4b19")
_KEY_MANAGEMENT = {
    Security.WPA2: "wpa-psk",
    Security.WPA2_WPA3: "wpa-psk",
    Security.WPA3: "sae",
}
_NO_PMF, _PMF, _MUST_PMF = 1, 2, 3  # NM_SETTING_WIRELESS_SECURITY_PMF_*
_PROTECTION = {
    Security.WPA2: _NO_PMF,
    Security.WPA2_WPA3: _PMF,
    Security.WPA3: _MUST_PMF,
}
_BAND = {Band.GHZ_2_4: "bg", Band.GHZ_5: "a"}
CONNECTION, WIRELESS, SECURITY, USER = "connection", "802-11-wireless", "802-11-wireless-security", "user"
_WRITING = "gatewayd.writing"
_OURS = (CONNECTION, WIRELESS, SECURITY)


def identity(radio: RadioSettings, network: str) -> str:
    """The UUID of a network's connection on a radio: always the same."""
    return str(uuid.uuid5(_NAMESPACE, f"{radio.interface}/{network}"))


def check(radio: RadioSettings, networks: tuple[NetworkSettings, ...]) -> None:
    """Raises Refused for what NetworkManager cannot send on one radio."""
    if len(networks) > 1:
        names = " and ".join(network.network for network in networks)
        raise Refused(f"NetworkManager sends one network on each radio, and {names} want {radio.interface}.")
    for network in networks:
        if radio.band not in _BAND:
            raise Refused(f"NetworkManager sends nothing on {radio.band} GHz.")
        if network.security is Security.OWE:  # 1.42 refuses to activate it, as UnknownConnection
            raise Refused("NetworkManager cannot send a network with security owe: that needs hostapd.")
        if any(not key.revoked for key in network.keys):
            raise Refused("NetworkManager has one password for a network: device passwords need hostapd.")


def profile(
    radio: RadioSettings, network: NetworkSettings, *, writing: str, before: Profile | None
) -> Profile:
    """The connection. `writing` names this version of it; what is not ours of `before` stays as it is.

    So addresses stay as the administrator set them; a new connection shares the box's own connection.
    """
    wireless: dict[str, Variant] = {
        "ssid": Variant("ay", network.ssid_bytes),
        "mode": Variant("s", "ap"),
        "band": Variant("s", _BAND[radio.band]),
        "hidden": Variant("b", network.hidden),
        "ap-isolation": Variant("i", int(network.isolated)),
    }
    if radio.channel:
        wireless["channel"] = Variant("u", radio.channel)
    connection = {
        "id": Variant("s", f"gatewayd: {network.network} on {radio.interface}"),
        "uuid": Variant("s", identity(radio, network.network)),
        "type": Variant("s", WIRELESS),
        "interface-name": Variant("s", radio.interface),
        "autoconnect": Variant("b", True),
    }
    if network.bridge is not None:
        connection |= {"master": Variant("s", network.bridge), "slave-type": Variant("s", "bridge")}
    made: Profile = {CONNECTION: connection, WIRELESS: wireless}
    if network.security in _KEY_MANAGEMENT:
        made[SECURITY] = _security(network)
    for name, section in (before or {}).items():
        if name not in _OURS:
            made[name] = section
    if network.bridge is None and "ipv4" not in made:
        made["ipv4"] = {"method": Variant("s", "shared")}
        made["ipv6"] = {"method": Variant("s", "ignore")}
    notes = dict(made.get(USER, {}).get("data", Variant("a{ss}", {})).value)
    made[USER] = {"data": Variant("a{ss}", notes | {_WRITING: writing})}
    return made


def _security(network: NetworkSettings) -> dict[str, Variant]:
    section = {
        "key-mgmt": Variant("s", _KEY_MANAGEMENT[network.security]),
        "pmf": Variant("i", _PROTECTION[network.security]),
        "proto": Variant("as", ["rsn"]),
        "pairwise": Variant("as", ["ccmp"]),
        "group": Variant("as", ["ccmp"]),
    }
    if network.passphrase is not None:
        section["psk"] = Variant("s", network.passphrase.reveal())
    return section


def written(profile: Profile | None) -> str | None:
    """Which version of ours a connection is."""
    if profile is None:
        return None
    data = profile.get(USER, {}).get("data")
    return None if data is None else data.value.get(_WRITING)


def same(one: Profile, other: Profile) -> bool:
    """Whether two connections are the same in what is ours. What NetworkManager adds does not count."""
    return all(
        _plain(one, section, name) == _plain(other, section, name)
        for section in _OURS
        for name in (one.get(section, {}).keys() | (other.get(section, {}).keys() & _KNOWN))
    )


# Where a name is in one connection only it counts when it is one that we write.
_KNOWN = frozenset({"master", "slave-type", "channel", "hidden", "ap-isolation", "key-mgmt", "pmf", "psk"})
# Values that NetworkManager leaves out of what it tells, because they are its defaults.
_DEFAULTS: dict[str, Any] = {"autoconnect": True, "hidden": False, "ap-isolation": -1}


def _plain(profile: Profile, section: str, name: str) -> Any:
    value = profile.get(section, {}).get(name)
    plain = _DEFAULTS.get(name) if value is None else value.value
    return bytes(plain) if isinstance(plain, bytes | bytearray | list) and name == "ssid" else plain
