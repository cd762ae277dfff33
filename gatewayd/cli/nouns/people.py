"""`accounts`, `tokens`: the people of the household, and the tools that may ask the box."""

from __future__ import annotations

from typing import Any

import click

from gatewayd.cli.show import moment
from gatewayd.cli.talk import Talk, connected

ROLES = click.Choice(["owner", "member", "viewer"])


@click.group(invoke_without_command=True)
@click.pass_context
def accounts(context: click.Context) -> None:
    """Who belongs to the household; add, invite, change, remove."""
    if context.invoked_subcommand is None:
        context.invoke(list_accounts)


@accounts.command("list")
@connected
async def list_accounts(talk: Talk) -> None:
    """Who belongs to the household."""

    def show(answer: dict[str, Any]) -> None:
        talk.out.table(
            ("name", "role", "password", "second factor", "since", "id"),
            (
                (
                    row["name"] or "(no name)",
                    row["role"],
                    "yes" if row["password"] else "no",
                    "yes" if row["second_factor"] else "no",
                    moment(row["created"]),
                    row["id"],
                )
                for row in answer["items"]
            ),
            none="Nobody owns the box yet.",
        )

    await talk.tell("access.accounts.list", show)


@accounts.command()
@click.argument("name")
@click.option("--role", type=ROLES, default="member", show_default=True)
@connected
async def add(talk: Talk, name: str, role: str) -> None:
    """Add somebody; prints the invitation to pass on."""
    await talk.tell("access.accounts.create", lambda answer: _invitation(talk, answer), name=name, role=role)


@accounts.command()
@click.argument("account")
@connected
async def invite(talk: Talk, account: str) -> None:
    """A new invitation, for who has no password or forgot it."""
    await talk.tell("access.accounts.invite", lambda answer: _invitation(talk, answer), account=account)


@accounts.command()
@click.argument("account")
@click.option("--name")
@click.option("--role", type=ROLES)
@connected
async def change(talk: Talk, account: str, name: str | None, role: str | None) -> None:
    """Another name or another role."""

    def show(answer: dict[str, Any]) -> None:
        talk.out.line(f"{answer['name'] or 'This account'} is {answer['role']}.")

    await talk.tell("access.accounts.update", show, account=account, name=name, role=role)


@accounts.command()
@click.argument("account")
@connected
async def remove(talk: Talk, account: str) -> None:
    """End an account, with everything that is signed in by it."""
    await talk.tell("access.accounts.remove", lambda _: talk.out.line("It is gone."), account=account)


@accounts.command("forget-second-factor")
@click.argument("account")
@connected
async def forget_second_factor(talk: Talk, account: str) -> None:
    """Switch off the second factor of somebody who has lost it."""
    await talk.tell("access.totp.remove", lambda _: talk.out.line("It is off."), account=account)


@click.group(invoke_without_command=True)
@click.pass_context
def tokens(context: click.Context) -> None:
    """Tokens of tools; create, revoke."""
    if context.invoked_subcommand is None:
        context.invoke(list_tokens)


@tokens.command("list")
@connected
async def list_tokens(talk: Talk) -> None:
    """Which tools may ask the box."""

    def show(answer: dict[str, Any]) -> None:
        talk.out.table(
            ("name", "may", "last used", "until", "id"),
            (
                (
                    row["name"],
                    ", ".join(row["scopes"]),
                    moment(row["last_used"]) if row["last_used"] else "never",
                    moment(row["expires"]) if row["expires"] else "counted",
                    row["id"],
                )
                for row in answer["items"]
            ),
            none="No tool has a token.",
        )

    await talk.tell("access.tokens.list", show)


@tokens.command()
@click.argument("name")
@click.option(
    "--may",
    "scopes",
    multiple=True,
    required=True,
    metavar="SCOPE",
    help="Such as wifi:read; again for more.",
)
@click.option("--days", type=click.IntRange(1, 366), default=90, show_default=True)
@connected
async def create(talk: Talk, name: str, scopes: tuple[str, ...], days: int) -> None:
    """A token for a tool; it is shown this once."""

    def show(answer: dict[str, Any]) -> None:
        talk.out.line(answer["token"])

    await talk.tell(
        "access.tokens.create", show, name=name, scopes=list(scopes), expires_in=float(days * 86_400)
    )


@tokens.command()
@click.argument("token")
@connected
async def revoke(talk: Talk, token: str) -> None:
    """End a token at once; TOKEN is the id in the list."""
    await talk.tell("access.tokens.revoke", lambda _: talk.out.line("It has ended."), token=token)


def _invitation(talk: Talk, answer: dict[str, Any]) -> None:
    talk.out.facts(
        [
            ("Invitation", answer["invitation"]),
            ("Account", answer["account"]),
            ("Valid", "once, for a day, until the box is switched off"),
        ]
    )


COMMANDS = (accounts, tokens)
