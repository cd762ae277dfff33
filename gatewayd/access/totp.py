"""The second factor: codes of an authenticator app (RFC 6238), and ten recovery codes."""

from __future__ import annotations

import base64
import hmac
import secrets
from urllib.parse import quote

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from gatewayd.access import codes
from gatewayd.access.accounts import Account
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock

DIGITS = 6
STEP = 30
SECRET_BYTES = 20  # RFC 4226, section 4: 160 bits are recommended
SKEW = 1
RECOVERY_CODES = 10
_LETTERS = "23456789abcdefghjkmnpqrstvwxyz"  # none that looks like another


class SecondFactor:
    """Codes of all accounts. Each is good once. Its callers hold the lock `access.accounts`."""

    def __init__(self, database: Database, clock: Clock, *, box: str) -> None:
        self._database = database
        self._clock = clock
        self._box = box

    def start(self, unit: Unit, account: Account) -> tuple[str, str]:
        """Queues a new secret, which counts once it is confirmed: its base32 text and its otpauth address.

        Raises GatewayError `access.second_factor_exists`.
        """
        if account.second_factor:
            raise GatewayError(
                "access.second_factor_exists", "There is a second factor already. Remove it first."
            )
        secret = secrets.token_bytes(SECRET_BYTES)
        unit.execute("INSERT OR REPLACE INTO totp (account, secret) VALUES (?, ?)", (account.id, secret))
        text = base64.b32encode(secret).decode("ascii")
        label = quote(f"{self._box}:{account.name or 'owner'}")
        return text, f"otpauth://totp/{label}?secret={text}&issuer={self._box}&digits={DIGITS}&period={STEP}"

    async def confirm(self, unit: Unit, account: Account, code: str) -> list[str]:
        """Queues the second factor's beginning; ten recovery codes, shown this once.

        Raises GatewayError `access.second_factor_not_started`, `access.clock_untrusted`,
        `access.second_factor_wrong`.
        """
        row = await self._database.fetch_one("SELECT * FROM totp WHERE account = ?", (account.id,))
        if row is None or row["confirmed"]:
            raise GatewayError("access.second_factor_not_started", "Begin with access.totp.start.")
        step = self._matching_step(row["secret"], row["step"], code)
        if step is None:
            raise wrong_code()
        unit.execute("UPDATE totp SET confirmed = 1, step = ? WHERE account = ?", (step, account.id))
        unit.after(lambda: setattr(account, "second_factor", True))
        return self.draw_recovery(unit, account)

    def draw_recovery(self, unit: Unit, account: Account) -> list[str]:
        """Queues ten new recovery codes in place of those before."""
        drawn = ["-".join(_letters(5) for _ in range(2)) for _ in range(RECOVERY_CODES)]
        unit.execute("DELETE FROM recovery_codes WHERE account = ?", (account.id,))
        for each in drawn:
            unit.execute(
                "INSERT INTO recovery_codes (digest, account) VALUES (?, ?)",
                (_recovery_digest(account, each), account.id),
            )
        return drawn

    def remove(self, unit: Unit, account: Account) -> None:
        """Queues its end."""
        unit.execute("DELETE FROM totp WHERE account = ?", (account.id,))
        unit.execute("DELETE FROM recovery_codes WHERE account = ?", (account.id,))
        unit.after(lambda: setattr(account, "second_factor", False))

    async def take(self, unit: Unit, account: Account, code: str) -> None:
        """Takes a code of the app or a recovery code; it is used up with the commit.

        Codes of the app need the time, so they are refused while the clock cannot be believed; recovery
        codes are not. Raises GatewayError `access.clock_untrusted`, `access.second_factor_wrong`.
        """
        text = code.replace(" ", "")
        if text.isascii() and text.isdigit() and len(text) == DIGITS:
            await self._take_step(unit, account, text)
            return
        digest = _recovery_digest(account, text)
        row = await self._database.fetch_one(
            "SELECT digest FROM recovery_codes WHERE digest = ? AND account = ?", (digest, account.id)
        )
        if row is None:
            raise wrong_code()
        unit.execute("DELETE FROM recovery_codes WHERE digest = ?", (digest,))

    async def _take_step(self, unit: Unit, account: Account, text: str) -> None:
        row = await self._database.fetch_one(
            "SELECT secret, step FROM totp WHERE account = ? AND confirmed = 1", (account.id,)
        )
        step = None if row is None else self._matching_step(row["secret"], row["step"], text)
        if step is None:
            raise wrong_code()
        unit.execute("UPDATE totp SET step = ? WHERE account = ?", (step, account.id))

    def _matching_step(self, secret: bytes, used: int, code: str) -> int | None:
        if not self._clock.trusted():
            raise GatewayError(
                "access.clock_untrusted",
                "The box does not know the time just now, so it cannot check this code. Use a recovery code.",
            )
        totp = TOTP(secret, DIGITS, SHA1(), STEP)  # noqa: S303  # what authenticator apps can do
        now = int(self._clock.now().timestamp()) // STEP
        found = None
        for step in range(now - SKEW, now + SKEW + 1):
            right = hmac.compare_digest(
                totp.generate(step * STEP), code.replace(" ", "").encode("utf-8", "replace")
            )
            if right and step > used:
                found = step
        return found


def wrong_code() -> GatewayError:
    """The refusal of a code."""
    return GatewayError("access.second_factor_wrong", "That is not the code, or it was used.", field="code")


def check_code(code: str) -> None:
    """Raises InvalidField when nothing that long can be a code."""
    if not 1 <= len(code) <= 64:
        raise InvalidField("code", "A code has 1 to 64 characters.")


def _letters(count: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(count))


def _recovery_digest(account: Account, code: str) -> bytes:
    plain = code.replace("-", "").replace(" ", "").lower()
    return codes.salted(account.id.encode(), plain)
