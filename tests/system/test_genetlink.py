"""Generic netlink with the real kernel: its controller is in every one."""

from __future__ import annotations

import asyncio
import struct

import pytest

from gatewayd.system.genetlink import Family, attribute, each, number, read, u32


async def test_the_controller_describes_itself() -> None:
    async with Family("nlctrl") as controller:
        answers = await controller.ask(3, attribute(2, b"nlctrl\0"))  # CTRL_CMD_GETFAMILY
        assert number(read(answers[0].attributes)[1]) == 16
        families = await controller.ask(3, dump=True)
    names = {read(family.attributes)[2].rstrip(b"\0") for family in families}
    assert b"nlctrl" in names


async def test_what_the_kernel_does_not_know_is_said() -> None:
    with pytest.raises(FileNotFoundError):
        async with Family("no-such-family"):
            pass


async def test_a_refused_command_raises_and_the_next_goes_through() -> None:
    async with Family("nlctrl") as controller:
        with pytest.raises(FileNotFoundError):
            await controller.ask(3, attribute(2, b"no-such-family\0"))
        assert await controller.ask(3, attribute(2, b"nlctrl\0"))
        with pytest.raises(OSError, match="no group"):
            controller.join("nowhere")


async def test_events_of_a_group_wait() -> None:
    async with Family("nlctrl") as controller:
        controller.join("notify")
        waiting = asyncio.ensure_future(anext(controller.events()))
        done, _ = await asyncio.wait([waiting], timeout=0.05)
        assert not done
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


def test_attributes_go_there_and_back() -> None:
    raw = attribute(1, b"abc") + u32(2, -5) + attribute(3 | 0x8000, attribute(9, b""))
    assert each(raw) == [(1, b"abc"), (2, struct.pack("=i", -5)), (3, attribute(9, b""))]
    assert each(raw[:-1] + b"") == [(1, b"abc"), (2, struct.pack("=i", -5))]
    assert number(b"") is None
    assert number(b"\1\2\3") is None
