"""How many connections one address gets, and who makes room when there is none."""

from __future__ import annotations

import contextlib
from pathlib import Path

from gatewayd.api.connections import Gate, Limits, Seat
from tests.api.test_defence import answers_again, read_all
from tests.support.api import open_api


async def test_one_address_gets_only_so_many_connections(tmp_path: Path) -> None:
    """A stranger's next connection costs him his oldest; what somebody known uses stays."""
    async with open_api(tmp_path, limits=Limits(per_address=3)) as api:
        reader, writer = await api.raw()
        request = b"GET /v1/lamps/1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer owner\r\n\r\n"
        writer.write(request)
        assert await reader.readuntil(b"\r\n\r\n")
        strangers = [await api.raw() for _ in range(4)]
        for first, _ in strangers[:2]:
            with contextlib.suppress(ConnectionError):
                assert await read_all(first) == b""
        writer.write(request)
        assert b"HTTP/1.1 " in await reader.readuntil(b"\r\n\r\n")
        async with api.local.get("http://box/v1/free") as response:
            assert response.status == 200  # the shell has a count of its own
        for _, one in (*strangers, (reader, writer)):
            one.close()
        assert await answers_again(api)


def test_the_gate_makes_room_at_the_cost_of_strangers() -> None:
    gate = Gate(Limits(per_address=2, total=3))
    ended: list[str] = []

    def enter(address: str, name: str, *, trusted: bool = False) -> Seat | None:
        seat = gate.enter(address)
        if seat is not None:
            seat.trusted, seat.unseat = trusted, lambda: ended.append(name)
        return seat

    enter("a", "a1", trusted=True)
    second = enter("a", "a2")
    enter("b", "b1")
    assert ended == []
    enter("c", "c1")
    assert ended == ["a2"]  # of the address that had most
    assert second is not None
    gate.leave(second)  # again: nothing
    enter("a", "a3", trusted=True)
    assert ended == ["a2", "b1"]
    assert enter("a", "a4") is None  # both of its places are used by somebody known
    enter("c", "c2", trusted=True)
    assert ended == ["a2", "b1", "c1"]
    assert enter("d", "d1") is None
    assert ended == ["a2", "b1", "c1"]
