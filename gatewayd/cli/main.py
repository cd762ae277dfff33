"""`gatewayctl [options] NOUN VERB ...`."""

from __future__ import annotations

import click

from gatewayd import __version__
from gatewayd.cli.nouns import (
    access,
    call,
    diagnose,
    doctor,
    home,
    household,
    jobs,
    look,
    member,
    outages,
    people,
    portal,
    privacy,
    services,
    speedtest,
    tools,
    tv,
    tv_export,
    tv_play,
    tv_recordings,
    tv_signal,
    tv_sources,
    tv_storage,
    upkeep,
    visits,
    wifi,
    wifi_household,
    wifi_survey,
)
from gatewayd.cli.show import Output
from gatewayd.cli.talk import Session
from gatewayd.cli.target import choose


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit status: 0 done, 1 the box said no, 2 wrong usage, 3 the box is not reachable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the box's answer as it is.")
@click.option("--socket", metavar="PATH", help="The box's Unix socket. [env: GATEWAYD_SOCKET]")
@click.option("--url", metavar="URL", help="A box elsewhere: https://NAME:PORT. [env: GATEWAYD_URL]")
@click.option(
    "--token",
    metavar="TOKEN",
    help="For --url. Others on this machine can read it in the list of processes: prefer the environment."
    " [env: GATEWAYD_TOKEN]",
)
@click.option(
    "--fingerprint",
    metavar="SPKI",
    help="For --url: accept only the box with this key (`gatewayctl pair` on the box shows it)."
    " [env: GATEWAYD_FINGERPRINT]",
)
@click.option("--insecure", is_flag=True, help="For --url: accept whoever answers.")
@click.version_option(__version__, prog_name="gatewayctl")
@click.pass_context
def main(
    context: click.Context,
    as_json: bool,
    socket: str | None,
    url: str | None,
    token: str | None,
    fingerprint: str | None,
    insecure: bool,
) -> None:
    """Ask a gatewayd box for anything it can do.

    Without --url it talks to the box that it runs on: to the system's daemon, or else to the demo.
    """
    context.obj = Session(
        lambda: choose(socket=socket, url=url, token=token, fingerprint=fingerprint, insecure=insecure),
        Output(as_json=as_json),
    )


for verb in (*wifi_household.COMMANDS, wifi_survey.survey):
    wifi.wifi.add_command(verb)
for verb in (
    *tv_sources.COMMANDS,
    *tv_recordings.COMMANDS,
    *tv_storage.COMMANDS,
    *tv_export.COMMANDS,
    *tv_play.COMMANDS,
    *tv_signal.COMMANDS,
):
    tv.tv.add_command(verb)
for command in (
    *home.COMMANDS,
    *wifi.COMMANDS,
    *tv.COMMANDS,
    *diagnose.COMMANDS,
    *speedtest.COMMANDS,
    *tools.COMMANDS,
    *services.COMMANDS,
    *outages.COMMANDS,
    *household.COMMANDS,
    *upkeep.COMMANDS,
    *look.COMMANDS,
    *doctor.COMMANDS,
    *access.COMMANDS,
    *people.COMMANDS,
    *member.COMMANDS,
    *visits.COMMANDS,
    *portal.COMMANDS,
    *privacy.COMMANDS,
    *jobs.COMMANDS,
    *call.COMMANDS,
):
    main.add_command(command)
