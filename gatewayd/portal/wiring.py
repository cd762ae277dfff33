"""From the configuration in the data model to connections: which broker, which server, which controllers.

No connection without TLS leaves the box: plain ones are made to loopback only, whatever is configured.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

from msgspec import Struct

from gatewayd.portal.link import BackOff
from gatewayd.portal.mqtt import Peer
from gatewayd.portal.stored import Params, Stored

CLIENTS = "Device.MQTT.Client."
AGENT_MTPS = "Device.LocalAgent.MTP."
CONTROLLERS = "Device.LocalAgent.Controller."
LINK = "X.Link."
"""Not in the data model: whether there is a link at all, the endpoint id, the certificates."""
WATCHED = (CLIENTS, AGENT_MTPS, CONTROLLERS, LINK)
WEEK = 7 * 86_400


class MqttSpec(Struct, frozen=True, kw_only=True):
    """One broker; `path` is its MQTT.Client in the data model."""

    path: str
    host: str
    port: int
    tls: bool
    client_id: str | None
    username: str | None
    password: str | None
    keepalive: int
    session_expiry: int
    back_off: BackOff
    peers: tuple[Peer, ...]
    subscriptions: tuple[str, ...] = ()


class WebSocketSpec(Struct, frozen=True, kw_only=True):
    """One controller's server; `path` is the controller's MTP in the data model."""

    path: str
    host: str
    port: int
    resource: str
    tls: bool
    controller: str
    back_off: BackOff


Spec = MqttSpec | WebSocketSpec


def specs(stored: Stored) -> dict[str, Spec]:
    """The connections that the configuration asks for, by their path. What cannot be used is left out."""
    if not _on(stored.row(LINK) or {}, "Enabled", default=False):
        return {}
    found: dict[str, Spec] = {}
    peers: dict[str, list[Peer]] = {}
    for number, controller in stored.rows(CONTROLLERS).items():
        endpoint = controller.get("EndpointID", "")
        if not endpoint or not _on(controller, "Enable", default=False):
            continue
        table = f"{CONTROLLERS}{number}.MTP."
        for index, mtp in stored.rows(table).items():
            if not _on(mtp, "Enable", default=False):
                continue
            if mtp.get("Protocol") == "WebSocket":
                _keep(found, _websocket(stored, f"{table}{index}.", endpoint))
            elif mtp.get("Protocol") == "MQTT":
                client, peer = _behind(stored, stored.row(f"{table}{index}.MQTT.") or {}, endpoint)
                if peer is not None:
                    peers.setdefault(client, []).append(peer)
    for client, those in peers.items():
        _keep(found, _mqtt(stored, client, tuple(those)))
    return found


def is_loopback(host: str) -> bool:
    """Whether a connection to this host stays on the box."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _keep(found: dict[str, Spec], spec: Spec | None) -> None:
    if spec is not None and (spec.tls or is_loopback(spec.host)):
        found[spec.path] = spec


def _behind(stored: Stored, mtp: Params, endpoint: str) -> tuple[str, Peer | None]:
    """The MQTT.Client and the topics of a controller's way."""
    path = _dotted(mtp.get("AgentMTPReference", ""))
    own, over = stored.row(path) or {}, stored.row(f"{path}MQTT.") or {}
    listens, topic = over.get("ResponseTopicConfigured", ""), mtp.get("Topic", "")
    client = _dotted(over.get("Reference", ""))
    if not (listens and topic and client) or not _on(own, "Enable", default=False):
        return client, None
    return client, Peer(endpoint=endpoint, topic=topic, listens=listens)


def _mqtt(stored: Stored, path: str, peers: tuple[Peer, ...]) -> MqttSpec | None:
    row = stored.row(path) or {}
    host = row.get("BrokerAddress", "")
    if not host or not _on(row, "Enable", default=False):
        return None
    tls = row.get("TransportProtocol", "TLS") != "TCP/IP"
    return MqttSpec(
        path=path,
        host=host,
        port=_number(row, "BrokerPort", 8883 if tls else 1883),
        tls=tls,
        client_id=row.get("ClientID") or None,
        username=row.get("Username") or None,
        password=row.get("Password") or None,
        keepalive=_number(row, "KeepAliveTime", 60),
        session_expiry=_number(row, "SessionExpiryInterval", WEEK),
        back_off=_back_off(
            row,
            "ConnectRetryTime",
            "ConnectRetryIntervalMultiplier",
            _number(row, "ConnectRetryMaxInterval", 300),
        ),
        peers=peers,
        subscriptions=tuple(
            each["Topic"]
            for each in stored.rows(f"{path}Subscription.").values()
            if each.get("Topic") and _on(each, "Enable", default=False)
        ),
    )


def _websocket(stored: Stored, path: str, endpoint: str) -> WebSocketSpec | None:
    row = stored.row(f"{path}WebSocket.") or {}
    host = row.get("Host", "")
    if not host:
        return None
    tls = _on(row, "EnableEncryption", default=True)
    return WebSocketSpec(
        path=path,
        host=host,
        port=_number(row, "Port", 443 if tls else 80),
        resource=row.get("Path", "/"),
        tls=tls,
        controller=endpoint,
        back_off=_back_off(row, "SessionRetryMinimumWaitInterval", "SessionRetryIntervalMultiplier", 300),
    )


def _back_off(row: Params, first: str, multiplier: str, most: int) -> BackOff:
    return BackOff(
        first=float(_number(row, first, 5)), factor=_number(row, multiplier, 2000) / 1000, most=float(most)
    )


def _on(row: Mapping[str, str], name: str, *, default: bool) -> bool:
    return row.get(name, "true" if default else "false") in ("true", "1")


def _number(row: Mapping[str, str], name: str, default: int) -> int:
    text = row.get(name, "")
    return int(text) if text.isdigit() and int(text) > 0 else default


def _dotted(path: str) -> str:
    return path if path.endswith(".") or not path else f"{path}."
