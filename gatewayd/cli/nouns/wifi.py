"""`wifi`: networks, their name and password, who is on them, what was changed."""

from __future__ import annotations

import sys
from typing import Any

import click

from gatewayd.cli.follow import settle
from gatewayd.cli.nouns.wifi_times import DURATION, read_window, say_window
from gatewayd.cli.refusals import Refused
from gatewayd.cli.show import moment, size, span
from gatewayd.cli.talk import Talk, connected

_ENDED = ("applied", "rolled_back")
_PROOF = {
    "none": "not proven",
    "on_air": "seen on the air",
    "station": "a device joined",
    "client": "confirmed",
}


@click.group()
def wifi() -> None:
    """Networks, who is on them, changes."""


@wifi.command()
@click.argument("network", required=False)
@connected
async def show(talk: Talk, network: str | None) -> None:
    """The networks, or everything about one. Never the password."""
    if network is None:
        await talk.tell("wifi.networks.list", lambda answer: _networks(talk, answer["items"]))
    else:
        await talk.tell("wifi.networks.get", lambda answer: talk.out.facts(_facts(answer)), network=network)


@wifi.command("set")
@click.argument("network")
@click.option("--ssid", metavar="NAME", help="The name that devices show.")
@click.option("--passphrase", "ask_passphrase", is_flag=True, help="Ask for a new password.")
@click.option("--passphrase-stdin", is_flag=True, help="Read the new password from standard input.")
@click.option("--security", type=click.Choice(["wpa2", "wpa2-wpa3", "wpa3", "owe", "open"]))
@click.option("--hidden/--visible", default=None, help="Whether the name is sent out.")
@click.option("--isolated/--together", default=None, help="Whether devices may reach one another.")
@click.option("--enable/--disable", "enabled", default=None)
@click.option("--for", "for_seconds", type=DURATION, metavar="TIME", help="Off after this long: 4h, 90m.")
@click.option("--endless", is_flag=True, help="No longer off by itself.")
@click.option(
    "--on",
    "windows",
    multiple=True,
    metavar="WHEN",
    help='Only on at these times: "mon-fri 07:00-22:00"; may be given more than once.',
)
@click.option("--always-on", is_flag=True, help="No schedule any more.")
@click.option("--accept-risk", is_flag=True, default=None, help="Yes to what is dangerous.")
@click.option(
    "--confirm",
    type=click.Choice(["none", "station", "client"]),
    help="Undo the change by itself unless a device joins (station) or you say so (client).",
)
@click.option("--no-wait", is_flag=True, help="Do not wait until it is on the air.")
def set_network(
    network: str,
    ask_passphrase: bool,
    passphrase_stdin: bool,
    no_wait: bool,
    endless: bool,
    windows: tuple[str, ...],
    always_on: bool,
    **fields: Any,
) -> None:
    """Change a network, and wait until it is proven on the air.

    A change that does not work is undone by the box itself; the exit status is then 1. Ctrl-C stops the
    waiting, not the change.
    """
    passphrase = read_passphrase(ask=ask_passphrase, stdin=passphrase_stdin)
    if passphrase is not None:
        fields["passphrase"] = passphrase
    given = {name: value for name, value in fields.items() if value is not None}
    if endless:
        given["for_seconds"] = None
    if windows or always_on:
        given["schedule"] = [read_window(window) for window in windows]
    if not given.keys() - {"accept_risk"}:
        raise click.UsageError("Say what to change, for example --ssid NAME.")
    _change(network, given, no_wait)


@connected
async def _change(talk: Talk, network: str, given: dict[str, Any], no_wait: bool) -> None:
    # Not `talk.ask`: a null is meant.
    answer = (await talk.box.ask("wifi.networks.update", {"network": network, **given})).data
    change = answer["change"]
    if not no_wait:
        change = await settled(talk, change)
    talk.print({"change": change}, lambda _: outcome(talk, change))
    if change["state"] == "rolled_back":
        raise click.exceptions.Exit(1)


@wifi.command()
@click.argument("network")
@connected
async def password(talk: Talk, network: str) -> None:
    """Show a network's password. The owner can see that you asked."""

    def show(answer: dict[str, Any]) -> None:
        talk.out.facts(
            [
                ("Name", answer["ssid"]),
                ("Password", answer["passphrase"] or "none: this network is open"),
            ]
        )

    await talk.tell("wifi.networks.reveal", show, network=network)


@wifi.command()
@connected
async def clients(talk: Talk) -> None:
    """Who is on the Wi-Fi now."""

    def show(answer: dict[str, Any]) -> None:
        talk.out.table(
            ("device", "network", "key", "signal", "received", "sent", "for"),
            (
                (
                    row["mac"],
                    row["network"],
                    row.get("key") or "",
                    "" if row.get("signal_dbm") is None else f"{row['signal_dbm']} dBm",
                    size(row["tx_bytes"]),  # the box sends what the device receives
                    size(row["rx_bytes"]),
                    span(row["connected_seconds"]),
                )
                for row in answer["items"]
            ),
            none="Nobody is on the Wi-Fi.",
        )
        for row in answer.get("refused", ()):
            tries = "once" if row["times"] == 1 else f"{row['times']} times"
            talk.out.line(
                f"{row['mac']} has a wrong password for {row['network']}: tried {tries}, last at "
                f"{moment(row['last'])}.",
                style="yellow",
            )

    await talk.tell("wifi.stations.list", show)


