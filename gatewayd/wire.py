"""Requests and answers as JSON: decoding with fields named in every refusal, encoding without secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from gatewayd.errors import GatewayError
from gatewayd.system.clock import rfc3339
from gatewayd.system.secret import Secret

T = TypeVar("T")
_AT = re.compile(r" - at (?:`key` in )?`\$\.?(?P<path>[^`]*)`$")
_NAMED = re.compile(r"(?P<what>missing required|contains unknown) field `(?P<field>[^`]*)`")


def _decode_special(kind: type, value: Any) -> Any:
    if kind is Secret:
        if not isinstance(value, str):
            raise TypeError(f"Expected `str`, got `{type(value).__name__}`")  # msgspec adds the path
        return Secret(value)
    raise NotImplementedError(kind)


def _encode_special(value: Any) -> Any:
    if isinstance(value, Secret):
        return "***"
    raise NotImplementedError(f"{type(value).__name__} has no JSON form")


def decode(arguments: Mapping[str, Any], kind: type[T], *, strict: bool = True) -> T:
    """A request struct from its arguments. `strict=False` takes numbers and booleans written as text.

    Raises GatewayError `request.missing_field`, `request.unknown_field` or `request.invalid_field`, with
    the field; the sentence never holds the value of a secret.
    """
    try:
        return msgspec.convert(dict(arguments), kind, strict=strict, dec_hook=_decode_special)
    except msgspec.ValidationError as error:
        raise refusal(str(error)) from None
    except RecursionError:
        raise GatewayError("request.malformed", "The request is nested too deeply.") from None


def refusal(message: str) -> GatewayError:
    """A decoder's complaint as our error: which field, and what is wrong with it."""
    path = (found["path"] if (found := _AT.search(message)) else "").replace("[...]", "[]")
    sentence = _AT.sub("", message)
    if named := _NAMED.search(sentence):
        field = f"{path}.{named['field']}" if path else named["field"]
        missing = named["what"] == "missing required"
        code = "request.missing_field" if missing else "request.unknown_field"
        return GatewayError(
            code, f"The field {field} is {'missing' if missing else 'not known'}.", field=field
        )
    field = path or None
    return GatewayError("request.invalid_field", f"{field or 'The request'}: {sentence}.", field=field)


def parse(body: bytes) -> dict[str, Any]:
    """A request body: one JSON object; an empty body is an empty object.

    Raises GatewayError `request.malformed`.
    """
    if not body.strip():
        return {}
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise GatewayError("request.malformed", f"The body is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise GatewayError("request.malformed", "The body is JSON, but not an object.")
    return value


def encode(value: Any) -> bytes:
    """JSON with times in UTC to the millisecond; a Secret is `***`."""
    return msgspec.json.encode(plain(value))


def plain(value: Any) -> Any:
    """Structs as dictionaries, times as RFC 3339 text, secrets as `***`: ready for any encoder."""
    return _times(msgspec.to_builtins(value, enc_hook=_encode_special, builtin_types=(datetime,)))


def _times(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, dict):
        return {key: _times(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_times(item) for item in value]
    return value


def problem(error: GatewayError) -> dict[str, Any]:
    """The error as RFC 9457 problem details, with our stable code."""
    body: dict[str, Any] = {
        "type": f"urn:gatewayd:error:{error.code}",
        "title": error.spec.title,
        "status": error.spec.status,
        "detail": error.detail,
        "code": error.code,
    }
    if error.field is not None:
        body["field"] = error.field
    if (identifier := getattr(error, "id", None)) is not None:
        body["id"] = identifier
    return body
