"""Parameter values: from the text of a message to a Python value, checked, and back."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from typing import Any

from gatewayd.portal.model import Param
from gatewayd.portal.refusals import Code, ParamFault

RANGES = {
    "int": (-(2**31), 2**31 - 1),
    "unsignedInt": (0, 2**32 - 1),
    "long": (-(2**63), 2**63 - 1),
    "unsignedLong": (0, 2**64 - 1),
}
_INTEGER = re.compile(r"[+-]?\d{1,20}\Z")
MOST_TEXT = 16_384


def convert(param: Param, text: str, path: str) -> Any:
    """The value that a text stands for. Raises ParamFault: 7011 for a wrong type, 7012 for a wrong value."""
    match param.kind:
        case "boolean":
            if text.lower() not in ("true", "false", "1", "0"):
                raise ParamFault(Code.INVALID_TYPE, path, f"{param.name} is true or false.")
            return text.lower() in ("true", "1")
        case "int" | "unsignedInt" | "long" | "unsignedLong":
            return _integer(param, text, path)
        case "dateTime":
            return _moment(param, text, path)
        case "list":
            values = [each.strip() for each in text.split(",") if each.strip()]
            for value in values if param.one_of else ():
                _one_of(param, value, path)
            _length(param, text, path)
            return values
        case _:
            _length(param, text, path)
            if param.one_of:
                _one_of(param, text, path)
            return text


def checked(param: Param, text: str, path: str) -> str:
    """The text in its plain form, for what is stored here. Raises ParamFault."""
    value = convert(param, text, path)
    if param.check is not None and (sentence := param.check(text)) is not None:
        raise ParamFault(Code.INVALID_VALUE, path, sentence)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else text


def _integer(param: Param, text: str, path: str) -> int:
    if not _INTEGER.match(text):
        raise ParamFault(Code.INVALID_TYPE, path, f"{param.name} is a whole number.")
    least, most = RANGES[param.kind]
    least = least if param.least is None else param.least
    most = most if param.most is None else param.most
    if not least <= int(text) <= most:
        raise ParamFault(Code.INVALID_VALUE, path, f"{param.name} lies between {least} and {most}.")
    return int(text)


def _moment(param: Param, text: str, path: str) -> datetime:
    moment: datetime | None = None
    with suppress(ValueError):
        moment = datetime.fromisoformat(text)
    if moment is None or moment.tzinfo is None:
        raise ParamFault(
            Code.INVALID_TYPE, path, f"{param.name} is a time with its zone, such as 2030-01-02T03:04:05Z."
        )
    return moment


def _length(param: Param, text: str, path: str) -> None:
    most = param.most or MOST_TEXT
    if len(text) > most:
        raise ParamFault(
            Code.INVALID_VALUE,
            path,
            f"{param.name} has at most {most} characters; this value has {len(text)}.",
        )
    if "\x00" in text:
        raise ParamFault(Code.INVALID_VALUE, path, f"{param.name} holds a character that is no text.")


def _one_of(param: Param, text: str, path: str) -> None:
    if text not in param.one_of:
        raise ParamFault(Code.INVALID_VALUE, path, f"{param.name} is one of {', '.join(param.one_of)}.")
