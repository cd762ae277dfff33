"""`wifi`: networks, their name and password, who is on them, what was changed."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import click

from gatewayd.cli.follow import settle
from gatewayd.cli.nouns.wifi_times import DURATION, read_window
from gatewayd.cli.nouns.wifi_words import (
    PROOF,
    changed,
    facts,
    interrupted,
    outcome,
    progress,
    remarks,
    state,
    what,
)
from gatewayd.cli.show import moment, size, span
from gatewayd.cli.talk import Talk, connected

_ENDED = ("applied", "rolled_back")


accept_risk = click.option(
    "--accept-risk", "risk", is_flag=True, default=None, help="Yes to what is dangerous."
)


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
        await talk.tell("wifi.networks.get", lambda answer: talk.out.facts(facts(answer)), network=network)


@wifi.command("set")
@click.argument("network")
@click.option("--ssid", metavar="NAME", help="The name that devices show.")
@click.option("--passphrase", "ask_passphrase", is_flag=True, help="Ask for a new password.")
@click.option("--passphrase-stdin", is_flag=True, help="Read the new password from standard input.")
@click.option(
    "--security",
    type=click.Choice(["wpa2", "wpa2-wpa3", "wpa3", "owe", "open"]),
    help="How devices join; owe and open are without a password.",
)
@click.option("--hidden/--visible", default=None, help="Whether the name is sent out.")
@click.option("--isolated/--together", default=None, help="Whether devices may reach one another.")
@click.option("--enable/--disable", "enabled", default=None, help="Whether it is on the air at all.")
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
@accept_risk
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
    risk: bool | None,
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
    if not given:
        raise click.UsageError("Say what to change, for example --ssid NAME.")
    if risk:
        given["accept_risk"] = True
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
                    span(row["connected_seconds"]) if row["connected_seconds"] else "now",
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
            ("when", "network", "what", "state", "proof", "interrupted", "note", "id"),
            (
                (
                    moment(row.get("created")),
                    what(row),
                    changed(row),
                    row["state"].replace("_", " "),
                    PROOF.get(row["proof"], row["proof"]),
                    interrupted(row),
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
@accept_risk
@click.option("--no-wait", is_flag=True, help="Do not wait until it is on the air.")
@connected
async def undo(talk: Talk, change: str, risk: bool | None, no_wait: bool) -> None:
    """Go back to what was before a change, and wait until that is on the air."""
    answer = await talk.ask("wifi.changes.revert", change=change, accept_risk=risk)
    now = answer["change"]
    if not no_wait:
        now = await settled(talk, now)
    back = now["id"] == change
    if not back and now["state"] == "rolled_back":
        talk.print({"change": now}, lambda _: outcome(talk, now))
        raise click.exceptions.Exit(1)
    done = "Going back." if no_wait else f"{what(now)} is as it was before."
    talk.print({"change": now}, lambda _: talk.out.line(done))


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
    console = talk.out.progress
    shown = None if console is None else console.status(progress(change))

    def ended(now: dict[str, Any]) -> bool:
        nonlocal told
        if shown is not None:
            shown.update(progress(now))
        if now["state"] == "proving" and now.get("confirm") == "client" and not told:
            told = True
            _ask_to_keep(talk, now)
        return now["state"] in _ENDED

    async def ask() -> dict[str, Any]:
        answer = await talk.ask("wifi.changes.get", change=identifier)
        return dict(answer.get("change", answer))

    with contextlib.nullcontext() if shown is None else shown:
        return dict(await settle(ask, ended))


def _ask_to_keep(talk: Talk, change: dict[str, Any]) -> None:
    if talk.out.progress is not None:
        until = f" before {moment(change['deadline'])}" if change.get("deadline") else ""
        talk.out.progress.print(
            f"On the air. Confirm it{until}, or it is undone: gatewayctl wifi keep {change['id']}",
            markup=False,
            soft_wrap=True,
        )


def _networks(talk: Talk, items: list[dict[str, Any]]) -> None:
    talk.out.table(
        ("network", "name", "state", "security", "bands", ""),
        (
            (
                row["id"],
                row["ssid"],
                state(row),
                row["security"],
                ", ".join(f"{band} GHz" for band in row["bands"]),
                ", ".join(remarks(row)),
            )
            for row in items
        ),
        none="There are no networks.",
    )


COMMANDS = (wifi,)
