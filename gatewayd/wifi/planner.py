"""From one configuration of a radio to the next by the step that disturbs least. Pure.

The recipes were proven on hostapd 2.10 with mac80211; `abilities` knows what is sure elsewhere, and what is
not falls to the next heavier step. Rewriting the key file and `RELOAD_WPA_PSK` throws off only stations
whose key no longer matches; `SET` with `UPDATE_BEACON` renames or hides one network of several; a
network that is not the first can be taken away and put back by `REMOVE` and `ADD`; a reload (SIGHUP)
reads the whole file and throws off every station of the radio. hostapd's command `RELOAD` does not read
the file (2.10): after it every handshake failed, and an old SAE password was still admitted.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct, structs

from gatewayd.wifi.abilities import Abilities
from gatewayd.wifi.model import NetworkSettings, Security, Step, WifiImpact
from gatewayd.wifi.render import NARROW, RadioSettings

SILENT_SECONDS = {
    Step.NONE: 0.0,
    Step.KEYS: 0.0,
    Step.BSS: 0.1,
    Step.CSA: 0.5,
    Step.RELOAD: 1.0,
    Step.RESTART: 3.0,
}
"""How long a radio is silent, roughly; a restart was measured at 2 to 3 s."""
_ORDER = tuple(Step)
_SUMMARIES = {
    Step.NONE: "Nothing on the air changes.",
    Step.KEYS: "Devices on this network need the new password; other networks do not notice.",
    Step.BSS: "Only devices on this network notice; other networks on the radio go on.",
    Step.CSA: "The radio changes its channel and takes its devices along.",
    Step.RELOAD: "Every device on the radio is disconnected for a moment.",
    Step.RESTART: "The radio restarts: every device is disconnected and nothing is sent for about 3 seconds.",
}


class How(StrEnum):
    """What is done to one network while the radio goes on.

    `keys`: its keys are read again; `edit`: its settings are changed on the air; `renew`: it alone is
    reloaded; `remove`, `add`, `swap` (both): it is taken from the radio, put on it.
    """

    KEYS = "keys"
    EDIT = "edit"
    RENEW = "renew"
    REMOVE = "remove"
    ADD = "add"
    SWAP = "swap"


class Plan(Struct, frozen=True, kw_only=True):
    """The step, and for `keys` and `bss` what is done to which network, in this order."""

    step: Step
    acts: tuple[tuple[str, How], ...] = ()

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks that are touched."""
        return tuple(network for network, _ in self.acts)


RESTART = Plan(step=Step.RESTART)


def heavier(one: Step, other: Step) -> Step:
    """The one of the two that disturbs more."""
    return max(one, other, key=_ORDER.index)


def plan(
    radio: RadioSettings,
    able: Abilities,
    before: tuple[NetworkSettings, ...] | None,
    after: tuple[NetworkSettings, ...],
    *,
    first: str | None,
    before_radio: RadioSettings | None = None,
) -> Plan:
    """The lightest correct step from `before` to `after` on one radio (both chosen by `carried`).

    `before` is None when nobody knows what the radio runs: then only a restart is sure. `first` is the
    network on the radio's own interface, which cannot be taken away while the radio runs.
    """
    if before is None or bool(before) != bool(after):
        return RESTART
    wanted = {network.network: network for network in after}
    running = {network.network: network for network in before}
    step, acts = Step.NONE, []
    for name in sorted(running.keys() | wanted.keys(), key=lambda one: (one in wanted, one)):
        needed, how = _network_step(running.get(name), wanted.get(name), able, is_first=name == first)
        step = heavier(step, needed)
        if how is not None:
            acts.append((name, how))
    if before_radio is not None and before_radio != radio:
        moved = structs.replace(before_radio, channel=radio.channel) == radio
        announced = moved and able.csa and radio.width == NARROW and step is Step.NONE
        return Plan(step=Step.CSA) if announced else RESTART
    return Plan(step=step, acts=tuple(acts) if step in (Step.KEYS, Step.BSS) else ())


def _network_step(
    old: NetworkSettings | None, new: NetworkSettings | None, able: Abilities, *, is_first: bool
) -> tuple[Step, How | None]:
    if old is None or new is None:
        way = How.ADD if old is None else How.REMOVE
        return (Step.BSS, way) if able.swap and not is_first else (Step.RESTART, None)
    changed = differences(old, new)
    if not changed:
        return Step.NONE, None
    if changed <= {"keys", "passphrase"} and new.security is Security.WPA2 and able.keys:
        return Step.KEYS, How.KEYS
    if changed <= {"keys"} and able.keys:
        return Step.KEYS, How.KEYS
    if changed <= {"keys", "passphrase", "ssid", "hidden"} and able.edit:
        return Step.BSS, How.EDIT
    secured = old.security.has_passphrase and new.security.has_passphrase
    if able.reload_bss and "bridge" not in changed and (secured or "security" not in changed):
        return Step.BSS, How.RENEW
    if able.swap and not is_first:
        return Step.BSS, How.SWAP
    # A reload was seen to do for these; for another security or bridge nobody has seen it.
    if changed <= {"keys", "hidden", "isolated"} and able.reload:
        return Step.RELOAD, None
    return Step.RESTART, None


def differences(old: NetworkSettings, new: NetworkSettings) -> frozenset[str]:
    """The fields that make a difference on the air."""
    names = ("ssid", "security", "passphrase", "hidden", "isolated", "bridge")
    found = {name for name in names if getattr(old, name) != getattr(new, name)}
    if new.security.has_psk and live_keys(old) != live_keys(new):
        found.add("keys")
    return frozenset(found)


def live_keys(network: NetworkSettings) -> dict[str, str]:
    """The passphrases of the device keys that are not revoked, by key id."""
    return {key.id: key.passphrase.reveal() for key in network.keys if not key.revoked}


def impact(plan: Plan, old: NetworkSettings, new: NetworkSettings, stations: dict[str, int]) -> WifiImpact:
    """What the plan means for the household. `stations` counts the stations of each network now.

    Nobody is counted who is not surely thrown off, but where device keys go: there it is at most.
    """
    changed = differences(old, new)
    credentials = changed & {"ssid", "security", "passphrase"}
    dropped = 0
    if plan.step in (Step.RELOAD, Step.RESTART):
        dropped = sum(stations.values())
    elif plan.step in (Step.KEYS, Step.BSS) and _throws_off(plan, old, new, changed):
        dropped = stations.get(new.network, 0)
    summary = _SUMMARIES[plan.step]
    if plan.step is Step.KEYS and not credentials:
        summary = "Only devices whose own password goes are disconnected; other networks do not notice."
    return WifiImpact(
        step=plan.step,
        stations_dropped=dropped,
        need_new_credentials=bool(credentials),
        silent_seconds=SILENT_SECONDS[plan.step],
        summary=summary,
    )


def radio_impact(plan: Plan, stations: int) -> WifiImpact:
    """What the plan means when a radio itself is changed, with so many stations on it."""
    return WifiImpact(
        step=plan.step,
        stations_dropped=stations if plan.step in (Step.RELOAD, Step.RESTART) else 0,
        need_new_credentials=False,
        silent_seconds=SILENT_SECONDS[plan.step],
        summary=_SUMMARIES[plan.step],
    )


def _throws_off(plan: Plan, old: NetworkSettings, new: NetworkSettings, changed: frozenset[str]) -> bool:
    how = dict(plan.acts).get(new.network)
    if how is How.KEYS and "passphrase" not in changed:
        kept = live_keys(new)
        return any(kept.get(name) != words for name, words in live_keys(old).items())
    return not (how is How.EDIT and changed <= {"hidden"})
