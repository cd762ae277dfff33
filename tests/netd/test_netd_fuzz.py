"""Noise at netd's real socket and rules at the real nft, in a namespace: it neither dies nor strays."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatewayd.errors import GatewayError
from gatewayd.netd import NetdClient, limits, rules, verbs
from gatewayd.system import rpc
from tests.lab.netns import Namespace
from tests.netd.strategies import MESSAGES, acceptable
from tests.support.netd import netd_process

pytestmark = pytest.mark.netns
FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def box() -> Iterator[Namespace]:
    with Namespace("netd-fuzz") as namespace:
        namespace.nft("table inet other { set kept { type ipv4_addr; elements = { 10.0.0.1 }; }\n}\n")
        yield namespace


@pytest.fixture(scope="module")
def path(box: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("fuzz") / "netd.sock"
    with netd_process(path, inside=box) as child:
        yield path
        assert child.poll() is None, "netd died"


def exchange(path: Path, data: bytes) -> bytes:
    """Sends bytes and reads what comes until netd hangs up or is silent."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(5)
        sock.connect(str(path))
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
        return answer


def others(box: Namespace) -> str:
    return box.run("nft", "list", "table", "inet", "other")


@FUZZ
@given(st.binary(max_size=200))
def test_bytes(path: Path, data: bytes) -> None:
    exchange(path, data)


@FUZZ
@given(st.binary(max_size=200))
def test_frames_of_nonsense(path: Path, data: bytes) -> None:
    exchange(path, struct.pack(">I", len(data)) + data)


def test_a_frame_that_claims_to_be_huge_is_not_waited_for(path: Path) -> None:
    assert exchange(path, struct.pack(">I", 0xFFFFFFFF) + b"x") == b""


@FUZZ
@given(MESSAGES)
def test_objects_that_look_like_verbs(box: Namespace, path: Path, message: dict[str, object]) -> None:
    async def ask() -> GatewayError | None:
        client = rpc.Client(path)
        try:
            await client.call(message, msgspec.Raw)
        except GatewayError as error:
            return error
        finally:
            await client.close()
        return None

    before = others(box)
    refusal = asyncio.run(ask())
    assert refusal is None or refusal.code == "helper.refused" or refusal.code.startswith("netd.")
    assert refusal is None or "the helper failed" not in refusal.detail, "a defect, see netd's log"
    assert others(box) == before


def test_it_still_works_after_all_that(box: Namespace, path: Path) -> None:
    async def ask() -> verbs.NftApplied:
        client = NetdClient(path)
        try:
            return await client.nft_apply(
                [verbs.NamedSet(name="p", kind="mac", elements=("02:00:00:00:00:07",))],
                [verbs.Pause(set="p")],
            )
        finally:
            await client.close()

    assert asyncio.run(ask()).elements == 1


@FUZZ
@given(acceptable())
def test_the_real_nft_takes_what_the_limits_take(box: Namespace, wanted: verbs.NftApply) -> None:
    batch = rules.commands(limits.nft_apply(wanted))
    before = others(box)
    box.run("nft", "-j", "-f", "-", text=msgspec.json.encode(batch).decode())
    listed = msgspec.json.decode(box.run("nft", "-j", "list", "tables"))["nftables"]
    tables = {(one["table"]["family"], one["table"]["name"]) for one in listed if "table" in one}
    assert tables <= {("inet", "gatewayd"), ("inet", "other")}
    assert others(box) == before
