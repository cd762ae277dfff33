"""The operator's configuration as the owner gives it: one broker or servers, and the controllers there.

It is written into the data model's own tables: a controller finds it there, and the link reads it there.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from msgspec import UNSET, Meta, Struct, UnsetType

from gatewayd.errors import InvalidField
from gatewayd.portal.identity import is_endpoint_id
from gatewayd.portal.rights import ROLES
from gatewayd.portal.stored import Stored
from gatewayd.portal.wiring import AGENT_MTPS, CLIENTS, CONTROLLERS, LINK, is_loopback
from gatewayd.store.database import Unit

CLIENT = f"{CLIENTS}1."
Text = Annotated[str, Meta(min_length=1, max_length=256)]
Topic = Annotated[str, Meta(min_length=1, max_length=1024)]
MOST_CONTROLLERS = 8


class MqttChoice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The operator's broker. `topic` is the box's own, None for `usp/agent/<endpoint id>`; `retry` and
    `retry_most` are seconds. The password is never shown again."""

    host: Text
    port: Annotated[int, Meta(ge=1, le=65535)] | None = None
    tls: bool = True
    topic: Topic | None = None
    client_id: Text | None = None
    username: Text | None = None
    password: Text | None = None
    retry: Annotated[int, Meta(ge=1, le=3600)] = 5
    retry_most: Annotated[int, Meta(ge=1, le=86_400)] = 300


class ControllerChoice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One controller: behind the broker on `topic`, or at `url` (`wss://host/path`). `agent_topic` is the
    topic of the box that this controller alone may publish to, None for the box's own."""

    endpoint_id: Text
    role: Text = "Full Access"
    topic: Topic | None = None
    agent_topic: Topic | None = None
    url: Text | None = None


class Choice(Struct, frozen=True, kw_only=True):
    """What is to change; what is UNSET stays. `certificate` and `authority` are PEM, None for none."""

    enabled: bool | UnsetType = UNSET
    endpoint_id: str | UnsetType | None = UNSET
    mqtt: MqttChoice | UnsetType | None = UNSET
    controllers: tuple[ControllerChoice, ...] | UnsetType = UNSET
    certificate: str | UnsetType | None = UNSET
    authority: str | UnsetType | None = UNSET


def check(choice: Choice, stored: Stored) -> None:
    """Raises InvalidField for what cannot be used; nothing is changed."""
    if isinstance(choice.endpoint_id, str) and not is_endpoint_id(choice.endpoint_id):
        raise InvalidField(
            "endpoint_id", "endpoint_id: an authority scheme, two colons, an id, such as uuid::..."
        )
    if isinstance(choice.mqtt, MqttChoice):
        _check_host("mqtt", choice.mqtt.host, choice.mqtt.tls)
        _check_topic("mqtt", choice.mqtt.topic)
    if isinstance(choice.controllers, tuple):
        _check_controllers(choice.controllers, stored)


def write(unit: Unit, stored: Stored, choice: Choice, endpoint: str) -> None:
    """Queues a checked choice. `endpoint` is the box's own id."""
    row: dict[str, str] = {}
    if choice.enabled is not UNSET:
        row["Enabled"] = _flag(choice.enabled)
    for name, value in (
        ("EndpointID", choice.endpoint_id),
        ("Certificate", choice.certificate),
        ("Authority", choice.authority),
    ):
        if value is not UNSET:
            row[name] = value or ""
    if row:
        stored.put(unit, LINK, row)
    base = own_topic(stored, endpoint)
    if isinstance(choice.mqtt, MqttChoice):
        base = choice.mqtt.topic or f"usp/agent/{endpoint}"
        stored.put(unit, CLIENT, _client(choice.mqtt))
        stored.put(unit, LINK, {**row, "Topic": base})
    elif choice.mqtt is None:
        stored.put(unit, CLIENT, {"Enable": "false"})
    if isinstance(choice.controllers, tuple):
        _write_controllers(unit, stored, choice.controllers, base)


