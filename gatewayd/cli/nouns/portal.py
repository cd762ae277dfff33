"""`portal`: the operator's link: how it is, whom it goes to, what came through it, what the owner forbids."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from gatewayd.cli.talk import Talk, connected

_AREAS = ("wifi", "home", "dvr", "diagnostics", "upkeep", "access")
_WORDS = {
    "wifi": "change the Wi-Fi",
    "home": "change the household's devices",
    "dvr": "change recordings",
    "diagnostics": "run diagnoses",
    "upkeep": "restart or update the box",
    "access": "change who may come in",
}


@click.group(invoke_without_command=True)
@click.pass_context
def portal(context: click.Context) -> None:
    """The link to the operator: show, connect, disconnect, log, veto, allow, request."""
    if context.invoked_subcommand is None:
        context.invoke(show)


@portal.command()
@connected
async def show(talk: Talk) -> None:
    """Whether there is a link, whom it goes to, and what the operator may change."""
    await talk.tell("portal.get", lambda answer: _show(talk, answer))


@portal.command()
@click.argument("broker", metavar="HOST[:PORT]")
@click.option(
    "--controller", required=True, help="The controller's endpoint id, such as self::portal.example.net."
)
@click.option("--topic", required=True, help="The topic that the controller listens on.")
@click.option("--role", default="Full Access", show_default=True, help="What the controller may do.")
@click.option(
    "--own-topic", help="The topic that the box listens on; its endpoint id decides if it is left out."
)
@click.option(
    "--certificate",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM, for the box's key.",
)
@click.option(
    "--authority",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM, whom the box trusts.",
)
@click.option("--username", help="Where the broker asks for a name.")
@click.option("--password", is_flag=True, help="Ask for a password.")
@click.option("--plain", is_flag=True, help="Without TLS: for a broker on the box itself.")
@connected
async def connect(
    talk: Talk,
    broker: str,
    controller: str,
    topic: str,
    role: str,
    own_topic: str | None,
    certificate: Path | None,
    authority: Path | None,
    username: str | None,
    password: bool,
    plain: bool,
) -> None:
    """Connect to the operator's MQTT broker."""
    host, port = _place(broker)
    mqtt: dict[str, Any] = {"host": host, "port": port, "tls": not plain, "topic": own_topic}
    if username is not None:
        mqtt["username"] = username
    if password:
        mqtt["password"] = click.prompt("Password", hide_input=True, err=True)
    choice: dict[str, Any] = {
        "enabled": True,
        "mqtt": mqtt,
        "controllers": [{"endpoint_id": controller, "topic": topic, "role": role}],
    }
    for name, file in (("certificate", certificate), ("authority", authority)):
        if file is not None:
            choice[name] = file.read_text("utf-8")
    await talk.tell("portal.configure", lambda answer: _show(talk, answer), **choice)


@portal.command()
@connected
async def disconnect(talk: Talk) -> None:
    """End the link; its configuration stays."""
    await talk.tell("portal.configure", lambda answer: _show(talk, answer), enabled=False)


@portal.command()
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@connected
async def log(talk: Talk, limit: int) -> None:
    """What the operator changed and what was refused, newest first."""

    def tell(answer: dict[str, Any]) -> None:
        talk.out.table(
            ("when", "", "controller", "what"),
            (
                (
                    item["time"][:19].replace("T", " "),
                    item["kind"] if item["count"] == 1 else f"{item['kind']} {item['count']} times",
                    item["controller"],
                    item["what"],
                )
                for item in answer["items"]
            ),
            none="Nothing yet.",
        )

    await talk.tell("portal.log", tell, limit=limit)


@portal.command()
@click.argument("areas", nargs=-1, required=True, type=click.Choice(_AREAS))
@connected
async def veto(talk: Talk, areas: tuple[str, ...]) -> None:
    """Forbid the operator to change anything in AREAS."""
    await talk.tell("portal.policy", lambda answer: _allowed(talk, answer), areas=dict.fromkeys(areas, False))


@portal.command()
@click.argument("areas", nargs=-1, required=True, type=click.Choice(_AREAS))
@connected
async def allow(talk: Talk, areas: tuple[str, ...]) -> None:
    """Let the operator change things in AREAS again."""
    await talk.tell("portal.policy", lambda answer: _allowed(talk, answer), areas=dict.fromkeys(areas, True))


@portal.command()
@connected
async def request(talk: Talk) -> None:
    """Print a certificate request for the operator's authority to sign."""

    def show(answer: Any) -> None:
        for line in answer["request"].splitlines():
            talk.out.line(line)

    await talk.tell("portal.certificate", show)


def _place(broker: str) -> tuple[str, int | None]:
    try:
        parts = urlsplit(f"//{broker}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host:
        raise click.UsageError(f"{broker!r} is not HOST or HOST:PORT.")
    return host, port


def _show(talk: Talk, answer: dict[str, Any]) -> None:
    out = talk.out
    if not answer["enabled"]:
        out.line("No link to an operator: it is switched off.")
    for link in answer["links"]:
        reason = f": {link['reason']}" if link["reason"] else ""
        out.line(f"{link['name']} is {link['state']} since {link['since'][:19].replace('T', ' ')}{reason}.")
    if answer["enabled"] and not answer["links"]:
        out.line("The link is switched on and begins in a moment.")
    out.line(f"This box is {answer['endpoint_id']}.")
    out.table(
        ("controller", "role", "over"),
        ((each["endpoint_id"], each["role"], each["topic"] or each["url"]) for each in answer["controllers"]),
        none="No controller is configured.",
    )
    if answer["waiting"]:
        out.line(f"{answer['waiting']} notifications wait to be delivered.")
    _allowed(talk, answer)


def _allowed(talk: Talk, answer: dict[str, Any]) -> None:
    talk.out.table(
        ("the operator may", ""),
        ((_WORDS.get(area, area), "yes" if yes else "no") for area, yes in answer["allowed"].items()),
        none="",
    )


COMMANDS = (portal,)
