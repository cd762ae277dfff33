"""`ping`, `traceroute`, `lookup`, `probe`, `capture`: the technician's tools, run by the box."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from gatewayd.cli import follow
from gatewayd.cli.follow import Told, progress_bar
from gatewayd.cli.refusals import printable
from gatewayd.cli.show import size
from gatewayd.cli.talk import Talk, connected

FAMILY = click.option(
    "-4/-6", "four", default=None, help="IPv4 or IPv6 only; else what there is, IPv4 first."
)


@click.command()
@click.argument("target")
@FAMILY
@click.option("-c", "--count", type=click.IntRange(1, 300), default=10, show_default=True)
@click.option("-i", "--interval", type=click.FloatRange(0.1, 5), default=0.5, show_default=True)
@click.option("-s", "--size", type=click.IntRange(16, 1472), default=56, show_default=True, help="Bytes.")
@connected
async def ping(talk: Talk, target: str, four: bool | None, count: int, interval: float, size: int) -> None:
    """Ping TARGET from the box: loss, times and jitter. Ctrl-C stops it."""

    def draw(result: dict[str, Any]) -> str:
        return "\n".join((*map(_reply, result["replies"][-8:]), *_ping_summary(result)))

    with _live(talk, draw) as told:
        result = await run(
            talk, "diagnostics.ping", told,
            target=target, family=family(four), count=count, interval=interval, size=size,
        )  # fmt: skip
    if result is not None:
        for line in (*map(_reply, result["replies"]), *_ping_summary(result)):
            talk.out.line(line)


@click.command()
@click.argument("target")
@FAMILY
@click.option("-r", "--rounds", type=click.IntRange(1, 50), default=5, show_default=True)
@click.option("--hops", type=click.IntRange(1, 40), default=30, show_default=True)
@click.option("--names/--no-names", default=True, show_default=True, help="Look up who the hops are.")
@connected
async def traceroute(talk: Talk, target: str, four: bool | None, rounds: int, hops: int, names: bool) -> None:
    """The way from the box to TARGET, with loss and times at each hop."""
    with _live(talk, lambda result: "\n".join(map(_hop, result["hops"]))) as told:
        result = await run(
            talk, "diagnostics.traceroute", told,
            target=target, family=family(four), rounds=rounds, hops=hops, names=names,
        )  # fmt: skip
    if result is None:
        return
    heads = ("Hop", "Who", "Loss", "Best", "Mean", "Worst")
    talk.out.table(heads, map(_hop_row, result["hops"]), none="Nobody answered.")
    talk.out.line(
        f"{result['address']} answered." if result["reached"] else f"{result['address']} did not answer."
    )


@click.command()
@click.argument("name")
@click.option("-t", "--type", "kind", default="A", show_default=True, help="A, AAAA, MX, NS, TXT, PTR, ...")
@click.option("--resolver", metavar="ADDRESS", help="Whom to ask; else the resolver of the box.")
@connected
async def lookup(talk: Talk, name: str, kind: str, resolver: str | None) -> None:
    """Ask a resolver for NAME, as the box sees it."""
    with progress_bar(talk) as told:
        result = await run(talk, "diagnostics.lookup", told, name=name, type=kind.upper(), resolver=resolver)
    if result is None:
        return
    said = {"timeout": "did not answer", "unreachable": "cannot be reached", "unreadable": "sent rubbish"}
    if result["outcome"] != "answered":
        talk.out.line(f"{result['resolver']} {said[result['outcome']]}.", "red")
        return
    rows = [(one["name"], one["type"], f"{one['ttl']} s", one["data"]) for one in result["records"]]
    talk.out.table(("Name", "Type", "For", "Answer"), rows, none="No such record.")
    proved = ", proved by DNSSEC" if result["authentic"] else ""
    over = " over TCP" if result["over"] == "tcp" else ""
    talk.out.line(f"{result['code']} from {result['resolver']}{over} in {result['ms']:.1f} ms{proved}.")


@click.command()
@click.argument("target")
@click.option(
    "-k", "--kind", type=click.Choice(["tcp", "tls", "http", "https"]), default="https", show_default=True
)
@click.option("-p", "--port", type=click.IntRange(1, 65535), help="Needed for tcp.")
@click.option("--path", default="/", show_default=True, help="What to ask a web server for.")
@FAMILY
@connected
async def probe(talk: Talk, target: str, kind: str, port: int | None, path: str, four: bool | None) -> None:
    """Try to reach a service at TARGET, step by step."""
    with _live(talk, lambda result: "\n".join(map(_step, result["steps"]))) as told:
        result = await run(
            talk, "diagnostics.probe", told,
            target=target, kind=kind, port=port, path=path, family=family(four),
        )  # fmt: skip
    if result is None:
        return
    for step in result["steps"]:
        talk.out.line(_step(step), "" if step["ok"] else "red")
    if (shown := result["certificate"]) is not None:
        talk.out.facts(
            (
                ("Certificate", shown["subject"]),
                ("Issued by", shown["issuer"]),
                ("Valid", f"{shown['not_before'][:10]} to {shown['not_after'][:10]}"),
                ("Trusted", "yes" if shown["trusted"] else f"no: {shown['reason']}"),
            )
        )
    if result["location"]:
        talk.out.line(f"It points to {result['location']}")


@click.command()
@click.argument("interface")
@click.option(
    "-w",
    "--write",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The pcap file.",
)
@click.option("--seconds", type=click.FloatRange(1, 60), default=10, show_default=True)
@click.option("--packets", type=click.IntRange(1, 20_000), default=5000, show_default=True)
@click.option("--address", help="Only packets from or to this device.")
@click.option("--whole", is_flag=True, help="Keep contents too, not only headers.")
@click.option("--consent", is_flag=True, help="Somebody of the household agrees to this.")
@connected
async def capture(
    talk: Talk,
    interface: str,
    file: Path,
    seconds: float,
    packets: int,
    address: str | None,
    whole: bool,
    consent: bool,
) -> None:
    """Record what passes an INTERFACE of the box, for a minute at most."""
    if file.exists():
        raise click.BadParameter(f"{file} exists already.", param_hint="--write")
    with progress_bar(talk) as told:
        result = await run(
            talk, "diagnostics.capture", told,
            interface=interface, seconds=seconds, packets=packets, address=address,
            whole=whole, consent=consent,
        )  # fmt: skip
    if result is None:
        return
    import asyncio

    fetched = await talk.ask("diagnostics.captures.get", capture=result["capture"])
    await asyncio.to_thread(file.write_bytes, base64.b64decode(fetched["pcap"]))
    lost = f", {result['dropped']} came too fast" if result["dropped"] else ""
    talk.out.line(f"{result['packets']} packets, {size(result['bytes'])}, in {file}{lost}.")


async def run(talk: Talk, operation: str, told: Told, **arguments: Any) -> dict[str, Any] | None:
    """Starts a tool's job, follows it, and returns its result for showing; None once printed as JSON.

    Raises Refused when it did not end well.
    """
    job = await follow.run(talk, operation, wait=True, watched=contextlib.nullcontext(told), **arguments)
    return None if job is None else job["result"]


def family(four: bool | None) -> str:
    """The argument for -4 and -6."""
    return "any" if four is None else ("v4" if four else "v6")


@contextlib.contextmanager
def _live(talk: Talk, draw: Callable[[dict[str, Any]], str]) -> Iterator[Told]:
    """The result so far, drawn again at each news of it, where somebody watches."""
    console = talk.out.progress
    if console is None:
        yield lambda job, partial: None
        return
    from rich.live import Live
    from rich.text import Text

    with Live(console=console, transient=True) as live:
        yield lambda job, partial: live.update(
            Text(draw(partial) if partial else printable(str(job["message"])))
        )


def _reply(reply: dict[str, Any]) -> str:
    if reply["ms"] is not None:
        return f"{reply['sequence']:>4}  {reply['ms']:8.2f} ms"
    return f"{reply['sequence']:>4}  {printable(reply['error'] or 'no answer')}"


def _ping_summary(result: dict[str, Any]) -> tuple[str, ...]:
    answered = f"{result['received']} of {result['sent']} answered by {result['address']}"
    lost = f"{answered}, {result['loss']:.0%} lost."
    if result["median_ms"] is None:
        return (lost,)
    jitter = "" if result["jitter_ms"] is None else f", jitter {result['jitter_ms']:.2f} ms"
    return (
        lost,
        f"Fastest {result['min_ms']:.2f} ms, median {result['median_ms']:.2f} ms,"
        f" slowest {result['max_ms']:.2f} ms{jitter}.",
    )


def _hop_row(hop: dict[str, Any]) -> tuple[str, ...]:
    who = ", ".join(hop["addresses"]) or "nobody answers"
    name = f"{hop['name']} ({who})" if hop["name"] else who
    times = ("", "", "") if hop["mean_ms"] is None else tuple(
        f"{hop[key]:.1f} ms" for key in ("best_ms", "mean_ms", "worst_ms")
    )  # fmt: skip
    return (str(hop["hop"]), name, f"{hop['loss']:.0%}", *times)


def _hop(hop: dict[str, Any]) -> str:
    number, who, loss, best, mean, worst = _hop_row(hop)
    return printable(f"{number:>3}  {who:<40} {loss:>5}  {best:>9} {mean:>9} {worst:>9}")


def _step(step: dict[str, Any]) -> str:
    return printable(f"{'✓' if step['ok'] else '✗'} {step['step']:<8} {step['ms']:8.1f} ms  {step['detail']}")


COMMANDS = (ping, traceroute, lookup, probe, capture)