def own_topic(stored: Stored, endpoint: str) -> str:
    """The topic that the box listens on unless a controller has one of its own."""
    return (stored.row(LINK) or {}).get("Topic") or f"usp/agent/{endpoint}"


def mqtt_of(stored: Stored) -> MqttChoice | None:
    """The broker as it is configured, without its password."""
    row = stored.row(CLIENT) or {}
    if row.get("Enable") != "true" or not row.get("BrokerAddress"):
        return None
    return MqttChoice(
        host=row["BrokerAddress"],
        port=int(row.get("BrokerPort") or 0) or None,
        tls=row.get("TransportProtocol") != "TCP/IP",
        topic=(stored.row(LINK) or {}).get("Topic") or None,
        client_id=row.get("ClientID") or None,
        username=row.get("Username") or None,
        retry=int(row.get("ConnectRetryTime") or 5),
        retry_most=int(row.get("ConnectRetryMaxInterval") or 300),
    )


def controllers_of(stored: Stored) -> tuple[ControllerChoice, ...]:
    """The controllers as they are configured: the first way of each."""
    found = []
    for number, row in stored.rows(CONTROLLERS).items():
        if row.get("Enable") != "true" or not row.get("EndpointID"):
            continue
        way = f"{CONTROLLERS}{number}.MTP.1."
        mqtt, socket = stored.row(f"{way}MQTT.") or {}, stored.row(f"{way}WebSocket.") or {}
        over = (stored.row(way) or {}).get("Protocol")
        own = stored.row(f"{mqtt.get('AgentMTPReference', '')}MQTT.") or {}
        found.append(
            ControllerChoice(
                endpoint_id=row["EndpointID"],
                role=(stored.row(row.get("AssignedRole", "")) or {}).get("Name", "-"),
                topic=mqtt.get("Topic") or None if over == "MQTT" else None,
                agent_topic=own.get("ResponseTopicConfigured") or None if over == "MQTT" else None,
                url=_url(socket) if over == "WebSocket" else None,
            )
        )
    return tuple(found)


def _client(mqtt: MqttChoice) -> dict[str, str]:
    return {
        "Enable": "true",
        "Alias": "portal",
        "BrokerAddress": mqtt.host,
        "BrokerPort": str(mqtt.port or (8883 if mqtt.tls else 1883)),
        "TransportProtocol": "TLS" if mqtt.tls else "TCP/IP",
        "ClientID": mqtt.client_id or "",
        "Username": mqtt.username or "",
        "Password": mqtt.password or "",
        "ConnectRetryTime": str(mqtt.retry),
        "ConnectRetryMaxInterval": str(mqtt.retry_most),
    }


def _write_controllers(
    unit: Unit, stored: Stored, controllers: tuple[ControllerChoice, ...], base: str
) -> None:
    """Those that stay keep their number, and what hangs on it; those that are not named go."""
    known = {row.get("EndpointID", ""): number for number, row in stored.rows(CONTROLLERS).items()}
    for endpoint, number in known.items():
        if endpoint not in {controller.endpoint_id for controller in controllers}:
            stored.delete(unit, f"{CONTROLLERS}{number}.")
    topics = list(dict.fromkeys(each.agent_topic or base for each in controllers if each.topic))
    for number, topic in enumerate(topics, 1):
        path = f"{AGENT_MTPS}{number}."
        stored.put(unit, path, {"Enable": "true", "Alias": f"portal-{number}", "Protocol": "MQTT"})
        stored.put(unit, f"{path}MQTT.", {"Reference": CLIENT, "ResponseTopicConfigured": topic})
    for controller in controllers:
        row = {"Enable": "true", "AssignedRole": role_path(stored, controller.role)}
        if (old := known.get(controller.endpoint_id)) is not None:
            path = f"{CONTROLLERS}{old}."
            stored.put(unit, path, row)
        else:
            named = {
                **row,
                "EndpointID": controller.endpoint_id,
                "Alias": f"portal-{controller.endpoint_id}"[:64],
            }
            path = f"{CONTROLLERS}{stored.add(unit, CONTROLLERS, named)}."
        _write_way(unit, stored, f"{path}MTP.1.", controller, topics, base)


