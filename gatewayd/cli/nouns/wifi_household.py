"""`wifi guest`, `wifi qr`, `wifi keys`, `wifi rotate`: what a household does with its networks."""

from __future__ import annotations

from typing import Any

import click

from gatewayd.cli.nouns.wifi import accept_risk, read_passphrase, settled
from gatewayd.cli.nouns.wifi_times import DURATION
from gatewayd.cli.nouns.wifi_words import outcome
from gatewayd.cli.refusals import Refused
from gatewayd.cli.show import moment
from gatewayd.cli.talk import Talk, connected

_ask = click.option("--passphrase", "ask", is_flag=True, help="Ask for a password of your own.")
_stdin = click.option("--passphrase-stdin", "stdin", is_flag=True, help="Read it from standard input.")


@click.command()
@click.option(
    "--for", "seconds", type=DURATION, metavar="TIME", help="Off by itself after this long: 4h, 3d."
)
@click.option("--ssid", metavar="NAME", help="The name that devices show.")
@click.option("--off", is_flag=True, help="Switch it off.")
@_ask
@_stdin
@accept_risk
def guest(
    seconds: float | None, ssid: str | None, off: bool, ask: bool, stdin: bool, risk: bool | None
) -> None:
    """Switch the guest network on, making it if there is none, and show how to join it.

    Guests reach the internet, not your devices and not one another.
    """
    if off and (seconds is not None or ssid is not None or ask or stdin):
        raise click.UsageError("--off goes alone.")
    given: dict[str, Any] = {"enabled": not off}
    for name, value in (
        ("for_seconds", seconds),
        ("ssid", ssid),
        ("passphrase", read_passphrase(ask=ask, stdin=stdin)),
        ("accept_risk", risk),
    ):
        if value is not None:
            given[name] = value
    _guest(given, off)


@connected
async def _guest(talk: Talk, given: dict[str, Any], off: bool) -> None:
    known = {row["id"]: row for row in await talk.items("wifi.networks.list")}
    network = known.get("guest")
    if network is None and off:
        raise Refused({"detail": "There is no guest network.", "code": "wifi.network_not_found"})
    if network is None:
        answer = await talk.ask("wifi.networks.create", role="guest", id="guest", **given)
    else:
        if network.get("off") == "expired" and not off:
            given.setdefault("for_seconds", None)
        # Not `talk.ask`: a null is meant.
        answer = (await talk.box.ask("wifi.networks.update", {"network": "guest", **given})).data
    change = await settled(talk, answer["change"])
    if off or change["state"] == "rolled_back":
        talk.print({"change": change}, lambda _: outcome(talk, change))
        if change["state"] == "rolled_back":
            raise click.exceptions.Exit(1)
        return
    await _how_to_join(talk, "guest", {"change": change})


@click.command()
@click.argument("network", default="home")
@click.option("--svg", "kind", flag_value="svg", help="Print an SVG document.")
@click.option("--png", "kind", flag_value="png", help="Print a PNG: send it to a file.")
@connected
async def qr(talk: Talk, network: str, kind: str | None) -> None:
    """A code in the terminal that a phone's camera joins by. The owner can see that you asked."""
    import base64
    import sys

    def show(answer: dict[str, Any]) -> None:
        if answer["encoding"] == "base64":
            sys.stdout.buffer.write(base64.b64decode(answer["data"]))
            sys.stdout.buffer.flush()
        else:
            click.echo(answer["data"])

    await talk.tell("wifi.networks.qr", show, network=network, format=kind or "text")


@click.command()
@click.argument("network")
@connected
async def delete(talk: Talk, network: str) -> None:
    """End a network and forget its passwords. Not the home network."""
    answer = await talk.ask("wifi.networks.delete", network=network)
    await _ended(talk, answer["change"], f"{network} is gone, and its passwords with it.")


@click.group(invoke_without_command=True)
@click.option("--network", default="home", show_default=True)
@click.pass_context
def keys(context: click.Context, network: str) -> None:
    """Passwords of single devices: list them, `add` one, `revoke` one."""
    context.meta["network"] = network
    if context.invoked_subcommand is None:
        _list_keys(network)


@connected
async def _list_keys(talk: Talk, network: str) -> None:
    def show(items: list[dict[str, Any]]) -> None:
        talk.out.table(
            ("key", "whose", "made", "last used", "state"),
            (
                (
                    row["id"],
                    row["label"],
                    moment(row["created"]),
                    moment(row["last_seen"]) or "never",
                    f"revoked {moment(row['revoked'])}"
                    if row["revoked"]
                    else ("in use now" if row["connected"] else "works"),
                )
                for row in items
            ),
            none=f"No device has a password of its own on {network}.",
        )

    await talk.tell_list("wifi.keys.list", show, network=network)


