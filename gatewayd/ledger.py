"""The ledger of what was asked once: (caller, key) -> what was answered. Kept 7 days.

`Idempotency-Key`, the portal's command key and its message id are all keys here.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

import msgspec

from gatewayd import wire
from gatewayd.errors import ERRORS, GatewayError
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock

KEPT = 7 * 86_400.0
SWEEP = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Row:
    """What the ledger holds of one request; `answer` is the first answer's JSON unless it was secret."""

    done: bool
    status: int
    answer: bytes | None
    error: str | None

    def body(self) -> bytes:
        """The first answer again. Raises the first refusal again, or `idempotency.answer_not_kept`."""
        if self.error is not None:
            told = msgspec.json.decode(self.error, type=_Refusal)
            raise GatewayError(
                told.code if told.code in ERRORS else "operation.outcome_unknown",
                told.detail,
                field=told.field,
            )
        if self.answer is None:
            raise GatewayError(
                "idempotency.answer_not_kept",
                "This was done before; its answer held a secret and was not kept.",
            )
        return self.answer


class _Refusal(msgspec.Struct):
    code: str
    detail: str
    field: str | None = None


class Ledger:
    """Reads and writes ledger rows. `secret` keys the fingerprints of requests.

    Keyed, because a request may hold a passphrase: a stolen ledger must not let anyone try guesses.
    """

    def __init__(self, database: Database, clock: Clock, secret: bytes) -> None:
        self._database = database
        self._clock = clock
        self._secret = secret

    def entry(self, caller: str, key: str, operation: str, request: bytes) -> Ledger.Entry:
        """The place of one request, there or not; `request` is its canonical form."""
        return Ledger.Entry(self, caller, key, operation, hmac.digest(self._secret, request, "sha256"))

    def mark(self, request: bytes) -> str:
        """A short mark of a request, for keys that are to tell requests apart."""
        return hmac.digest(self._secret, b"mark:" + request, "sha256").hex()[:16]

    async def keep(self) -> None:
        """Runs for ever: sweeps now and then."""
        while True:
            await self.sweep()
            await self._clock.sleep(SWEEP)

    async def sweep(self) -> None:
        """Forgets rows older than 7 days, if the clock can be believed."""
        if self._clock.trusted():
            async with self._database.unit() as unit:
                unit.execute("DELETE FROM ledger WHERE time < ?", (self._clock.now().timestamp() - KEPT,))

    class Entry:
        """One request's place in the ledger."""

        def __init__(self, ledger: Ledger, caller: str, key: str, operation: str, fingerprint: bytes) -> None:
            self._ledger = ledger
            self._id = (caller, key)
            self._operation = operation
            self._fingerprint = fingerprint

        async def read(self) -> Row | None:
            """What is known. Raises GatewayError `idempotency.mismatch`: the key served another request."""
            row = await self._ledger._database.fetch_one(
                "SELECT * FROM ledger WHERE caller = ? AND key = ?", self._id
            )
            if row is None:
                return None
            if row["fingerprint"] != self._fingerprint or row["operation"] != self._operation:
                raise GatewayError(
                    "idempotency.mismatch",
                    "This key was used before with another request. Take a new key for a new request.",
                    field="Idempotency-Key",
                )
            return Row(row["state"] == "done", row["status"] or 200, row["answer"], row["error"])

        async def begin(self) -> None:
            """Writes the row before the effect."""
            async with self._ledger._database.unit() as unit:
                self._put(unit, "started", None, None, None)

        def finish(self, unit: Unit, status: int, answer: bytes | None) -> None:
            """Queues the answer into the unit of the change."""
            self._put(unit, "done", status, answer, None)

        async def refuse(self, error: GatewayError) -> None:
            """Keeps the refusal of something that was begun; a retryable one is forgotten instead."""
            async with self._ledger._database.unit() as unit:
                if error.spec.retryable:
                    unit.execute("DELETE FROM ledger WHERE caller = ? AND key = ?", self._id)
                    return
                text = wire.encode(_Refusal(error.code, error.detail, error.field)).decode()
                self._put(unit, "done", error.spec.status, None, text)

        def _put(
            self, unit: Unit, state: str, status: int | None, answer: bytes | None, error: str | None
        ) -> None:
            unit.execute(
                "INSERT INTO ledger (caller, key, operation, fingerprint, state, status, answer, error, time)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (caller, key) DO UPDATE SET"
                " state = excluded.state, status = excluded.status, answer = excluded.answer,"
                " error = excluded.error",
                (
                    *self._id,
                    self._operation,
                    self._fingerprint,
                    state,
                    status,
                    answer,
                    error,
                    self._ledger._clock.now().timestamp(),
                ),
            )
