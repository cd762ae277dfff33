"""`GET /metrics` for Prometheus: text exposition format 0.0.4, for callers with the scope `metrics`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from aiohttp import web

from gatewayd.api.authenticate import Callers
from gatewayd.callers import Scope
from gatewayd.errors import GatewayError

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})
_HELP_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n"})


class Sample(NamedTuple):
    """A value and the labels that tell it from the others of its family."""

    value: float
    labels: Mapping[str, str] = {}


class Family(NamedTuple):
    """One metric: its name with its unit, what it tells, and its samples."""

    name: str
    tells: str
    samples: Sequence[Sample]
    kind: Literal["gauge", "counter"] = "gauge"


Meter = Callable[[], Awaitable[Sequence[Family]]]


class Metrics:
    """The route. `meter` is asked at each scrape."""

    def __init__(self, callers: Callers, meter: Meter) -> None:
        self._callers = callers
        self._meter = meter

    def routes(self) -> list[web.RouteDef]:
        """GET /metrics."""
        return [web.get("/metrics", self._get)]

    async def _get(self, request: web.Request) -> web.StreamResponse:
        caller = await self._callers.of(request)
        if caller.role == "anonymous":
            raise GatewayError("access.unauthenticated", "Metrics need a token with the permission metrics.")
        if Scope.METRICS not in caller.scopes:
            raise GatewayError("access.forbidden", "This needs the permission metrics.")
        text = render(await self._meter())
        return web.Response(
            body=text.encode(), headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"}
        )


def render(families: Sequence[Family]) -> str:
    """The text of a scrape. Pure."""
    lines = []
    for family in families:
        lines.append(f"# HELP {family.name} {family.tells.translate(_HELP_ESCAPES)}")
        lines.append(f"# TYPE {family.name} {family.kind}")
        for sample in family.samples:
            labels = ",".join(f'{name}="{text.translate(_ESCAPES)}"' for name, text in sample.labels.items())
            lines.append(f"{family.name}{f'{{{labels}}}' if labels else ''} {_number(sample.value)}")
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    short = f"{value:.15g}"
    return short if float(short) == value else repr(float(value))
