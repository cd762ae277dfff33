"""USP's error numbers (TR-369, "Error Codes"), and refusals that carry one."""

from __future__ import annotations

from enum import IntEnum

from gatewayd.errors import GatewayError

MOST_WORDS = 256


class Code(IntEnum):
    """The numbers by their names in the standard; 71.. are about Records."""

    MESSAGE_FAILED = 7000
    MESSAGE_NOT_SUPPORTED = 7001
    REQUEST_DENIED = 7002
    INTERNAL_ERROR = 7003
    INVALID_ARGUMENTS = 7004
    RESOURCES_EXCEEDED = 7005
    PERMISSION_DENIED = 7006
    INVALID_CONFIGURATION = 7007
    INVALID_PATH_SYNTAX = 7008
    PARAMETER_ACTION_FAILED = 7009
    UNSUPPORTED_PARAMETER = 7010
    INVALID_TYPE = 7011
    INVALID_VALUE = 7012
    NOT_WRITEABLE = 7013
    VALUE_CONFLICT = 7014
    OPERATION_ERROR = 7015
    OBJECT_DOES_NOT_EXIST = 7016
    OBJECT_NOT_CREATED = 7017
    NOT_A_TABLE = 7018
    NOT_CREATABLE = 7019
    OBJECT_NOT_UPDATED = 7020
    REQUIRED_PARAMETER_FAILED = 7021
    COMMAND_FAILURE = 7022
    COMMAND_CANCELED = 7023
    DELETE_FAILURE = 7024
    DUPLICATE_KEY = 7025
    INVALID_PATH = 7026
    INVALID_COMMAND_ARGUMENTS = 7027
    REGISTER_FAILURE = 7028
    ALREADY_IN_USE = 7029
    DEREGISTER_FAILURE = 7030
    PATH_ALREADY_REGISTERED = 7031
    RECORD_NOT_PARSED = 7100
    SECURE_SESSION_REQUIRED = 7101
    SECURE_SESSION_NOT_SUPPORTED = 7102
    SEGMENTATION_NOT_SUPPORTED = 7103
    INVALID_RECORD_VALUE = 7104
    SESSION_TERMINATED = 7105
    SESSION_NOT_ALLOWED = 7106


class ParamFault(Exception):
    """One parameter cannot be: its path as asked for, a code and a sentence."""

    def __init__(self, code: Code | int, path: str, message: str) -> None:
        super().__init__(message)
        self.code = int(code)
        self.path = path
        self.message = message[:MOST_WORDS]


class UspFault(Exception):
    """A path, an object or a whole message cannot be; `params` are the parameters at fault."""

    def __init__(self, code: Code | int, message: str, params: tuple[ParamFault, ...] = ()) -> None:
        super().__init__(message)
        self.code = int(code)
        self.message = message[:MOST_WORDS]
        self.params = params


def from_error(error: GatewayError) -> UspFault:
    """The refusal of an operation, by its row in the table of errors."""
    return UspFault(error.spec.usp, error.detail)
