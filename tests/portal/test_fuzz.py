"""Spoilt Records and messages: nothing crashes, nothing grows, and a good request is answered right after."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import psutil
import pytest
import structlog

from gatewayd.portal import records
from gatewayd.portal.schema import usp_msg_pb2 as usp
from gatewayd.portal.schema import usp_record_pb2 as usp_record
from tests.portal.desk import DESK
from tests.portal.desk import desk as link_desk
from tests.portal.inproc import CONTROLLER, OWN, Desk, Office
from tests.portal.test_links import office as linked_office

pytestmark = [pytest.mark.asyncio(loop_scope="module")]
SEED = 20261123
WORDS = [
    "*.",
    "[Enable==true].",
    "[",
    "]",
    '"',
    "..",
    "+",
    "#2+.",
    "()",
    "!",
    "4711.",
    "\x00",
    "é",
    "%22",
    "&&",
]


def messages() -> list[usp.Msg]:
    """One of each kind, with all that it can hold."""
    subscription = "Device.LocalAgent.Subscription."
    requests = [
        usp.Request(
            get=usp.Get(param_paths=["Device.DeviceInfo.", "Device.LocalAgent.EndpointID"], max_depth=2)
        ),
        usp.Request(get=usp.Get(param_paths=['Device.WiFi.SSID.[Name=="home"&&Enable==true].SSID'])),
        usp.Request(get_instances=usp.GetInstances(obj_paths=["Device.LocalAgent.Controller."])),
        usp.Request(
            get_supported_dm=usp.GetSupportedDM(obj_paths=["Device.LocalAgent."], return_params=True)
        ),
        usp.Request(get_supported_protocol=usp.GetSupportedProtocol()),
        usp.Request(delete=usp.Delete(obj_paths=[f"{subscription}4711."], allow_partial=True)),
        usp.Request(operate=usp.Operate(command="Device.NoSuch()", command_key="k", send_resp=True)),
        usp.Request(notify=usp.Notify(subscription_id="x")),
        usp.Request(register=usp.Register()),
    ]
    add = usp.Request(add=usp.Add(allow_partial=True))
    add.add.create_objs.add(obj_path=subscription).param_settings.add(param="NotifType", value="Never")
    change = usp.Request(set=usp.Set(allow_partial=True))
    change.set.update_objs.add(obj_path=f"{subscription}1.").param_settings.add(param="Enable", value="maybe")
    found = []
    for request in (*requests, add, change):
        message = usp.Msg(body=usp.Body(request=request))
        kind = request.WhichOneof("req_type") or ""
        message.header.msg_id = "f"
        message.header.msg_type = getattr(
            usp.Header, {"get_supported_protocol": "GET_SUPPORTED_PROTO"}.get(kind, kind.upper())
        )
        found.append(message)
    answer = usp.Msg()
    answer.header.msg_id, answer.header.msg_type = "a", usp.Header.NOTIFY_RESP
    answer.body.response.notify_resp.subscription_id = "x"
    return [*found, answer]


def spoilt(number: int, own: str = OWN, controller: str = CONTROLLER) -> Iterator[bytes]:
    """That many Records: bytes of the Record or of the message in it are changed, or words of its paths."""
    chance = random.Random(SEED)
    payloads = [message.SerializeToString() for message in messages()]
    for _ in range(number):
        payload = chance.choice(payloads)
        way = chance.randrange(3)
        if way == 0:
            yield mutated(chance, records.wrap(payload, to=own, sender=controller))
        elif way == 1:
            yield records.wrap(mutated(chance, payload), to=own, sender=controller)
        else:
            yield records.wrap(reworded(chance, payload), to=own, sender=controller)


def mutated(chance: random.Random, data: bytes) -> bytes:
    found = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(found) + 1) if found else 0
        match chance.randrange(4):
            case 0 if place < len(found):
                found[place] ^= 1 << chance.randrange(8)
            case 1:
                found[place:place] = chance.randbytes(chance.randint(1, 6))
            case 2:
                del found[place : place + chance.randint(1, 8)]
            case _:
                del found[place:]
    return bytes(found)


def reworded(chance: random.Random, data: bytes) -> bytes:
    """Still a message, but its paths are nonsense."""
    message = usp.Msg.FromString(data)
    request = message.body.request
    for kind, name in (("get", "param_paths"), ("get_instances", "obj_paths"), ("delete", "obj_paths")):
        if request.WhichOneof("req_type") == kind:
            texts = getattr(getattr(request, kind), name)
            for index, text in enumerate(list(texts)):
                place = chance.randrange(len(text) + 1)
                texts[index] = text[:place] + chance.choice(WORDS) + text[place:]
    if request.WhichOneof("req_type") == "operate":
        request.operate.command = chance.choice(WORDS) + request.operate.command
    return message.SerializeToString()


async def shower(desk: Desk, office: Office, number: int) -> list[int]:
    """Sends them; whatever is answered is a Record for the one who asked. The memory as it goes, in KiB."""
    sender, curve = desk.sender(), list[int]()
    for count, data in enumerate(spoilt(number)):
        for reply in await office.core.agent.handle(data, sender):
            record = usp_record.Record.FromString(reply)
            assert record.from_id == OWN
            message = usp.Msg.FromString(record.no_session_context.payload)
            if message.body.WhichOneof("msg_body") == "error":
                assert message.body.error.err_code != 7003, data.hex()
        if count % 1000 == 0:
            assert await desk.value("Device.DeviceInfo.ModelName") == "gatewayd"
        if (count + 1) % 50_000 == 0:
            curve.append(resident())
            print(f"{count + 1} spoilt Records: {curve[-1]} KiB resident", flush=True)
    return curve


def resident() -> int:
    """The memory that this process holds now, in KiB."""
    return psutil.Process().memory_info().rss // 1024


@pytest.mark.timeout(120)
async def test_20_000_spoilt_records(desk: Desk, office: Office) -> None:
    with structlog.testing.capture_logs() as logs:
        await shower(desk, office, 20_000)
    assert [line for line in logs if line["log_level"] == "error"] == []


@pytest.mark.long
@pytest.mark.timeout(10_800)
async def test_a_million_spoilt_records(desk: Desk, office: Office) -> None:
    """An hour or more; `-s` prints the memory every 50,000."""
    with structlog.testing.capture_logs() as logs:
        curve = await shower(desk, office, 1_000_000)
    assert [line for line in logs if line["log_level"] == "error"] == []
    # The ledger's rows go to SQLite and its cache; none of what was sent is kept.
    assert max(curve[4:]) - max(curve[:4]) < 16 * 1024


async def over_the_link(folder: Path, number: int) -> None:
    """Through a broker to a whole house: its one connection stays, and each good request is answered."""
    async with linked_office(folder) as at, link_desk(at.broker.port, at.box) as controller:
        before = (await at.call("portal.get"))["links"]
        for batch in batched(spoilt(number, at.box, DESK), 250):
            await asyncio.gather(*(controller.send(record) for record in batch))
            model = "Device.DeviceInfo.ModelName"
            assert await controller.get(model) == {model: "gatewayd"}
        after = (await at.call("portal.get"))["links"]
        assert [(link["state"], link["since"]) for link in after] == [("up", before[0]["since"])]


def batched(found: Iterator[bytes], size: int) -> Iterator[list[bytes]]:
    """In lists of that size; the last may be shorter."""
    while batch := list(islice(found, size)):
        yield batch


@pytest.mark.asyncio(loop_scope="function")
async def test_the_link_stays_up_through_1_000(tmp_path: Path) -> None:
    await over_the_link(tmp_path, 1_000)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.asyncio(loop_scope="function")
async def test_the_link_stays_up_through_100_000(tmp_path: Path) -> None:
    await over_the_link(tmp_path, 100_000)
