"""Device.MQTT: how the box reaches its brokers (TR-181 2.16)."""

from __future__ import annotations

from gatewayd.portal.model import Node, Object, Param
from gatewayd.portal.objects.shared import alias

CLIENTS = "Device.MQTT.Client."


_STATES = {
    "off": "Disabled",
    "connecting": "Connecting",
    "up": "Connected",
    "waiting": "Error_BrokerUnreachable",
}


def _status(node: Node) -> str:
    return _STATES.get(node.view.links.state(node.path), "Error")


def _subscribed(node: Node) -> str:
    up = node.up().path and node.view.links.state(node.up().path) == "up"
    return "Subscribed" if up and node.row.get("Enable") == "true" else "Unsubscribed"


def objects() -> tuple[Object, ...]:
    """The whole area."""
    return (
        Object(
            path=f"{CLIENTS}{{i}}.",
            stored=True,
            addable=True,
            deletable=True,
            count="ClientNumberOfEntries",
            keys=(("Alias",),),
            params=(
                alias(stored=True),
                Param(name="Enable", kind="boolean", access="rw", default="false"),
                Param(name="Status", read=_status),
                Param(name="ProtocolVersion", access="rw", default="5.0", one_of=("5.0",)),
                Param(name="BrokerAddress", access="rw", most=256),
                Param(
                    name="BrokerPort", kind="unsignedInt", access="rw", default="8883", least=1, most=65535
                ),
                Param(name="TransportProtocol", access="rw", default="TLS", one_of=("TLS", "TCP/IP")),
                Param(name="CleanStart", kind="boolean", access="rw", default="false"),
                Param(name="SessionExpiryInterval", kind="unsignedInt", access="rw", default="604800"),
                Param(name="KeepAliveTime", kind="unsignedInt", access="rw", default="60", most=65535),
                Param(name="ClientID", access="rw", most=65535),
                Param(name="Username", access="rw", most=256),
                Param(name="Password", access="wo", most=256),
                Param(
                    name="ConnectRetryTime", kind="unsignedInt", access="rw", default="5", least=1, most=65535
                ),
                Param(
                    name="ConnectRetryIntervalMultiplier",
                    kind="unsignedInt",
                    access="rw",
                    default="2000",
                    least=1000,
                    most=65535,
                ),
                Param(
                    name="ConnectRetryMaxInterval", kind="unsignedInt", access="rw", default="5120", least=1
                ),
            ),
        ),
        Object(
            path=f"{CLIENTS}{{i}}.Subscription.{{i}}.",
            stored=True,
            addable=True,
            deletable=True,
            count="SubscriptionNumberOfEntries",
            keys=(("Alias",), ("Topic",)),
            params=(
                alias(stored=True),
                Param(name="Enable", kind="boolean", access="rw", default="false"),
                Param(name="Status", read=_subscribed),
                Param(name="Topic", access="rw", most=65535),
                Param(name="QoS", kind="unsignedInt", access="rw", default="1", most=2),
            ),
        ),
    )
