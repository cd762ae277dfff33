"""What hostapd is told for one network, word by word. Pure; the recipes of `planner` as commands.

A value is hexadecimal, a number or an SAE password, which stands last in its command and is taken to the
end of the datagram. hostapd prints none of it unless it is run with `-d`, which it never is.
"""

from __future__ import annotations

from gatewayd.wifi.channels import frequency
from gatewayd.wifi.model import Band, NetworkSettings
from gatewayd.wifi.planner import How, differences, live_keys
from gatewayd.wifi.render import NARROW, RadioSettings, centre_channel, second_above

_BEACONS_BEFORE_SWITCH = 5
# What `SET` takes of a network's section for RELOAD_BSS; interface, BSSID and sockets stay as they are.
_SETTABLE = (
    *("ssid2", "ignore_broadcast_ssid", "ap_isolate", "wpa", "wpa_key_mgmt", "rsn_pairwise", "ieee80211w"),
    *("wpa_psk_file", "sae_password", "sae_require_mfp", "sae_pwe"),
)


def commands(how: How, old: NetworkSettings, new: NetworkSettings, section: str) -> tuple[str, ...]:
    """The commands for `keys`, `edit` or `renew`, in order; each is answered by OK.

    `section` is the new network's part of the configuration. Key files have been written before.
    """
    if how is How.RENEW:
        return _renew(new, section)
    changed = differences(old, new)
    told: list[str] = []
    if "ssid" in changed:
        told.append(f"SET ssid2 {new.ssid_bytes.hex()}")
    if "hidden" in changed:
        told.append(f"SET ignore_broadcast_ssid {int(new.hidden)}")
    if "passphrase" in changed and new.security.has_sae and new.passphrase is not None:
        # Each SET adds a password; an empty one forgets those before.
        told += ["SET sae_password ", f"SET sae_password {new.passphrase.reveal()}"]
    if changed - {"hidden"} and new.security.has_passphrase:
        # Without the flush an SAE station with the old password comes back by hostapd's cache of keys; the
        # other command also derives anew what SAE makes of name and password.
        told += ["PMKSA_FLUSH", "RELOAD_WPA_PSK"]
    if changed & {"ssid", "hidden"}:
        told.append("UPDATE_BEACON")
    return tuple(told)


def channel_switch(radio: RadioSettings) -> str:
    """The command that announces a radio's channel in some beacons and then goes there with its stations.

    Seen on 2.10: without the middle and the width `vht` is refused, and without `vht` the radio goes on
    without it. Wider than 20 MHz hostapd takes it, but no station was seen to come along (`planner`).
    """
    middle = frequency(radio.band, centre_channel(radio.band, radio.channel, radio.width))
    words = [f"CHAN_SWITCH {_BEACONS_BEFORE_SWITCH} {frequency(radio.band, radio.channel)}"]
    if radio.width > NARROW:
        words.append(f"sec_channel_offset={1 if second_above(radio.band, radio.channel) else -1}")
    words.append(f"center_freq1={middle} bandwidth={radio.width}")
    words.append({Band.GHZ_2_4: "ht", Band.GHZ_5: "ht vht", Band.GHZ_6: "he"}[radio.band])
    return " ".join(words)


def throws_all_off(how: How, old: NetworkSettings, new: NetworkSettings) -> bool:
    """Whether whoever is still there after `commands` has to go: his name or key is no longer right, but
    hostapd does not look (SAE, a raw key, no key at all)."""
    changed = differences(old, new)
    renamed = "ssid" in changed
    return how is How.EDIT and (renamed or ("passphrase" in changed and new.security.has_sae))


def gone_keys(old: NetworkSettings, new: NetworkSettings) -> frozenset[str]:
    """The ids of device keys that are good no more; a station that used one must be thrown off."""
    kept = live_keys(new)
    return frozenset(name for name, words in live_keys(old).items() if kept.get(name) != words)


def _renew(new: NetworkSettings, section: str) -> tuple[str, ...]:
    told = ["SET sae_password "]
    for line in section.splitlines():
        name, _, value = line.partition("=")
        if name in _SETTABLE:
            told.append(f"SET {name} {value}")
    told += ["PMKSA_FLUSH", "RELOAD_BSS", "PMKSA_FLUSH"]
    if new.security.has_psk:
        told.append("RELOAD_WPA_PSK")  # a reload adds the file's keys to those that it has
    return tuple(told)
