"""How long a guesser must wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.access.throttle import FIRST, MOST, Backoff, wait
from gatewayd.errors import GatewayError
from tests.support.clock import FakeClock


@given(st.integers(0, 10_000))
def test_waits_double_up_to_a_quarter_of_an_hour(failures: int) -> None:
    assert FIRST <= wait(failures) <= MOST
    assert wait(failures + 1) == min(MOST, 2 * wait(failures))


async def test_it_refuses_until_the_wait_is_over_and_tells_how_long() -> None:
    clock = FakeClock()
    backoff = Backoff(clock)
    backoff.check()
    for _ in range(4):
        backoff.failed()
    await clock.advance(7.5)
    with pytest.raises(GatewayError) as refused:
        backoff.check()
    assert refused.value.code == "access.throttled"
    assert refused.value.retry_after == pytest.approx(0.5)
    await clock.advance(0.5)
    backoff.check()


async def test_wall_time_does_not_matter_and_success_forgets() -> None:
    clock = FakeClock()
    backoff = Backoff(clock)
    backoff.failed()
    clock.step(10 * 365 * 86_400)
    with pytest.raises(GatewayError):
        backoff.check()
    clock.step(-20 * 365 * 86_400)
    await clock.advance(1.0)
    backoff.check()
    backoff.failed()
    backoff.reset()
    backoff.check()
