"""`wifi survey`: who else is on the air, and which channel to take."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import click

from gatewayd.cli.follow import progress_bar, run
from gatewayd.cli.talk import Talk, connected

_STEPS = "▁▂▃▄▅▆▇█"
_QUIETEST, _LOUDEST = -90.0, -40.0
_BAR = 10
_SECURITY = {
    "open": "open!",
    "owe": "OWE",
    "wep": "WEP!",
    "wpa1": "WPA!",
    "wpa2": "WPA2",
    "wpa3": "WPA3",
    "enterprise": "802.1X",
    "other": "other",
}


@click.command()
@click.option("--no-wait", is_flag=True, help="Start it and print the job.")
@click.option("--all", "everything", is_flag=True, help="Also the channels that nobody is on.")
@connected
async def survey(talk: Talk, no_wait: bool, everything: bool) -> None:
    """Who else is on the air, how busy the channels are, and which one to take. Ctrl-C cancels it.

    A box with one radio leaves its channel for moments to listen.
    """
    job = await run(talk, "wifi.survey.run", wait=not no_wait, watched=progress_bar(talk))
    if job is not None:
        _show(talk, job["result"], everything=everything)


def _show(talk: Talk, result: dict[str, Any], *, everything: bool) -> None:
    out = talk.out
    out.table(
        ("signal", "", "channel", "width", "security", "load", "name", "address"),
        (_neighbour(one) for one in result["neighbours"]),
        none="No network was heard.",
    )
    advised = {(advice["band"], advice["channel"]) for advice in result["advice"]}
    shown = [
        one
        for one in result["channels"]
        if everything or one["networks"] or one["current"] or (one["band"], one["channel"]) in advised
    ]
    for band, channels in groupby(shown, key=lambda one: one["band"]):
        out.line("")
        out.line(f"{band} GHz", "bold")
        out.table(
            ("channel", "networks", "strongest", "busy", "", "noise"),
            (_channel(one) for one in channels),
            none="",
        )
    out.line("")
    for advice in result["advice"]:
        moves = advice["channel"] is not None and advice["channel"] != advice["current"]
        out.line(f"{advice['band']} GHz: {_advised(advice)}", "bold green" if moves else "")
        out.line(f"  {advice['reason']}")
    for note in result["notes"]:
        out.line(note, "dim")


def _advised(advice: dict[str, Any]) -> str:
    if advice["channel"] is None:
        return "no channel stands out."
    if advice["channel"] == advice["current"]:
        return f"stay on channel {advice['channel']}."
    now = "" if advice["current"] is None else f" instead of {advice['current']}"
    return f"take channel {advice['channel']}{now}."


def _neighbour(one: dict[str, Any]) -> tuple[str, ...]:
    load = "" if one["utilisation"] is None else f"{one['utilisation']:.0%}"
    if one["stations"] is not None:
        load = f"{load}, {one['stations']} devices" if load else f"{one['stations']} devices"
    return (
        bars(one["signal_dbm"]),
        "" if one["signal_dbm"] is None else f"{one['signal_dbm']:.0f} dBm",
        str(one["channel"]),
        f"{one['width']} MHz",
        "/".join(_SECURITY.get(way, str(way)) for way in one["security"]),
        load,
        (one["ssid"] or "(hidden)") + (" (this box)" if one["own"] else ""),
        one["bssid"],
    )


def _channel(one: dict[str, Any]) -> tuple[str, ...]:
    share = one["utilisation"]
    return (
        f"{one['channel']}{' (ours)' if one['current'] else ''}",
        str(one["networks"]) if one["networks"] else "",
        "" if one["strongest_dbm"] is None else f"{one['strongest_dbm']:.0f} dBm",
        "" if share is None else bar(share),
        "" if share is None else f"{share:.0%}",
        "" if one["noise_dbm"] is None else f"{one['noise_dbm']} dBm",
    )


def bars(signal_dbm: float | None) -> str:
    """How strong a signal is, as telephones show it: one to four bars."""
    if signal_dbm is None:
        return ""
    share = (signal_dbm - _QUIETEST) / (_LOUDEST - _QUIETEST)
    return "".join(_STEPS[2 * step + 1] for step in range(min(4, max(1, round(share * 4)))))


def bar(share: float) -> str:
    """A share of 1, ten cells wide."""
    full = min(_BAR, max(0, round(share * _BAR)))
    return "█" * full + "░" * (_BAR - full)
