"""hostapd's configuration, written from what we want. Pure: no file, no clock, no randomness.

The facts are from the comments in hostapd's own hostapd.conf (2.10). Nothing that a caller chose is
ever written as text that hostapd splits or unquotes: the SSID goes in as hexadecimal (`ssid2`), WPA2's
key as 64 hexadecimal digits in a file of its own, and an SAE password cannot hold a newline (`rules`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from gatewayd.wifi.keys import pmk
from gatewayd.wifi.model import MAIN_KEY, Band, NetworkSettings, Security

ANY_STATION = "00:00:00:00:00:00"
_KEY_MANAGEMENT = {
    Security.WPA2: "WPA-PSK",
    Security.WPA2_WPA3: "WPA-PSK SAE",
    Security.WPA3: "SAE",
    Security.OWE: "OWE",
}
# 0 none, 1 optional, 2 required. WPA3 and OWE require protected management frames.
_PROTECTION = {Security.WPA2: 1, Security.WPA2_WPA3: 1, Security.WPA3: 2, Security.OWE: 2}
_HARDWARE_MODE = {Band.GHZ_2_4: "g", Band.GHZ_5: "a", Band.GHZ_6: "a"}


_SIX_GHZ_CLASSES = {20: 131, 40: 132, 80: 133}  # IEEE Std 802.11ax-2021, table E-4, by width in MHz


_LOWER_HALF_2_4 = 7
NARROW = 20
"""MHz of a channel that stands alone."""
AUTO = 0
"""The channel of a radio that shall choose by itself, before it has."""


class RadioSettings(Struct, frozen=True, kw_only=True):
    """The part of the configuration that all networks of a radio share.

    `address` is the radio's own MAC, `driver` the kernel's name of what drives it: it decides which steps
    are known to work (`planner`). `width` in MHz: 20, 40 or 80.
    """

    radio: str
    interface: str
    address: str
    band: Band
    channel: int
    width: int = 20
    country: str | None = None
    driver: str = "unknown"


class Bss(Struct, frozen=True, kw_only=True):
    """One network on one radio: its interface and BSSID. The first is the radio's own interface; the
    others are made by hostapd."""

    network: str
    interface: str
    bssid: str


class Places(Struct, frozen=True, kw_only=True):
    """Where things are: `configuration` (ours), `control` (hostapd's sockets), `group` (may use these)."""

    configuration: Path
    control: Path
    group: str | None = None

    def config_file(self, radio: str) -> Path:
        """A radio's configuration file."""
        return self.configuration / f"{radio}.conf"

    def key_file(self, radio: str, network: str) -> Path:
        """A network's `wpa_psk_file`."""
        return self.configuration / f"{radio}-{network}.psk"

    def marker_file(self, radio: str) -> Path:
        """What we noted of the process that runs it."""
        return self.configuration / f"{radio}.running"

    def bss_file(self, radio: str, network: str) -> Path:
        """One network alone, for the moment in which it is added to a running radio."""
        return self.configuration / f"{radio}-{network}.bss"

    def global_socket(self, radio: str) -> Path:
        """The socket of a radio's hostapd as a whole (its option `-g`)."""
        return self.control / f"{radio}.global"


class Rendered(Struct, frozen=True, kw_only=True):
    """Everything that hostapd reads for one radio; `alone` has each network's section as a whole file."""

    config: str
    keys: dict[str, str]
    bsses: tuple[Bss, ...]
    alone: dict[str, str]

    def __repr__(self) -> str:
        return f"Rendered({[bss.network for bss in self.bsses]})"  # content holds keys

    @property
    def digest(self) -> str:
        """SHA-256 over all content: equal digests mean an equal radio."""
        hasher = hashlib.sha256(self.config.encode())
        for network in sorted(self.keys):
            hasher.update(f"\0{network}\0{self.keys[network]}".encode())
        return hasher.hexdigest()


def bssid(address: str, index: int) -> str:
    """The BSSID of a radio's network number `index`: the radio's own address, then local ones.

    The local bit (0x02) of the first octet is set and the index goes into the bits above it, so the
    BSSIDs of one radio differ, and two radios' differ as long as their addresses differ elsewhere.
    """
    if index == 0:
        return address.lower()
    first = (int(address[:2], 16) | 0x02) ^ (index << 2) & 0xFC
    return f"{first:02x}{address[2:].lower()}"


def carried(radio: RadioSettings, networks: tuple[NetworkSettings, ...]) -> tuple[NetworkSettings, ...]:
    """The networks that this radio sends, in a stable order: the enabled ones on its band."""
    return tuple(
        sorted((n for n in networks if n.enabled and radio.band in n.bands), key=lambda n: n.network)
    )


def assign_slots(held: Mapping[str, int], networks: tuple[NetworkSettings, ...]) -> dict[str, int]:
    """A place on the radio for each network: slot 0 is the radio's own interface, which must not be empty.

    Whoever holds a slot keeps it, so that its interface and BSSID stay; others take the lowest that is
    free, household networks before the rest.
    """
    names = {network.network for network in networks}
    slots = {name: slot for name, slot in held.items() if name in names}
    for network in sorted(networks, key=lambda one: (one.role != "home", one.network)):
        if network.network not in slots:
            slots[network.network] = next(n for n in range(len(networks)) if n not in slots.values())
    if slots and 0 not in slots.values():
        slots[min(slots, key=lambda name: slots[name])] = 0
    return slots


def render(
    radio: RadioSettings,
    networks: tuple[NetworkSettings, ...],
    places: Places,
    slots: Mapping[str, int] | None = None,
) -> Rendered:
    """The whole configuration of one radio carrying these networks (already chosen by `carried`).

    `slots` as `assign_slots` gives them. Derives keys, so it takes some milliseconds for each passphrase.
    """
    if slots is None:
        slots = assign_slots({}, networks)
    lines = _radio_lines(radio)
    keys: dict[str, str] = {}
    bsses: list[Bss] = []
    alone: dict[str, str] = {}
    for network in sorted(networks, key=lambda one: slots[one.network]):
        slot = slots[network.network]
        interface = f"{radio.interface}_{slot}" if slot else radio.interface
        bss = Bss(network=network.network, interface=interface, bssid=bssid(radio.address, slot))
        if slot:
            lines += ["", f"bss={interface}"]
        section = _bss_lines(radio, network, bss, places)
        lines += section
        alone[network.network] = "\n".join(_radio_lines(radio, interface) + section) + "\n"
        if network.security.has_psk and network.passphrase is not None:
            keys[network.network] = _key_lines(network)
        bsses.append(bss)
    return Rendered(config="\n".join(lines) + "\n", keys=keys, bsses=tuple(bsses), alone=alone)


def _key_lines(network: NetworkSettings) -> str:
    named = [(MAIN_KEY, network.passphrase)]
    named += [(key.id, key.passphrase) for key in network.keys if not key.revoked]
    return "".join(
        f"keyid={name} {ANY_STATION} {pmk(words, network.ssid_bytes)}\n"
        for name, words in named
        if words is not None
    )


def _radio_lines(radio: RadioSettings, interface: str | None = None) -> list[str]:
    lines = [
        "# Written by gatewayd; it is rewritten at every change.",
        f"interface={interface or radio.interface}",
        "driver=nl80211",
        f"hw_mode={_HARDWARE_MODE[radio.band]}",
        f"channel={radio.channel}",
    ]
    if radio.band is Band.GHZ_6:
        lines += [f"op_class={_SIX_GHZ_CLASSES[radio.width]}", "ieee80211ax=1"]
        if radio.width > NARROW:
            lines += _wide("he", radio)
    else:
        lines.append("ieee80211n=1")
    if radio.band is Band.GHZ_5:
        lines.append("ieee80211ac=1")
    if radio.band is not Band.GHZ_6 and radio.width > NARROW:
        # Whether the second half is above or below the channel.
        lines.append(f"ht_capab=[HT40{'+' if second_above(radio.band, radio.channel) else '-'}]")
        if radio.band is Band.GHZ_5:
            lines += _wide("vht", radio)
    if radio.country is not None:
        lines += [f"country_code={radio.country}", "ieee80211d=1"]
        if radio.band is Band.GHZ_5:
            lines.append("ieee80211h=1")  # radar detection, which its channels 52 to 144 need
    return lines


def _wide(word: str, radio: RadioSettings) -> list[str]:
    # 0 is 20 or 40 MHz, 1 is 80 (hostapd.conf, vht_oper_chwidth)
    lines = [f"{word}_oper_chwidth={int(radio.width == 80)}"]
    if radio.width == 80 or word == "he":
        lines.append(
            f"{word}_oper_centr_freq_seg0_idx={centre_channel(radio.band, radio.channel, radio.width)}"
        )
    return lines


def centre_channel(band: Band, channel: int, width: int) -> int:
    """The number of the middle of the block of `width` MHz (20, 40 or 80) that a channel lies in.

    Blocks begin at 36 and from 149 on at 149 (5 GHz), at 1 (6 GHz): IEEE Std 802.11-2020, annex E. On 2.4 GHz
    blocks overlap: the second half lies on the side where there is room for it.
    """
    if width == NARROW:
        return channel
    if band is Band.GHZ_2_4:
        return channel + (2 if second_above(band, channel) else -2)
    first = 1 if band is Band.GHZ_6 else 149 if channel >= 149 else 36
    block = width // 5
    return first + (channel - first) // block * block + (block - 4) // 2


def second_above(band: Band, channel: int) -> bool:
    """Whether the second 20 MHz of a 40 MHz channel lie above the channel itself."""
    if band is Band.GHZ_2_4:
        return channel <= _LOWER_HALF_2_4
    return centre_channel(band, channel, 40) > channel


def _bss_lines(radio: RadioSettings, network: NetworkSettings, bss: Bss, places: Places) -> list[str]:
    # Per BSS: a `bss=` section without it would have no control socket.
    control = [f"ctrl_interface={places.control}"]
    if places.group is not None:
        control.append(f"ctrl_interface_group={places.group}")
    if network.bridge is not None:
        control.append(f"bridge={network.bridge}")
    lines = [
        f"bssid={bss.bssid}",
        *control,
        f"ssid2={network.ssid_bytes.hex()}",
        "utf8_ssid=1",
        f"ignore_broadcast_ssid={int(network.hidden)}",
        f"ap_isolate={int(network.isolated)}",
        "wmm_enabled=1",
        "auth_algs=1",
    ]
    if network.security is Security.OPEN:
        return lines
    lines += [
        "wpa=2",
        f"wpa_key_mgmt={_KEY_MANAGEMENT[network.security]}",
        "rsn_pairwise=CCMP",
        f"ieee80211w={_PROTECTION[network.security]}",
    ]
    if network.security.has_psk:
        lines.append(f"wpa_psk_file={places.key_file(radio.radio, network.network)}")
    if network.security.has_sae and network.passphrase is not None:
        # SAE-PWE 2: hunting-and-pecking for older phones, hash-to-element for newer ones; 6 GHz has only 1.
        elements = 1 if radio.band is Band.GHZ_6 else 2
        lines += [f"sae_password={network.passphrase.reveal()}", "sae_require_mfp=1", f"sae_pwe={elements}"]
    return lines


def dry_run_configs(config: str) -> tuple[str, ...]:
    """The same configuration for runs that touch no radio: driver `none` on the loopback interface.

    One for each network, since that driver knows one BSS only. Control sockets and BSSIDs are left
    out, so a dry run goes on beside the real one.
    """
    first, *others = config.split("\nbss=")
    radio, _, bss = first.partition("\nbssid=")
    sections = [bss, *(other.partition("\nbssid=")[2] for other in others)]
    return tuple(_dry(radio + "\nbssid=" + section) for section in sections)


def _dry(config: str) -> str:
    replaced = {"interface": "interface=lo", "driver": "driver=none"}
    dropped = ("bssid", "ctrl_interface", "ctrl_interface_group", "bridge")
    lines = ((line.partition("=")[0], line) for line in config.splitlines())
    return "\n".join(replaced.get(name, line) for name, line in lines if name not in dropped) + "\n"
