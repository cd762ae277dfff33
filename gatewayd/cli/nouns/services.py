"""`phone` and `mail`: is the telephone registered, can mail be read and sent?"""

from __future__ import annotations

from typing import Any

import click

from gatewayd.cli.follow import progress_bar
from gatewayd.cli.nouns.tools import run
from gatewayd.cli.talk import Talk, connected

_GOOD = ("registered", "alive")
_USES = {"read": "reading", "send": "sending", "deliver": "delivery", "other": "other"}
_SAYS = {
    "greeted": "greets",
    "turned_away": "turns us away",
    "mute": "says nothing",
    "untrusted": "shows a certificate that is not its own",
    "connected": "takes connections",
    "refused": "nobody at that port",
    "timeout": "does not answer",
    "unreachable": "cannot be reached",
    "unresolved": "has no address",
    "forbidden": "lies where the box does not look",
}
_LOOKUPS = {
    "none": "{domain} names no mail server.",
    "refused": "{domain} says that it takes no mail.",
    "failed": "Where mail for {domain} goes could not be looked up.",
}


@click.command()
@click.argument("server", required=False)
@click.option("-p", "--port", type=click.IntRange(1, 65535), help="Else 5060, or 5061 for TLS.")
@click.option("-t", "--transport", type=click.Choice(["udp", "tcp", "tls"]), help="Else the settings' one.")
@connected
async def phone(talk: Talk, server: str | None, port: int | None, transport: str | None) -> None:
    """Ask the telephone's server whether the telephone is registered.

    With SERVER: whether that one lives; the account is not shown to it.
    """
    with progress_bar(talk) as told:
        result = await run(talk, "diagnostics.phone", told, server=server, port=port, transport=transport)
    if result is None:
        return
    talk.out.line(result["sentence"], "" if result["outcome"] in _GOOD else "red")
    if result["status"] is not None:
        proof = f", proven by {result['algorithm']}" if result["algorithm"] else ""
        over = result["transport"].upper()
        talk.out.line(
            f"{result['method']} over {over}: status {result['status']} in {result['ms']:.1f} ms{proof}."
        )


@click.command()
@click.argument("domain", required=False)
@connected
async def mail(talk: Talk, domain: str | None) -> None:
    """Try the servers by which mail of DOMAIN (else of the settings) is read, sent and delivered."""
    with progress_bar(talk) as told:
        result = await run(talk, "diagnostics.mail", told, domain=domain)
    if result is None:
        return
    talk.out.table(
        ("Server", "For", "Answer", "Time", "Encrypted"), map(_row, result["servers"]), none="No servers."
    )
    if result["lookup"] in _LOOKUPS:
        talk.out.line(_LOOKUPS[result["lookup"]].format(domain=result["domain"]), "red")
    elif result["ok"]:
        talk.out.line("Mail works as far as can be seen without an account.")
    else:
        talk.out.line("Something is wrong with these servers.", "red")


def _row(server: dict[str, Any]) -> tuple[str, ...]:
    time = "" if server["ms"] is None else f"{server['ms']:.0f} ms"
    secure = {True: "yes", False: "not offered", None: ""}[server["secure"]]
    return (server["target"], _USES[server["use"]], _SAYS[server["outcome"]], time, secure)


COMMANDS = (phone, mail)
