"""How a call can fail: the box said no, nobody answered, or somebody else did."""

from __future__ import annotations

from typing import Any


class ClientError(Exception):
    """Base of all of them."""


class Refused(ClientError):
    """The box said no. `problem` is its answer (RFC 9457); act on `code`, show `detail`."""

    def __init__(self, problem: dict[str, Any], *, retry_after: float | None = None) -> None:
        self.problem = problem
        self.code = str(problem.get("code", ""))
        self.detail = str(problem.get("detail") or problem.get("title") or "The box said no.")
        self.field: str | None = problem.get("field")
        self.retry_after = retry_after
        super().__init__(f"{self.code}: {self.detail}")


class Unreachable(ClientError):
    """Nobody answered, or the connection broke: whether it was done is not known. Try again."""


class WrongKey(Unreachable):
    """Who answered holds another key than the box: `got` is its fingerprint. Nothing was sent."""

    def __init__(self, got: bytes) -> None:
        self.got = got
        super().__init__(f"this is not the box that was paired: its fingerprint is {got.hex()}")