@wifi.command()
@connected
async def changes(talk: Talk) -> None:
    """What was changed, newest first."""

    def show(answer: dict[str, Any]) -> None:
        talk.out.table(
            ("when", "network", "state", "proof", "interrupted", "why", "id"),
            (
                (
                    moment(row.get("created")),
                    row["network"],
                    row["state"],
                    _PROOF.get(row["proof"], row["proof"]),
                    "" if row["outage_ms"] is None else span(row["outage_ms"] / 1000),
                    row["reason"] or "",
                    row["id"],
                )
                for row in answer["items"]
            ),
            none="Nothing was changed yet.",
        )

    await talk.tell("wifi.changes.list", show)


@wifi.command()
@click.argument("change")
@connected
async def keep(talk: Talk, change: str) -> None:
    """Confirm a change that waits for it."""
    await talk.tell("wifi.changes.confirm", lambda _: talk.out.line("Kept."), change=change)


@wifi.command()
@click.argument("change")
@connected
async def undo(talk: Talk, change: str) -> None:
    """Go back to what was before a change."""
    await talk.tell("wifi.changes.revert", lambda _: talk.out.line("Going back."), change=change)


def read_passphrase(*, ask: bool, stdin: bool) -> str | None:
    """The new password, typed twice or as one line of standard input: never from the command line, which
    everybody on this machine can read."""
    if ask and stdin:
        raise click.UsageError("Give either --passphrase or --passphrase-stdin.")
    if stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if ask:
        return str(click.prompt("New password", hide_input=True, confirmation_prompt=True))
    return None


async def settled(talk: Talk, change: dict[str, Any]) -> dict[str, Any]:
    """The change once it has ended; says meanwhile how to confirm one that waits for that."""
    identifier = change["id"]
    told = False

    def ended(now: dict[str, Any]) -> bool:
        nonlocal told
        if now["state"] == "proving" and now.get("confirm") == "client" and not told:
            told = True
            _ask_to_keep(talk, now)
        return now["state"] in _ENDED

    async def ask() -> dict[str, Any]:
        answer = await talk.ask("wifi.changes.get", change=identifier)
        return dict(answer.get("change", answer))

    return dict(await settle(ask, ended))


def _ask_to_keep(talk: Talk, change: dict[str, Any]) -> None:
    if talk.out.progress is not None:
        until = f" before {moment(change['deadline'])}" if change.get("deadline") else ""
        talk.out.progress.print(
            f"On the air. Confirm it{until}, or it is undone: gatewayctl wifi keep {change['id']}",
            markup=False,
            soft_wrap=True,
        )


def outcome(talk: Talk, change: dict[str, Any]) -> None:
    """Says how a change ended. Raises Refused when it was rolled back."""
    network, state = change["network"], change["state"]
    if state == "rolled_back":
        reason = change.get("reason") or "it could not be proven on the air"
        raise Refused({"detail": f"{network} was not changed: {reason.rstrip('.')}. It is as it was before."})
    if state == "applied":
        proof = _PROOF.get(change["proof"], change["proof"])
        outage = change.get("outage_ms")
        silence = f" It was interrupted for {span(outage / 1000)}." if outage else ""
        talk.out.line(f"{network} is changed, {proof}.{silence}")
    else:
        talk.out.line(f"{network}: the change {change['id']} is {state}. See `gatewayctl wifi changes`.")
    if change.get("reason"):
        talk.out.line(str(change["reason"]))
    impact = change.get("impact")
    if isinstance(impact, dict) and impact.get("summary"):
        talk.out.line(str(impact["summary"]))


def _networks(talk: Talk, items: list[dict[str, Any]]) -> None:
    talk.out.table(
        ("network", "name", "state", "security", "bands", ""),
        (
            (
                row["id"],
                row["ssid"],
                row["state"],
                row["security"],
                ", ".join(f"{band} GHz" for band in row["bands"]),
                ", ".join(_remarks(row)),
            )
            for row in items
        ),
        none="There are no networks.",
    )


def _remarks(row: dict[str, Any]) -> list[str]:
    found = [word for word in ("hidden", "isolated", "simulated") if row.get(word)]
    if not row.get("enabled", True):
        found.append("off")
    if row.get("schedule"):
        found.append("scheduled")
    if row.get("off") == "expired":
        found.append("its time is up")
    elif row.get("expires"):
        found.append(f"until {moment(row['expires'])}")
    return found


def _facts(network: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name, _told(name, value)) for name, value in network.items() if value not in (None, [])]


def _told(name: str, value: Any) -> str:
    if name == "schedule":
        return ", ".join(say_window(window) for window in value)
    return moment(value) if name == "expires" else _said(value)


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)


COMMANDS = (wifi,)
