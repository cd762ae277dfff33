"""Device.LocalAgent: the agent itself, its ways, controllers, subscriptions and requests (TR-181 2.16)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from gatewayd.portal.assignments import read_settings
from gatewayd.portal.contracts import About
from gatewayd.portal.expressions import Malformed
from gatewayd.portal.model import CommandSpec, EventSpec, Node, Object, Param, Started
from gatewayd.portal.objects.shared import ZERO_TIME, alias, always, enable
from gatewayd.portal.paths import read
from gatewayd.portal.refusals import Code, UspFault
from gatewayd.portal.view import View

AGENT = "Device.LocalAgent."
CONTROLLERS = f"{AGENT}Controller."
SUBSCRIPTIONS = f"{AGENT}Subscription."
REQUESTS = f"{AGENT}Request."
NOTIFICATIONS = (
    "ValueChange",
    "ObjectCreation",
    "ObjectDeletion",
    "OperationComplete",
    "Event",
)


async def _agent(view: View, _parent: Node) -> About:
    return view.about


def _paths(text: str) -> str | None:
    for part in references(text):
        try:
            read(part)
        except ValueError as error:
            return str(error)
    return None


def _settings(text: str) -> str | None:
    try:
        read_settings(references(text))
    except Malformed as error:
        return str(error)
    return None


def references(text: str) -> list[str]:
    """A list of paths; commas within an expression divide nothing."""
    found, current, depth = [], "", 0
    for character in text:
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == "," and depth == 0:
            found.append(current.strip())
            current = ""
        else:
            current += character
    found.append(current.strip())
    return [each for each in found if each]


def _agent_object() -> Object:
    return Object(
        path=AGENT,
        one=_agent,
        params=(
            Param(name="EndpointID", read=lambda node: node.row.endpoint),
            Param(name="SoftwareVersion", read=lambda node: node.row.software),
            Param(
                name="UpTime",
                kind="unsignedInt",
                read=lambda node: int(time.monotonic() - node.row.started),
                ignored=True,
            ),
            Param(name="SupportedProtocols", kind="list", read=always(["MQTT", "WebSocket"])),
            Param(name="SupportedNumberOfSubscriptions", kind="int", read=always(-1)),
            Param(name="MaxSubscriptionChangeAdoptionTime", kind="unsignedInt", read=always(5)),
        ),
        events=(EventSpec(name="Periodic!"),),
    )


def _client(node: Node) -> str:
    """The path of the MQTT.Client that a way uses."""
    reference = (node.view.stored.row(f"{node.path.removesuffix('MQTT.')}MQTT.") or {}).get("Reference", "")
    return f"{reference.rstrip('.')}."


def _way_status(node: Node) -> str:
    return "Up" if node.view.links.state(_client(node)) == "up" else "Down"


def _topic(node: Node) -> str:
    return node.view.links.response_topic(_client(node))


def _ways() -> tuple[Object, ...]:
    return (
        Object(
            path=f"{AGENT}MTP.{{i}}.",
            stored=True,
            addable=True,
            deletable=True,
            count="MTPNumberOfEntries",
            keys=(("Alias",),),
            params=(
                alias(stored=True),
                enable(),
                Param(name="Status", read=_way_status),
                Param(name="Protocol", access="rw", default="MQTT", one_of=("MQTT", "WebSocket")),
                Param(name="EnableMDNS", kind="boolean", read=always(False)),
            ),
        ),
        Object(
            path=f"{AGENT}MTP.{{i}}.MQTT.",
            stored=True,
            params=(
                Param(name="Reference", access="rw", most=256),
                Param(name="ResponseTopicConfigured", access="rw", most=1024),
                Param(name="ResponseTopicDiscovered", read=_topic),
                Param(name="PublishQoS", kind="unsignedInt", access="rw", default="1", most=2),
            ),
        ),
    )


def _onboard() -> CommandSpec:
    async def plan(_node: Node, _arguments: Mapping[str, str]) -> Started:
        return Started()

    return CommandSpec(name="SendOnBoardRequest()", plan=plan)


def _retry(prefix: str) -> tuple[Param, ...]:
    """How long to wait before another try, and by how many thousandths longer each time."""
    return (
        Param(
            name=f"{prefix}MinimumWaitInterval",
            kind="unsignedInt",
            access="rw",
            default="5",
            least=1,
            most=65535,
        ),
        Param(
            name=f"{prefix}IntervalMultiplier",
            kind="unsignedInt",
            access="rw",
            default="2000",
            least=1000,
            most=65535,
        ),
    )


def _controller() -> Object:
    return Object(
        path=f"{CONTROLLERS}{{i}}.",
        stored=True,
        addable=True,
        deletable=True,
        count="ControllerNumberOfEntries",
        keys=(("EndpointID",), ("Alias",)),
        params=(
            alias(stored=True),
            Param(name="EndpointID", access="once", most=256),
            enable(),
            Param(name="AssignedRole", kind="list", access="rw", most=1024),
            Param(name="InheritedRole", kind="list"),
            Param(name="Credential", kind="list", access="rw", most=1024),
            Param(name="ProvisioningCode", access="rw", most=64),
            Param(name="PeriodicNotifInterval", kind="unsignedInt", access="rw", default="86400", least=1),
            Param(name="PeriodicNotifTime", kind="dateTime", access="rw", default=ZERO_TIME),
            *_retry("USPNotifRetry"),
        ),
        commands=(_onboard(),),
    )


def _controller_ways() -> tuple[Object, ...]:
    return (
        Object(
            path=f"{CONTROLLERS}{{i}}.MTP.{{i}}.",
            stored=True,
            addable=True,
            deletable=True,
            count="MTPNumberOfEntries",
            keys=(("Alias",), ("Protocol",)),
            params=(
                alias(stored=True),
                enable(),
                Param(name="Protocol", access="rw", default="MQTT", one_of=("MQTT", "WebSocket")),
            ),
        ),
        Object(
            path=f"{CONTROLLERS}{{i}}.MTP.{{i}}.MQTT.",
            stored=True,
            params=(
                Param(name="AgentMTPReference", access="rw", most=256),
                Param(name="Topic", access="rw", most=1024),
            ),
        ),
        Object(
            path=f"{CONTROLLERS}{{i}}.MTP.{{i}}.WebSocket.",
            stored=True,
            params=(
                Param(name="Host", access="rw", most=256),
                Param(name="Port", kind="unsignedInt", access="rw", default="443", most=65535),
                Param(name="Path", access="rw", most=1024),
                Param(name="EnableEncryption", kind="boolean", access="rw", default="true"),
                *_retry("SessionRetry"),
            ),
        ),
    )


def _controllers() -> tuple[Object, ...]:
    return (
        _controller(),
        *_controller_ways(),
        Object(
            path=f"{CONTROLLERS}{{i}}.BootParameter.{{i}}.",
            stored=True,
            addable=True,
            deletable=True,
            count="BootParameterNumberOfEntries",
            keys=(("Alias",), ("ParameterName",)),
            params=(
                alias(stored=True),
                enable(),
                Param(name="ParameterName", access="rw", most=256, check=_paths),
            ),
        ),
        Object(
            path=f"{CONTROLLERS}{{i}}.E2ESession.",
            params=(
                Param(name="SessionMode", read=always("Forbid")),
                Param(name="Status", read=always("Down")),
            ),
        ),
    )


def _subscriptions() -> Object:
    return Object(
        path=f"{SUBSCRIPTIONS}{{i}}.",
        stored=True,
        addable=True,
        deletable=True,
        count="SubscriptionNumberOfEntries",
        keys=(("Alias",), ("Recipient", "ID")),
        params=(
            alias(stored=True),
            enable(),
            Param(name="Recipient"),
            Param(name="ID", access="once", most=64),
            Param(name="CreationDate", kind="dateTime"),
            Param(name="NotifType", access="once", one_of=NOTIFICATIONS),
            Param(name="ReferenceList", kind="list", access="once", most=8192, check=_paths),
            Param(
                name="TriggerAction",
                access="rw",
                default="Notify",
                one_of=("Notify", "Config", "NotifyAndConfig"),
            ),
            Param(name="TriggerConfigSettings", kind="list", access="rw", most=8192, check=_settings),
            Param(name="Persistent", kind="boolean", access="rw", default="false"),
            Param(name="TimeToLive", kind="unsignedInt", access="rw", default="0"),
            Param(name="NotifRetry", kind="boolean", access="rw", default="false"),
            Param(name="NotifExpiration", kind="unsignedInt", access="rw", default="0"),
        ),
    )


async def _requests(view: View, _parent: Node) -> list[tuple[str, Any]]:
    return await view.requests()


def _requests_object() -> Object:
    async def plan(node: Node, _arguments: Mapping[str, str]) -> Started:
        if node.row["status"] not in ("Requested", "Active"):
            raise UspFault(Code.COMMAND_FAILURE, "The command has ended.")
        return Started(operation="jobs.cancel", arguments={"job": node.row["job"]})

    return Object(
        path=f"{REQUESTS}{{i}}.",
        rows=_requests,
        numbered=True,
        count="RequestNumberOfEntries",
        params=(
            Param(name="Originator", read=lambda node: node.row["controller"]),
            Param(name="Command", read=lambda node: node.row["command"]),
            Param(name="CommandKey", read=lambda node: node.row["command_key"]),
            Param(
                name="Status",
                read=lambda node: node.row["status"],
                one_of=("Requested", "Active", "Canceling", "Canceled", "Success", "Error"),
            ),
        ),
        commands=(CommandSpec(name="Cancel()", plan=plan, needs=("jobs.cancel",)),),
    )


def objects() -> tuple[Object, ...]:
    """The whole area."""
    return (
        _agent_object(),
        *_ways(),
        *_controllers(),
        _subscriptions(),
        _requests_object(),
    )
