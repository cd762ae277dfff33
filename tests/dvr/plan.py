"""What the tests of recordings ask again and again, with a fake recorder and a clock that they move."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from gatewayd.system.clock import rfc3339
from tests.dvr.home import Home
from tests.support.clock import START, FakeClock
from tests.support.fake_recorder import PACKET, FakeRecorder, until

NOW = START.timestamp()
URL = "http://127.0.0.1:9/one.ts"


def packets(count: int, seed: int = 1) -> bytes:
    """So many packets of noise."""
    return random.Random(seed).randbytes(count * PACKET)


def at(seconds: float) -> str:
    """That many seconds after START."""
    return rfc3339(START + timedelta(seconds=seconds))


async def record(home: Home, **arguments: Any) -> str:
    """Adds the channel `one` if it is not there, and a recording of it; its id."""
    if not any(source["url"] == URL for source in (await home.call("sources.list"))["items"]):
        await home.call("sources.add", kind="http", url=URL, name="One")
    made = await home.call("recordings.create", **{"channel": "one", "duration": 60, **arguments})
    return str(made["id"])


async def ended(home: Home, item: str) -> dict[str, Any]:
    """The recording once it is neither scheduled nor running."""

    async def is_over() -> bool:
        return await home.state(item) not in ("scheduled", "recording")

    await until(is_over)
    return dict(await home.call("recordings.get", recording=item))


async def passing(
    clock: FakeClock, condition: Callable[[], bool | Awaitable[bool]], step: float = 60
) -> None:
    """Lets time pass, `step` seconds again and again, until `condition` is true."""

    async def look() -> bool:
        await clock.advance(step)
        value = condition()
        return value if isinstance(value, bool) else await value

    await until(look)


async def recorded(
    home: Home, recorder: FakeRecorder, clock: FakeClock, segment: str, count: int, **arguments: Any
) -> str:
    """A whole recording of 60 seconds, made now: its id. It has one segment of so many packets."""
    item = await record(home, **arguments)
    begin = clock.now().timestamp()
    await until(lambda: item in recorder.ranges())
    await clock.advance(60)
    recorder.segment(segment, "one", begin, begin + 60, packets(count))
    recorder.done("one", item, begin + 60)
    assert (await ended(home, item))["state"] == "done"
    await until(lambda: item not in recorder.ranges())
    await clock.advance(60)
    return item
