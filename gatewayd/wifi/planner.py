"""From one configuration of a radio to the next by the step that disturbs least. Pure.

The steps were proven on hostapd 2.10 with mac80211; what is not known to work falls to the next
heavier step. Rewriting the key file and `RELOAD_WPA_PSK` throws off only stations whose key no longer
matches; `SET ssid2` with `UPDATE_BEACON` renames one network of several; a reload (SIGHUP)
reads the whole file and throws off every station of the radio. hostapd's command `RELOAD` does not read
the file (2.10): after it every handshake failed, and an old SAE password was still admitted.
"""

from __future__ import annotations

from msgspec import Struct

from gatewayd.wifi.model import NetworkSettings, Security, Step, WifiImpact
from gatewayd.wifi.render import RadioSettings

SILENT_SECONDS = {Step.NONE: 0.0, Step.KEYS: 0.0, Step.BSS: 0.1, Step.RELOAD: 1.0, Step.RESTART: 3.0}
"""How long a radio is silent, roughly; a restart was measured at 2 to 3 s."""
_ORDER = tuple(Step)
_SUMMARIES = {
    Step.NONE: "Nothing on the air changes.",
    Step.KEYS: "Devices on this network need the new password; other networks do not notice.",
    Step.BSS: "Devices on this network need its new name; other networks do not notice.",
    Step.RELOAD: "Every device on the radio is disconnected for a moment.",
    Step.RESTART: "The radio restarts: every device is disconnected and nothing is sent for about 3 seconds.",
}


class Plan(Struct, frozen=True, kw_only=True):
    """The step, and for `keys` and `bss` the networks that it is done to."""

    step: Step
    networks: tuple[str, ...] = ()


def heavier(one: Step, other: Step) -> Step:
    """The one of the two that disturbs more."""
    return max(one, other, key=_ORDER.index)


def plan(
    radio: RadioSettings,
    before: tuple[NetworkSettings, ...] | None,
    after: tuple[NetworkSettings, ...],
    *,
    before_radio: RadioSettings | None = None,
) -> Plan:
    """The lightest correct step from `before` to `after` on one radio (both chosen by `carried`).

    `before` is None when nobody knows what the radio runs: then only a restart is sure.
    """
    if before is None or (before_radio is not None and before_radio != radio):
        return Plan(step=Step.RESTART)
    if [n.network for n in before] != [n.network for n in after]:
        return Plan(step=Step.RESTART)
    step, touched = Step.NONE, []
    for old, new in zip(before, after, strict=True):
        needed = _network_step(old, new)
        if needed is not Step.NONE:
            step = heavier(step, needed)
            touched.append(new.network)
    return Plan(step=step, networks=tuple(touched))


def _network_step(old: NetworkSettings, new: NetworkSettings) -> Step:
    renamed = old.ssid != new.ssid
    rekeyed = old.passphrase != new.passphrase
    if old.security is not new.security or ((renamed or rekeyed) and new.security is not Security.WPA2):
        return Step.RESTART  # nothing lighter is proven here for WPA3 and OWE
    if (old.hidden, old.isolated) != (new.hidden, new.isolated):
        return Step.RELOAD
    if renamed:
        return Step.BSS
    return Step.KEYS if rekeyed else Step.NONE


def impact(plan: Plan, old: NetworkSettings, new: NetworkSettings, stations: dict[str, int]) -> WifiImpact:
    """What the plan means for the household. `stations` counts the stations of each network now."""
    dropped = 0
    if plan.step in (Step.RELOAD, Step.RESTART):
        dropped = sum(stations.values())
    elif plan.step is not Step.NONE:
        dropped = stations.get(new.network, 0)
    credentials = ("ssid", "security", "passphrase")
    return WifiImpact(
        step=plan.step,
        stations_dropped=dropped,
        need_new_credentials=any(getattr(old, name) != getattr(new, name) for name in credentials),
        silent_seconds=SILENT_SECONDS[plan.step],
        summary=_SUMMARIES[plan.step],
    )
