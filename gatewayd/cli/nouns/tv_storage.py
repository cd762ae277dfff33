"""`tv storage`: the recordings' disk, now and in the next days."""

from __future__ import annotations

from typing import Any

import click

from gatewayd.cli.nouns.tv_recordings import Duration, Keep, Size
from gatewayd.cli.show import moment, size, span
from gatewayd.cli.talk import Talk, connected

_QUOTA = "What recordings may take: 500GB, 80% of the disk, or none."


class Quota(Size):
    """A size, a share such as 80%, or `none`."""

    name = "quota"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        """The arguments of the operation."""
        if value == "none":
            return {"quota": None, "quota_percent": None}
        if str(value).endswith("%") and value[:-1].isdigit():
            return {"quota_percent": int(value[:-1])}
        return {"quota": super().convert(value, param, context)}


@click.group(invoke_without_command=True)
@click.pass_context
def storage(context: click.Context) -> None:
    """The recordings' disk; `set` says what they may take of it."""
    if context.invoked_subcommand is None:
        context.invoke(show_storage)


@storage.command("show")
@connected
async def show_storage(talk: Talk) -> None:
    """What is used and free, and what will be deleted when."""
    await talk.tell("dvr.storage.get", lambda told: _show(talk, told))


@storage.command("set")
@click.option("--quota", type=Quota(), metavar="SIZE", help=_QUOTA)
@click.option("--reserve", type=Size(), metavar="SIZE", help="What recordings leave free in any case.")
@click.option("--before", type=Duration(), metavar="TIME", help="What new ones record before their time.")
@click.option("--after", type=Duration(), metavar="TIME", help="And after it.")
@click.option("--keep", type=Keep(), metavar="HOW", help="How new ones are kept: forever, until-space, 7d.")
@click.option("--trash-days", type=int, metavar="DAYS", help="When the trash is emptied at the latest.")
@connected
async def set_storage(
    talk: Talk,
    quota: dict[str, int | None] | None,
    reserve: int | None,
    before: float | None,
    after: float | None,
    keep: str | None,
    trash_days: int | None,
) -> None:
    """Change what recordings may take, and what new ones get."""
    changes: dict[str, Any] = {
        "reserve": reserve,
        "pad_before": before,
        "pad_after": after,
        "keep": keep,
        "trash_days": trash_days,
    }
    given = {name: value for name, value in changes.items() if value is not None} | (quota or {})
    if not given:
        raise click.UsageError("Say what to change: gatewayctl tv storage set --help")
    answer = await talk.box.ask("dvr.storage.update", given)
    if talk.out.as_json:
        talk.out.raw(answer.text)
    else:
        talk.out.facts(_settings(answer.data))


def _show(talk: Talk, told: dict[str, Any]) -> None:
    forecast = told["forecast"]
    free = "not known yet" if told["free"] is None else f"{size(told['free'])} of {size(told['total'] or 0)}"
    talk.out.facts(
        (
            ("recordings", f"{told['recordings']}, {size(told['used'])}"),
            ("trash", size(told["trash"])),
            ("free", free),
            ("room", "not known yet" if told["room"] is None else size(max(0, told["room"]))),
            *_settings(told["settings"]),
            (f"next {forecast['days']} days", f"{size(forecast['expected'])} to record"),
            ("full", "not in that time" if forecast["full"] is None else moment(forecast["full"])),
        )
    )
    if told.get("error"):
        talk.out.line("! Recordings pause: there is no space for them, or their disk has failed.", "red")
    for row in forecast["recordings"]:
        if not row["fits"]:
            talk.out.line(f"! {row['title']}, {moment(row['start'])}: no space for it.", "red")
    if forecast["deletions"]:
        talk.out.line("")
        talk.out.table(
            ("when", "will be deleted", "size", "why"),
            (
                (moment(row["time"]), row["title"], size(row["bytes"]), row["sentence"])
                for row in forecast["deletions"]
            ),
            none="",
        )


def _settings(settings: dict[str, Any]) -> list[tuple[str, str]]:
    quota = "none"
    if settings["quota"] is not None:
        quota = size(settings["quota"])
    elif settings["quota_percent"] is not None:
        quota = f"{settings['quota_percent']} % of the disk"
    keep = settings["keep"].replace("until_space", "until their space is needed").replace("days:", "days: ")
    return [
        ("quota", quota),
        ("reserve", size(settings["reserve"])),
        ("padding", f"{_padding(settings['pad_before'])} before, {_padding(settings['pad_after'])} after"),
        ("new ones stay", keep),
        ("trash is kept", f"{settings['trash_days']} days"),
    ]


def _padding(seconds: float) -> str:
    return span(seconds) if seconds else "none"


COMMANDS = (storage,)
