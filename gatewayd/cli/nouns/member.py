"""`join` and `leave`: this machine as a member of a box elsewhere."""

from __future__ import annotations

import click

from gatewayd.cli.member import file_of, load, store
from gatewayd.cli.refusals import Refused, Unreachable
from gatewayd.cli.talk import Session


@click.command()
@click.argument("code", required=False)
@click.option("--label", help="What the owner sees this machine as; its host name if left out.")
@click.pass_context
def join(context: click.Context, code: str | None, label: str | None) -> None:
    """Pair this machine with the box at --url, by the code that `gatewayctl pair` shows there.

    Nobody between here and the box can read or replace what is agreed upon. From then on --url alone
    is enough.
    """
    target = _target(context)
    code = code or click.prompt("The code that the box shows", err=True)
    import asyncio
    import socket

    from gatewayd.client import claim_by_code, errors
    from gatewayd.client.pake import WrongBox

    try:
        member = asyncio.run(
            claim_by_code(target, code, label=label or socket.gethostname() or "Command line")
        )
    except WrongBox as error:
        raise Unreachable(f"Not paired: {error}.") from None
    except errors.Refused as refusal:
        raise Refused(refusal.problem) from None
    except errors.Unreachable as error:
        raise Unreachable(f"{error}.") from None
    store(file_of(target), member)
    click.echo(f"This machine belongs to {member.box} now.")


@click.command()
@click.pass_context
def leave(context: click.Context) -> None:
    """Sign this machine out of the box at --url, and forget it."""
    target = _target(context)
    file = file_of(target)
    if not file.exists():
        raise click.UsageError(f"This machine is no member of {target}.")
    import asyncio

    from gatewayd.client import Client, errors

    member = load(file)

    async def sign_out() -> None:
        async with Client(member) as client:
            await client.log_out()

    try:
        asyncio.run(sign_out())
    except errors.Refused as refusal:
        if refusal.code != "access.unauthenticated":
            raise Refused(refusal.problem) from None
    except errors.Unreachable as error:
        raise Unreachable(f"{error}. Nothing was forgotten.") from None
    file.unlink()
    click.echo("Signed out.")


def _target(context: click.Context) -> str:
    session = context.find_object(Session)
    assert session is not None  # the root group puts it there
    target = session.choose()
    if target.url is None:
        raise click.UsageError("Say which box: gatewayctl --url https://NAME ...")
    return target.url


COMMANDS = (join, leave)
