"""The portal link: what a Get takes, how soon a change is told, and how many boxes one Mosquitto carries.

`python -m bench.portal [--boxes N]`. First a whole box (the demo, as a process) behind a real Mosquitto on
loopback, QoS 1 both ways. Then N simulated boxes: the box's own link and MQTT transport with an echo for an
agent, in a process of their own; one command is sent to each of them, then the broker is ended and started
again. Exit status 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import structlog

from gatewayd.events import Bus
from gatewayd.portal import records
from gatewayd.portal.controller import Controller
from gatewayd.portal.link import BackOff, Link
from gatewayd.portal.mqtt import MqttTransport, Peer
from gatewayd.portal.mqtt_client import Broker, MqttClient
from gatewayd.portal.schema import usp_msg_pb2 as usp
from gatewayd.portal.transport import Handled, Incoming
from gatewayd.system.clock import SystemClock
from tests.portal.broker import Mosquitto
from tests.portal.desk import at_desk, configure
from tests.support.daemon import Daemon

MOST_GET = 2.0
MOST_ALL = 60.0
MOST_CHANGE = 1.0
MOST_P99 = 5.0
ROUNDS = 300
SETTLE = 5.0
"""Seconds until a box that has just started has done what a start brings."""
BOXES = 2_000
PLANNED = 125
RECORD = "Device.Services.STBService.1.X_GATEWAYD_DVR.Record()"
SSID = "Device.WiFi.SSID.1.SSID"
DESK = "self::desk"
TOPIC = "usp/controller/desk"


def main() -> int:
    """Both halves; 0 when all targets are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boxes", type=int, default=BOXES)
    parser.add_argument("--serve", nargs=2, metavar=("PORT", "COUNT"), help=argparse.SUPPRESS)
    told = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard > 0 else soft, hard))
    if told.serve:
        asyncio.run(_serve(int(told.serve[0]), int(told.serve[1])))
        return 0
    with tempfile.TemporaryDirectory(prefix="gwt-") as name:
        met = asyncio.run(_one(Path(name)))
        met &= asyncio.run(_fleet(Path(name, "fleet"), told.boxes))
    return 0 if met else 1


# --- one whole box ------------------------------------------------------------------------------------


async def _one(folder: Path) -> bool:
    broker, daemon = Mosquitto(folder / "broker", cautious=False), Daemon(folder / "box")
    (folder / "box").mkdir()
    await broker.start()
    try:
        await daemon.start()
        box = await configure(daemon, broker)
        async with at_desk(broker.port, box) as desk:
            return await _ask(daemon, desk)
    finally:
        await daemon.end()
        await broker.stop()


async def _ask(daemon: Daemon, desk: Controller) -> bool:
    await asyncio.sleep(SETTLE)
    one = await _timed(lambda: desk.get("Device.DeviceInfo.SoftwareVersion"), ROUNDS)
    await _fill(desk)
    everything = await desk.get("Device.")
    whole = await _timed(lambda: desk.get("Device."), 20)
    changes = await _changes(daemon, desk)
    met = _told("Get of one parameter, median", _ms(one), MOST_GET, "ms")
    print(f"  its 99th of 100: {_percentile(one, 99) * 1000:.2f} ms, {ROUNDS} rounds")
    met &= _told(f"Get of Device. ({len(everything)} parameters), median", _ms(whole), MOST_ALL, "ms")
    met &= _told("A changed name until its notification, longest of 5", max(changes), MOST_CHANGE, "s")
    return met


