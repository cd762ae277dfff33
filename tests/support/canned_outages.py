"""Canned outages, availability, self-repair and report, as the real operations answer."""

from __future__ import annotations

from typing import Any

from gatewayd.operations import Context, Empty, Operation, Request, Result
from tests.support.canned import row

LASTS = {
    "id": "01B", "scope": "v6", "lines": ["v6"], "cause": "probes", "start": "2026-11-22T05:00:00.000Z",
    "end": None, "seconds": 3700.0, "alerted": True, "quiet": False, "certain": True,
    "sentence": "The internet does not answer over IPv6; over IPv4 it does.", "repairs": [],
}  # fmt: skip
OVER: dict[str, Any] = {
    **LASTS, "id": "01A", "scope": "internet", "start": "2026-11-20T06:00:00.000Z",
    "end": "2026-11-20T06:04:10.000Z", "seconds": 250.0, "certain": False,
    "sentence": "The internet did not answer.",
    "repairs": [
        {"id": "r", "step": "renew_lease", "outage": "01A", "verdict": "ADDR_NO_LEASE", "state": "helped",
         "began": "2026-11-20T06:02:00.000Z", "seconds": 10.0, "note": "\x1b[31m"},
    ],
}  # fmt: skip
STEPS = ("renew_lease", "bounce_wan", "reboot")


class Page(Request, frozen=True, kw_only=True):
    cursor: str | None = None
    limit: int = 20


class Days(Request, frozen=True, kw_only=True):
    days: int = 31
    format: str = "json"


class Steps(Request, frozen=True, kw_only=True):
    steps: tuple[str, ...]


class CannedOutagePage(Result, frozen=True, kw_only=True):
    state: str
    sentence: str
    lines: dict[str, str]
    items: tuple[dict[str, Any], ...]
    reported: tuple[dict[str, Any], ...]
    next: str | None = None


class CannedAvailability(Result, frozen=True, kw_only=True):
    days: tuple[dict[str, Any], ...]
    months: tuple[dict[str, Any], ...]


class CannedRepair(Result, frozen=True, kw_only=True):
    steps: tuple[str, ...]
    possible: tuple[str, ...]
    taken: tuple[dict[str, Any], ...]


class CannedReport(Result, frozen=True, kw_only=True):
    report: dict[str, Any]
    page: str | None = None


def _day(day: int, down: float) -> dict[str, Any]:
    return {
        "period": f"2026-11-{day:02}", "watched": 86_400.0, "down": down, "partly": 0.0, "outages": 0,
        "available": None if day < 3 else 1 - down / 86_400,
    }  # fmt: skip


class CannedOutages:
    """`steps` are allowed."""

    def __init__(self) -> None:
        self.steps: tuple[str, ...] = ()

    async def outages(self, request: Page, context: Context) -> CannedOutagePage:
        feed = {"id": "p", "sentence": "Works in your street", "start": None, "end": None}
        return CannedOutagePage(
            state="degraded",
            sentence="The internet does not answer over IPv6; over IPv4 it does.",
            lines={"v4": "online", "v6": "offline", "dns": "online"},
            items=(LASTS, OVER) if request.cursor is None else (),
            reported=(feed,),
        )

    async def availability(self, request: Days, context: Context) -> CannedAvailability:
        days = tuple(_day(day, {20: 250.0, 21: 1800.0, 22: 7200.0}.get(day, 0.0)) for day in range(1, 23))
        month = {**_day(22, 9250.0), "period": "2026-11", "available": 0.99996}
        return CannedAvailability(days=days, months=(month,))

    async def repair(self, request: Empty, context: Context) -> CannedRepair:
        return CannedRepair(steps=self.steps, possible=STEPS, taken=tuple(OVER["repairs"]))

    async def allow(self, request: Steps, context: Context) -> CannedRepair:
        self.steps = request.steps
        return await self.repair(Empty(), context)

    async def report(self, request: Days, context: Context) -> CannedReport:
        return CannedReport(
            report={"days": request.days}, page="<!DOCTYPE html>" if request.format == "html" else None
        )

    def operations(self) -> tuple[Operation, ...]:
        """The rows."""
        where = "/diagnostics"
        return (
            row("diagnostics.outages.list", "GET", f"{where}/outages", Page, CannedOutagePage, self.outages),
            row(
                "diagnostics.availability.get", "GET", f"{where}/availability", Days, CannedAvailability,
                self.availability,
            ),
            row("diagnostics.repair.get", "GET", f"{where}/repair", Empty, CannedRepair, self.repair),
            row("diagnostics.repair.update", "PATCH", f"{where}/repair", Steps, CannedRepair, self.allow),
            row("diagnostics.report.get", "GET", f"{where}/report", Days, CannedReport, self.report),
        )  # fmt: skip
