"""Alerts by e-mail, where the installer's settings name a mail server.

The queue is the table of alerts itself: it is bounded, survives a restart, and one that could not be sent
is tried again for a day. No content of a mail, no address and no password is ever logged.
"""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Any

import aiosmtplib
import structlog

from gatewayd.access.alerts import SENTENCES, AlertRaised
from gatewayd.errors import GatewayError
from gatewayd.events import Bus, Subscription
from gatewayd.settings import EmailSettings
from gatewayd.store.database import Database
from gatewayd.system.clock import Clock

log = structlog.get_logger(__name__)
FIRST_RETRY = 30.0
LAST_RETRY = 3600.0
GIVE_UP = 86_400.0
AT_ONCE = 20
TIMEOUT = 30.0
_OWN = frozenset({"localhost", "127.0.0.1", "::1"})


class Mailer:
    """Sends each alert that waits, one mail for up to 20 of them. It is for settings that `check` likes."""

    def __init__(
        self, database: Database, bus: Bus, clock: Clock, settings: EmailSettings, *, box: str
    ) -> None:
        """`box` is what the household calls the box: mails say it."""
        self._database = database
        self._bus = bus
        self._clock = clock
        self._settings = settings
        self._box = " ".join(box.split())  # it stands in a header

    async def run(self) -> None:
        """Runs for ever: sends what waits, at each alert and after each pause that a failure asked for.

        A new alert ends such a pause: most often the line was the reason, and the news is that it is back.
        """
        with self._bus.subscribe(AlertRaised.topic, size=1) as raised:
            while True:
                await self._send_all(raised)
                await anext(raised)

    async def _send_all(self, raised: Subscription) -> None:
        """Until nothing waits. A failure is told once; then it is tried again, later and later."""
        pause, tried = FIRST_RETRY, 0.0
        while rows := await self._waiting():
            try:
                await self._send(_message(self._settings, self._box, rows, self._clock.now()))
            except (aiosmtplib.SMTPException, OSError, GatewayError) as error:
                if not tried:
                    log.warning("access.mail_failed", error=type(error).__name__, waiting=len(rows))
                if tried >= GIVE_UP:
                    log.error("access.mail_given_up", count=len(rows))
                    await self._mark(rows)
                    pause, tried = FIRST_RETRY, 0.0
                    continue
                tried += await self._pause(raised, pause)
                pause = min(LAST_RETRY, pause * 2)
                continue
            await self._mark(rows)
            pause, tried = FIRST_RETRY, 0.0
            log.info("access.mail_sent", count=len(rows))

    async def _pause(self, raised: Subscription, seconds: float) -> float:
        """Waits for the time or for news; how long it was."""
        began = self._clock.monotonic()
        waits = (asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(anext(raised)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        return self._clock.monotonic() - began

    async def _waiting(self) -> list[Any]:
        return await self._database.fetch_all(
            "SELECT id, time, kind, count FROM alerts WHERE mailed = 0 ORDER BY id LIMIT ?", (AT_ONCE,)
        )

    async def _mark(self, rows: list[Any]) -> None:
        async with self._database.unit() as unit:
            for row in rows:
                unit.execute("UPDATE alerts SET mailed = 1 WHERE id = ?", (row["id"],))

    async def _send(self, message: EmailMessage) -> None:
        settings = self._settings
        assert settings.host is not None  # `check`
        context, password = await asyncio.to_thread(_read_files, settings)
        await aiosmtplib.send(
            message,
            hostname=settings.host,
            port=settings.port,
            username=settings.username,
            password=password,
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
            tls_context=context,
            timeout=TIMEOUT,
        )


def check(settings: EmailSettings) -> bool:
    """Whether mail is wanted: the settings name a server and somebody to write to.

    Raises GatewayError `settings.invalid` when it would go in plain text over a network.
    """
    if settings.host is None or not settings.to:
        return False
    if settings.security == "none" and settings.host not in _OWN:
        raise GatewayError(
            "settings.invalid", "email.security: none is for a mail server on the box itself (localhost)"
        )
    return True


def _read_files(settings: EmailSettings) -> tuple[ssl.SSLContext | None, str | None]:
    context = None if settings.security == "none" else ssl.create_default_context(cafile=settings.ca_file)
    if settings.password_file is None:
        return context, None
    lines = Path(settings.password_file).read_text("utf-8").splitlines()
    if not lines:
        raise GatewayError("settings.invalid", "email.password_file: the file is empty")
    return context, lines[0]


def _message(settings: EmailSettings, box: str, rows: list[Any], now: datetime) -> EmailMessage:
    message = EmailMessage()
    first = SENTENCES[rows[0]["kind"]].partition(".")[0]
    message["Subject"] = f"{box}: {first}" if len(rows) == 1 else f"{box}: {len(rows)} alerts"
    message["From"] = settings.sender or settings.to[0]
    message["To"] = ", ".join(settings.to)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain="gatewayd.invalid")
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday notice answers it
    lines = [
        f"{datetime.fromtimestamp(row['time'], UTC):%Y-%m-%d %H:%M} UTC: {SENTENCES[row['kind']]}"
        + (f" ({row['count']} times)" if row["count"] > 1 else "")
        for row in rows
    ]
    message.set_content("\n".join([*lines, "", "More stands on the box's own page."]) + "\n")
    return message
