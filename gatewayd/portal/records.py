"""Records: the envelope of every message, read and written (TR-369, "Record Structure")."""

from __future__ import annotations

from google.protobuf.message import DecodeError, EncodeError

from gatewayd.portal.refusals import Code
from gatewayd.portal.schema import usp_msg_pb2 as usp
from gatewayd.portal.schema import usp_record_pb2 as usp_record

VERSION = "1.4"
SUPPORTED = "1.3,1.4"
MOST = 4 * 1024 * 1024
"""Bytes of a Record; ten times what the whole data model needs."""


class Unreadable(ValueError):
    """The bytes are no Record, or no message."""


def parse(data: bytes) -> usp_record.Record:
    """A Record from its bytes. Raises Unreadable."""
    if len(data) > MOST:
        raise Unreadable(f"A Record has at most {MOST} bytes; this one has {len(data)}.")
    record = usp_record.Record()
    try:
        record.ParseFromString(data)
    except (DecodeError, ValueError) as error:
        raise Unreadable("The bytes are no Record.") from error
    if record.WhichOneof("record_type") is None:
        raise Unreadable("The Record holds nothing.")
    return record


def parse_message(data: bytes) -> usp.Msg:
    """A message from a Record's payload. Raises Unreadable."""
    message = usp.Msg()
    try:
        message.ParseFromString(data)
    except (DecodeError, ValueError) as error:
        raise Unreadable("The payload is no message.") from error
    if not message.HasField("header") or not message.header.msg_id:
        raise Unreadable("The message has no id.")
    return message


def wrap(message: bytes, *, to: str, sender: str) -> bytes:
    """A Record without session that carries a message."""
    record = _record(to, sender)
    record.no_session_context.payload = message
    return record.SerializeToString()


def mqtt_connect(*, to: str, sender: str, topic: str) -> bytes:
    """The first Record over MQTT 5: where answers reach us."""
    record = _record(to, sender)
    record.mqtt_connect.version = usp_record.MQTTConnectRecord.V5
    record.mqtt_connect.subscribed_topic = topic
    return record.SerializeToString()


def websocket_connect(*, to: str, sender: str) -> bytes:
    """The first Record over a WebSocket."""
    record = _record(to, sender)
    record.websocket_connect.SetInParent()
    return record.SerializeToString()


def disconnect(*, to: str, sender: str, code: Code, reason: str) -> bytes:
    """Why the other side's Record ends the conversation that it meant."""
    record = _record(to, sender)
    record.disconnect.reason_code = int(code)
    record.disconnect.reason = reason
    return record.SerializeToString()


def serialise(message: usp.Msg | usp.Body) -> bytes:
    """The same bytes for the same content, whatever the order of its maps."""
    try:
        return bytes(message.SerializeToString(deterministic=True))
    except EncodeError as error:  # a string that is no text: never of our making
        raise Unreadable("The message cannot be written.") from error


def _record(to: str, sender: str) -> usp_record.Record:
    return usp_record.Record(version=VERSION, to_id=to, from_id=sender)
