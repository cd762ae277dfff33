"""`python -m gatewayd.portal.controller`: ask one box one thing from a shell, or watch what it says."""

from __future__ import annotations

import argparse
import asyncio
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message

from gatewayd.portal.controller.client import Controller, Refused
from gatewayd.portal.mqtt_client import Broker
from gatewayd.portal.transport import LinkLost


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m gatewayd.portal.controller", description=__doc__)
    parser.add_argument("--broker", required=True, metavar="HOST:PORT")
    parser.add_argument("--box", required=True, metavar="ENDPOINT", help="the box's endpoint id")
    parser.add_argument("--endpoint", default="self::desk", help="ours (%(default)s)")
    parser.add_argument("--topic", default="usp/controller/desk", help="ours (%(default)s)")
    parser.add_argument("--box-topic", help="the box's (usp/agent/ENDPOINT)")
    parser.add_argument("--ca", type=Path, help="whom we trust, PEM; without it there is no TLS")
    parser.add_argument("--certificate", type=Path, help="ours, PEM")
    parser.add_argument("--key", type=Path, help="ours, PEM")
    verbs = parser.add_subparsers(dest="verb", required=True)
    get = verbs.add_parser("get", help="read paths")
    get.add_argument("paths", nargs="+")
    change = verbs.add_parser("set", help="change parameters of objects")
    change.add_argument("path")
    change.add_argument("values", nargs="+", metavar="NAME=VALUE")
    make = verbs.add_parser("add", help="make an instance")
    make.add_argument("path")
    make.add_argument("values", nargs="*", metavar="NAME=VALUE")
    delete = verbs.add_parser("delete", help="delete instances")
    delete.add_argument("paths", nargs="+")
    operate = verbs.add_parser("operate", help="run a command")
    operate.add_argument("command")
    operate.add_argument("values", nargs="*", metavar="NAME=VALUE")
    operate.add_argument("--key", dest="command_key", default="", help="the same for the same job")
    verbs.add_parser("watch", help="print notifications until Ctrl-C")
    return parser.parse_args(argv)


def _broker(told: argparse.Namespace) -> Broker:
    host, _, port = told.broker.rpartition(":")
    tls = None
    if told.ca is not None:
        tls = ssl.create_default_context(cafile=str(told.ca))
        if told.certificate is not None:
            tls.load_cert_chain(told.certificate, told.key)
    return Broker(host=host, port=int(port), tls=tls, client_id=told.endpoint, endpoint=told.endpoint)


def _pairs(values: Sequence[str]) -> dict[str, str]:
    return {name: value for name, _, value in (each.partition("=") for each in values)}


def _show(message: Message) -> None:
    print(MessageToJson(message, preserving_proto_field_name=True), flush=True)  # noqa: T201


async def _run(told: argparse.Namespace) -> None:
    agent_topic = told.box_topic or f"usp/agent/{told.box}"
    async with Controller(
        _broker(told), topic=told.topic, agent=told.box, agent_topic=agent_topic
    ) as controller:
        match told.verb:
            case "get":
                for path, value in (await controller.get(*told.paths)).items():
                    print(f"{path} = {value}")  # noqa: T201
            case "set":
                _show(await controller.set(told.path, _pairs(told.values)))
            case "add":
                print(await controller.add(told.path, _pairs(told.values)))  # noqa: T201
            case "delete":
                _show(await controller.delete(*told.paths))
            case "operate":
                for result in await controller.operate(
                    told.command, _pairs(told.values), key=told.command_key
                ):
                    _show(result)
            case "watch":
                print(f"listening on {told.topic}; Ctrl-C ends it", file=sys.stderr, flush=True)  # noqa: T201
                while True:
                    _show(await controller.notifications.get())


def main(argv: Sequence[str] | None = None) -> int:
    """The command: 0 done, 1 refused, 3 not reachable."""
    try:
        asyncio.run(_run(_arguments(argv)))
    except Refused as error:
        print(error, file=sys.stderr)  # noqa: T201
        for path, (code, sentence) in error.parameters.items():
            print(f"  {path}: {code}: {sentence}", file=sys.stderr)  # noqa: T201
        return 1
    except (LinkLost, TimeoutError) as error:
        print(f"not reachable: {error or 'no answer'}", file=sys.stderr)  # noqa: T201
        return 3
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
