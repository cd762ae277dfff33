"""What the box says of networks and changes, as people say it."""

from __future__ import annotations

from typing import Any

from gatewayd.cli.nouns.wifi_times import say_window
from gatewayd.cli.refusals import Refused
from gatewayd.cli.show import moment, span
from gatewayd.cli.talk import Talk

PROOF = {
    "none": "not proven",
    "on_air": "seen on the air",
    "station": "a device joined",
    "client": "confirmed",
}
STATE = {"on_air": "on the air", "changing": "changing", "off": "off", "down": "not on the air"}
_OFF = {"disabled": "switched off", "schedule": "off by its schedule", "expired": "its time is up"}
_SECURITY = {
    "wpa2": "WPA2",
    "wpa2-wpa3": "WPA2 and WPA3",
    "wpa3": "WPA3",
    "owe": "without a password, but encrypted (OWE)",
    "open": "open: no password",
}
_CHANGED = {
    "ssid": "name",
    "passphrase": "password",
    "keys": "device passwords",
    "enabled": "on or off",
    "hidden": "visibility",
    "isolated": "isolation",
    "bands": "bands",
    "security": "security",
    "schedule": "schedule",
    "created": "made",
    "deleted": "ended",
}


def facts(network: dict[str, Any]) -> list[tuple[str, str]]:
    """Everything about a network, in a household's order and words."""
    role = network.get("role")
    told = [
        ("Network", network["id"] + (f" ({role})" if role not in (None, network["id"]) else "")),
        ("Name", network["ssid"] + (" (hidden)" if network.get("hidden") else "")),
        ("State", state(network) + (", on a simulated radio" if network.get("simulated") else "")),
        ("Security", _SECURITY.get(network["security"], network["security"])),
        ("Bands", ", ".join(f"{band} GHz" for band in network["bands"])),
        ("Its devices", "are kept apart" if network.get("isolated") else "reach one another"),
    ]
    if network.get("schedule"):
        told.append(("On", ", ".join(say_window(window) for window in network["schedule"])))
    if network.get("expires"):
        told.append(("Until", moment(network["expires"])))
    if network.get("revision") is not None:
        told.append(("Revision", str(network["revision"])))
    return told


def state(network: dict[str, Any]) -> str:
    """Whether it is on the air, and why not."""
    why = _OFF.get(network.get("off") or "")
    return why if why and network["state"] == "off" else STATE.get(network["state"], network["state"])


def remarks(network: dict[str, Any]) -> list[str]:
    """What else is worth a word in a list."""
    found = [word for word in ("hidden", "isolated", "simulated") if network.get(word)]
    if network.get("schedule"):
        found.append("scheduled")
    if network.get("expires") and network.get("off") != "expired":
        found.append(f"until {moment(network['expires'])}")
    return found


def what(change: dict[str, Any]) -> str:
    """The network or the radio that a change is of."""
    return str(change["network"] or change.get("radio") or "")


def changed(change: dict[str, Any]) -> str:
    """What a change was about."""
    fields = (change.get("impact") or {}).get("changed", ())
    return ", ".join(_CHANGED.get(field, field) for field in fields)


def progress(change: dict[str, Any]) -> str:
    """Where a change is on its way."""
    if change["state"] == "pending":
        return "Waiting for the radio"
    if change["state"] == "applying":
        return "Putting it on the air"
    if change["proof"] == "none" or change.get("confirm") == "none":
        return "Looking whether it is on the air"
    until = f" until {moment(change['deadline'])}" if change.get("deadline") else ""
    wanted = "a device to join" if change.get("confirm") == "station" else "your word"
    return f"On the air; waiting for {wanted}{until}"


def interrupted(change: dict[str, Any]) -> str:
    """For how long the network was away."""
    outage = change.get("outage_ms")
    return span(outage / 1000) if outage else ""


def outcome(talk: Talk, change: dict[str, Any], done: str | None = None) -> None:
    """Says how a change ended; `done` is for a good end. Raises Refused when it was rolled back."""
    network, now = what(change), change["state"]
    reason = (change.get("reason") or "").rstrip(".")
    if now == "rolled_back":
        why = reason or "it could not be proven on the air"
        raise Refused({"detail": f"{network} was not changed: {why}. It is as it was before."})
    if now != "applied":
        talk.out.line(f"{network}: the change {change['id']} is {now}. See `gatewayctl wifi changes`.")
        return
    differs = change.get("from_revision") != change.get("to_revision")
    if not differs and change["proof"] == "none" and reason:
        talk.out.line(f"{reason}.")
        return
    proof = PROOF.get(change["proof"], change["proof"])
    talk.out.line(done or f"{network} is changed, {proof}.")
    gap = interrupted(change)
    if gap:
        talk.out.line(f"It was interrupted for {gap}.")
    impact = change.get("impact") or {}
    dropped = impact.get("stations_dropped")
    if dropped:
        talk.out.line(f"{dropped} device{' was' if dropped == 1 else 's were'} disconnected.")
    if impact.get("need_new_credentials"):
        talk.out.line("Its devices need the new name or password.")
    if reason:
        talk.out.line(f"{reason}.", style="dim")
    if differs:
        talk.out.line(f"To go back: gatewayctl wifi undo {change['id']}", style="dim")