async def _fill(desk: Controller) -> None:
    """Plans recordings until the box tells of about 2,300 parameters."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    for hour in range(PLANNED):
        start = (tomorrow + timedelta(hours=hour)).isoformat(timespec="seconds")
        plan = {"ChannelName": "testcard", "Duration": "600", "StartTime": start, "Title": f"Bench {hour}"}
        [told] = await desk.operate(RECORD, plan, key=f"bench-{hour}")
        assert told.HasField("req_output_args"), told.cmd_failure.err_msg


async def _changes(daemon: Daemon, desk: Controller) -> list[float]:
    subscription = {"Enable": "true", "ID": "names", "NotifType": "ValueChange", "ReferenceList": SSID}
    await desk.add("Device.LocalAgent.Subscription.", subscription)
    await asyncio.sleep(1)
    taken = []
    for number in range(5):
        began = time.monotonic()
        await daemon.call("PATCH", "/wifi/networks/home", {"ssid": f"Bench {number}"})
        await desk.notified(10)
        taken.append(time.monotonic() - began)
        await asyncio.sleep(1)  # the radio's own limit of changes is another matter
    return taken


async def _timed(act: Callable[[], Awaitable[object]], rounds: int) -> list[float]:
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        await act()
        taken.append(time.perf_counter() - began)
    return taken


# --- many boxes ---------------------------------------------------------------------------------------


def _name(number: int) -> str:
    return f"uuid::bench-{number}"


async def _serve(port: int, count: int) -> None:
    """The boxes: real links and transports, an echo for an agent. Each line on stdout is one that came up."""
    clock = SystemClock("always")
    links = [_box(port, number, clock) for number in range(count)]
    await asyncio.gather(*(link.run() for link in links))


def _box(port: int, number: int, clock: SystemClock) -> Link:
    endpoint = _name(number)

    async def receive(incoming: Incoming) -> Handled:
        record = records.parse(incoming.record)
        message = records.parse_message(record.no_session_context.payload)
        answer = usp.Msg(header=usp.Header(msg_id=message.header.msg_id, msg_type="GET_RESP"))
        answer.body.response.get_resp.SetInParent()
        return Handled(replies=(records.wrap(records.serialise(answer), to=record.from_id, sender=endpoint),))

    broker = Broker(host="127.0.0.1", port=port, tls=None, client_id=endpoint, endpoint=endpoint)
    peer = Peer(endpoint=DESK, topic=TOPIC, listens=f"usp/agent/{endpoint}")
    return Link(
        MqttTransport(broker, (peer,)),
        receive,
        clock=clock,
        bus=Bus(clock),
        back_off=BackOff(),  # as shipped
        came_up=lambda: print("up", flush=True),
    )


async def _fleet(folder: Path, count: int) -> bool:
    broker = Mosquitto(folder, cautious=False)
    await broker.start()
    boxes = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.portal", "--serve", str(broker.port), str(count)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert boxes.stdout is not None
    try:
        first = await _come_up(boxes.stdout, count)
        print(f"{count} boxes: all connected {first[-1]:.1f} s after the first")
        taken = await _command_to_all(broker, count)
        met = _told(
            f"A command to each of {count}, 99th of 100 answers", _percentile(taken, 99), MOST_P99, "s"
        )
        assert broker.pid is not None
        theirs, ours = psutil.Process(boxes.pid), psutil.Process(broker.pid)
        print(f"  a box costs the broker {ours.memory_info().rss / count / 1024:.0f} KiB of memory")
        print(f"  a simulated box costs {theirs.memory_info().rss / count / 1024:.0f} KiB of memory here")
        await broker.stop()
        await broker.start()
        back = await _come_up(boxes.stdout, count)
        peak = max(sum(1 for each in back if start <= each < start + 1) for start in back)
        print(
            f"  after a restart of the broker all were back within {back[-1]:.1f} s of the first, at most "
            f"{peak} in one second"
        )
        return met
    finally:
        boxes.kill()
        await boxes.wait()
        await broker.stop()


async def _come_up(lines: asyncio.StreamReader, count: int) -> list[float]:
    """When each came, in seconds after the first."""
    times = []
    async with asyncio.timeout(300):
        for _ in range(count):
            await lines.readline()
            times.append(time.monotonic())
    return [each - times[0] for each in times]


async def _command_to_all(broker: Mosquitto, count: int) -> list[float]:
    way = Broker(host="127.0.0.1", port=broker.port, tls=None, client_id="desk", endpoint=DESK)
    client = MqttClient(way)
    await client.connect()
    await client.subscribe((TOPIC,))
    began = time.monotonic()
    taken: list[float] = []
    sending = asyncio.gather(*(_send(client, number) for number in range(count)))
    async with asyncio.timeout(120):
        while len(taken) < count:
            message = await client.messages.get()
            assert message is not None
            client.acknowledge(message)
            record = records.parse(bytes(message.payload))
            if record.WhichOneof("record_type") == "no_session_context":
                taken.append(time.monotonic() - began)
    await sending
    client.close()
    return taken


async def _send(client: MqttClient, number: int) -> None:
    message = usp.Msg(header=usp.Header(msg_id=f"m{number}", msg_type="GET"))
    message.body.request.get.param_paths.append("Device.")
    record = records.wrap(records.serialise(message), to=_name(number), sender=DESK)
    await client.publish(f"usp/agent/{_name(number)}", record, TOPIC)


def _ms(taken: list[float]) -> float:
    return statistics.median(taken) * 1000


def _percentile(taken: list[float], percent: int) -> float:
    ordered = sorted(taken)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def _told(what: str, value: float, most: float, unit: str) -> bool:
    met = value <= most
    print(f"{what}: {value:.2f} {unit} (at most {most:g}) {'met' if met else 'MISSED'}", flush=True)
    return met


if __name__ == "__main__":
    sys.exit(main())