@keys.command("add")
@click.argument("label")
@_ask
@_stdin
@accept_risk
@click.pass_context
def add_key(context: click.Context, label: str, ask: bool, stdin: bool, risk: bool | None) -> None:
    """Make a password for one device. LABEL says whose it is; the password is shown this once."""
    _add_key(context.meta["network"], label, read_passphrase(ask=ask, stdin=stdin), risk)


@connected
async def _add_key(talk: Talk, network: str, label: str, passphrase: str | None, risk: bool | None) -> None:
    answer = await talk.ask(
        "wifi.keys.create", network=network, label=label, passphrase=passphrase, accept_risk=risk
    )
    change = await settled(talk, answer["change"])

    def show(_: Any) -> None:
        if change["state"] == "rolled_back":
            outcome(talk, change)
        talk.out.facts([("Key", answer["key"]["id"]), ("Password", answer["passphrase"])])
        talk.out.line("Write the password down or type it in now: it is not shown again.")

    talk.print({**answer, "change": change}, show)


@keys.command("revoke")
@click.argument("key")
@click.pass_context
def revoke_key(context: click.Context, key: str) -> None:
    """Take one device's password away. The others do not notice."""
    _revoke_key(context.meta["network"], key)


@connected
async def _revoke_key(talk: Talk, network: str, key: str) -> None:
    answer = await talk.ask("wifi.keys.revoke", network=network, key=key)
    await _ended(talk, answer["change"], f"{key} is revoked: its password no longer opens {network}.")


@click.command()
@click.argument("network", default="home")
@click.option("--days", type=int, metavar="N", help="How long the old password works beside the new: 7.")
@click.option("--status", "only_show", is_flag=True, help="Only say who still has the old password.")
@click.option("--finish", is_flag=True, help="End the old password now.")
@_ask
@_stdin
@accept_risk
def rotate(
    network: str,
    days: int | None,
    only_show: bool,
    finish: bool,
    ask: bool,
    stdin: bool,
    risk: bool | None,
) -> None:
    """Change a password over in days: the old one and the new one work until you finish it.

    Without a password of your own a random one is made.
    """
    if only_show + finish > 1 or ((only_show or finish) and (days is not None or ask or stdin)):
        raise click.UsageError("--status and --finish go alone.")
    if only_show:
        _rotation(network)
    elif finish:
        _finish_rotation(network)
    else:
        _start_rotation(network, days, read_passphrase(ask=ask, stdin=stdin), risk)


@connected
async def _rotation(talk: Talk, network: str) -> None:
    def show(answer: dict[str, Any]) -> None:
        if not answer["active"]:
            talk.out.line(f"The password of {network} is not being changed over.")
            return
        talk.out.line(f"The old password works until {moment(answer['ends'])}.")
        talk.out.table(
            ("device with the old password", "last joined", ""),
            (
                (row["mac"], moment(row["last_joined"]), "connected" if row["connected"] else "")
                for row in answer["devices"]
            ),
            none="No device is known to have the old password still: `--finish` disturbs nobody.",
        )

    await talk.tell("wifi.rotation.get", show, network=network)


@connected
async def _finish_rotation(talk: Talk, network: str) -> None:
    answer = await talk.ask("wifi.rotation.finish", network=network)
    await _ended(talk, answer["change"], f"The old password no longer opens {network}.")


@connected
async def _start_rotation(
    talk: Talk, network: str, days: int | None, passphrase: str | None, risk: bool | None
) -> None:
    answer = await talk.ask(
        "wifi.rotation.start", network=network, days=days, passphrase=passphrase, accept_risk=risk
    )
    change = await settled(talk, answer["change"])
    if change["state"] == "rolled_back":
        talk.print({"change": change}, lambda _: outcome(talk, change))
        raise click.exceptions.Exit(1)
    await _how_to_join(talk, network, {"change": change})
    if not talk.out.as_json:
        ends = (await talk.ask("wifi.rotation.get", network=network))["ends"]
        talk.out.line(f"The old password works too, until {moment(ends)}. Who still has it:")
        talk.out.line(f"  gatewayctl wifi rotate {network} --status", style="dim")


async def _ended(talk: Talk, change: dict[str, Any], done: str) -> None:
    now = await settled(talk, change)
    talk.print({"change": now}, lambda _: outcome(talk, now, done))
    if now["state"] == "rolled_back":
        raise click.exceptions.Exit(1)


async def _how_to_join(talk: Talk, network: str, told: dict[str, Any]) -> None:
    """Name, password and code."""
    credentials = await talk.ask("wifi.networks.reveal", network=network)
    drawn = await talk.ask("wifi.networks.qr", network=network, format="text")

    def show(_: Any) -> None:
        if talk.out.console.is_terminal:
            click.echo(drawn["data"])
        talk.out.facts(
            [
                ("Name", credentials["ssid"]),
                ("Password", credentials["passphrase"] or "none: this network is open"),
            ]
        )

    talk.print({**told, "credentials": credentials}, show)


COMMANDS = (guest, qr, delete, keys, rotate)
