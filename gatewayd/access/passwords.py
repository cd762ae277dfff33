"""Passwords: which may be used, and their hashes (argon2id, RFC 9106) in bounded memory."""

from __future__ import annotations

import asyncio
import unicodedata
from itertools import pairwise

import argon2

from gatewayd.errors import InvalidField

SHORTEST = 8
LONGEST = 128
FEWEST_DIFFERENT = 4
MEMORY_KIB = 19 * 1024
PASSES = 2
"""19 MiB and two passes: the least that OWASP's password storage cheat sheet names for argon2id; a slow box
takes a fifth of a second for it."""
AT_ONCE = 2


class Passwords:
    """Hashes and checks, two at once: 38 MiB however many people try. All texts are compared as NFKC."""

    def __init__(self, *, memory_kib: int = MEMORY_KIB) -> None:
        """`memory_kib` is for tests."""
        self._hasher = argon2.PasswordHasher(time_cost=PASSES, memory_cost=memory_kib, parallelism=1)
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """The PHC text of a password, with a salt of its own."""
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, _normal(password))

    async def holds(self, stored: str | None, password: str) -> bool:
        """Whether it is the password. Without a stored one it takes as long to say no."""
        if stored is None:
            if self._nobodys is None:
                self._nobodys = await self.hash("nobody's")
            await self._holds(self._nobodys, password)
            return False
        return await self._holds(stored, password)

    async def _holds(self, stored: str, password: str) -> bool:
        async with self._turn:
            return await asyncio.to_thread(self._verify, stored, _normal(password))

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False


def check_new(password: str, name: str, *, field: str = "password") -> None:
    """Raises InvalidField when a new password is too short, too long, or the first thing to be tried."""
    text = _normal(password)
    if not SHORTEST <= len(text) <= LONGEST:
        raise InvalidField(
            field, f"A password has {SHORTEST} to {LONGEST} characters; this one has {len(text)}."
        )
    if len(set(text)) < FEWEST_DIFFERENT:
        raise InvalidField(field, f"A password has at least {FEWEST_DIFFERENT} different characters.")
    if name and name.casefold() in text.casefold() and len(text) < len(name) + SHORTEST:
        raise InvalidField(field, "The name with a little added is the first thing that is tried.")
    if _is_row(text):
        raise InvalidField(field, "Characters in a row are the first thing that is tried.")


def _is_row(text: str) -> bool:
    steps = {ord(second) - ord(first) for first, second in pairwise(text)}
    return len(steps) == 1


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text).encode("utf-8", "replace").decode("utf-8")
