"""Device.LocalAgent.Subscription as the notifier needs it: with its controller, and when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from gatewayd.portal.contracts import Notification
from gatewayd.portal.objects.local_agent import CONTROLLERS, SUBSCRIPTIONS, references
from gatewayd.portal.records import serialise
from gatewayd.portal.schema import usp_msg_pb2 as usp
from gatewayd.portal.stored import Stored
from gatewayd.system.clock import Clock
from gatewayd.system.identity import new_id


class Subscription(Struct, frozen=True, kw_only=True):
    """One that is enabled and whose controller is; `endpoint` is the controller's id, `ends` when its time is
    up (seconds since 1970), None for never. `settings`: what it changes instead of or beside notifying."""

    path: str
    id: str
    endpoint: str
    controller: str
    kind: str
    references: tuple[str, ...]
    retry: bool
    expiration: int
    ends: float | None
    minimum: int
    multiplier: int
    persistent: bool
    notifies: bool = True
    settings: tuple[str, ...] = ()


def subscriptions(stored: Stored) -> list[Subscription]:
    """All of them."""
    controllers = {f"{CONTROLLERS}{number}": row for number, row in stored.rows(CONTROLLERS).items()}
    found = []
    for number, row in stored.rows(SUBSCRIPTIONS).items():
        controller = controllers.get(row.get("Recipient", ""))
        if row.get("Enable") != "true" or controller is None or controller.get("Enable") != "true":
            continue
        minimum, multiplier = retry_waits(controller)
        found.append(
            Subscription(
                path=f"{SUBSCRIPTIONS}{number}.",
                id=row.get("ID", ""),
                endpoint=controller.get("EndpointID", ""),
                controller=f"{row['Recipient']}.",
                kind=row.get("NotifType", ""),
                references=tuple(references(row.get("ReferenceList", ""))),
                retry=row.get("NotifRetry") == "true",
                expiration=int(row.get("NotifExpiration") or 0),
                ends=_end(row),
                minimum=minimum,
                multiplier=multiplier,
                persistent=row.get("Persistent") == "true",
                notifies=row.get("TriggerAction") != "Config",
                settings=_settings(row),
            )
        )
    return found


def retry_waits(controller: Mapping[str, str]) -> tuple[int, int]:
    """The first wait before a notification is sent again, in seconds, and its growth in thousandths."""
    return (
        int(controller.get("USPNotifRetryMinimumWaitInterval") or 5),
        int(controller.get("USPNotifRetryIntervalMultiplier") or 2000),
    )


def _settings(row: dict[str, str]) -> tuple[str, ...]:
    if row.get("TriggerAction", "Notify") == "Notify":
        return ()
    return tuple(references(row.get("TriggerConfigSettings", "")))


def _end(row: dict[str, str]) -> float | None:
    seconds = int(row.get("TimeToLive") or 0)
    if not seconds:
        return None
    return datetime.fromisoformat(row["CreationDate"]).timestamp() + seconds


def notification(subscription: Subscription, notify: usp.Notify, topic: str, clock: Clock) -> Notification:
    """A Notify for the controller of a subscription, ready to be queued."""
    notify.subscription_id = subscription.id
    notify.send_resp = subscription.retry
    message = usp.Msg(body=usp.Body(request=usp.Request(notify=notify)))
    message.header.msg_id = new_id()
    message.header.msg_type = usp.Header.NOTIFY
    expires = None
    if subscription.retry and subscription.expiration:
        expires = clock.now().timestamp() + subscription.expiration
    return Notification(
        recipient=subscription.endpoint,
        id=message.header.msg_id,
        subscription=subscription.id,
        message=serialise(message),
        topic=topic,
        retry=subscription.retry,
        minimum=subscription.minimum,
        multiplier=subscription.multiplier,
        expires=expires,
    )