def _write_way(
    unit: Unit, stored: Stored, path: str, controller: ControllerChoice, topics: list[str], base: str
) -> None:
    if controller.topic is not None:
        own = topics.index(controller.agent_topic or base) + 1
        stored.put(unit, path, {"Enable": "true", "Alias": "portal", "Protocol": "MQTT"})
        stored.put(
            unit,
            f"{path}MQTT.",
            {"AgentMTPReference": f"{AGENT_MTPS}{own}.", "Topic": controller.topic},
        )
    elif controller.url is not None:
        parts = urlsplit(controller.url)
        stored.put(unit, path, {"Enable": "true", "Alias": "portal", "Protocol": "WebSocket"})
        stored.put(
            unit,
            f"{path}WebSocket.",
            {
                "Host": parts.hostname or "",
                "Port": str(parts.port or (443 if parts.scheme == "wss" else 80)),
                "Path": (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
                "EnableEncryption": _flag(parts.scheme == "wss"),
            },
        )


def role_path(stored: Stored, name: str) -> str:
    """The role of that name in the data model. Raises InvalidField."""
    names = {row.get("Name", ""): number for number, row in stored.rows(ROLES).items()}
    if name not in names:
        raise InvalidField(
            "controllers", f"role: there is no role {name[:64]!r}; there are {', '.join(names)}."
        )
    return f"{ROLES}{names[name]}."


def _check_controllers(controllers: tuple[ControllerChoice, ...], stored: Stored) -> None:
    if len(controllers) > MOST_CONTROLLERS:
        raise InvalidField(
            "controllers", f"controllers: at most {MOST_CONTROLLERS}; these are {len(controllers)}."
        )
    roles: dict[str, str] = {}
    for controller in controllers:
        if not is_endpoint_id(controller.endpoint_id):
            raise InvalidField("controllers", "endpoint_id: such as self::portal.example.net")
        role_path(stored, controller.role)
        if (controller.topic is None) == (controller.url is None):
            raise InvalidField("controllers", "controllers: each has a topic, or a url, and not both.")
        _check_topic("controllers", controller.topic)
        _check_topic("controllers", controller.agent_topic)
        if controller.url is not None:
            _check_url(controller.url)
            continue
        shared = controller.agent_topic or ""
        if roles.setdefault(shared, controller.role) != controller.role:
            raise InvalidField(
                "controllers",
                "agent_topic: controllers of different roles need topics of their own, which the broker's "
                "access list gives to each alone: on a shared one they could take each other's name.",
            )
    if len({controller.endpoint_id for controller in controllers}) != len(controllers):
        raise InvalidField("controllers", "controllers: each endpoint id once.")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("ws", "wss") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise InvalidField("controllers", "url: such as wss://portal.example.net/usp")
    _check_host("controllers", parts.hostname or "", parts.scheme == "wss")


def _check_host(field: str, host: str, tls: bool) -> None:
    if not tls and not is_loopback(host):
        raise InvalidField(field, "tls: without TLS only a broker or server on the box itself can be used.")


def _check_topic(field: str, topic: str | None) -> None:
    if topic is not None and any(character in topic for character in "#+\0"):
        raise InvalidField(field, "topic: without #, + and NUL.")


def _url(row: dict[str, str]) -> str:
    scheme = "wss" if row.get("EnableEncryption", "true") == "true" else "ws"
    host = row.get("Host", "")
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{row.get('Port', '443')}{row.get('Path', '/')}"


def _flag(value: bool | UnsetType) -> str:
    return "true" if value is True else "false"
