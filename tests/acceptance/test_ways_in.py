"""Every operation through every way in: the same result, the same refusal."""

from __future__ import annotations

import asyncio
import contextlib
import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import pytest_asyncio

from gatewayd import wire
from gatewayd.callers import ROLES, Caller, anonymous
from gatewayd.errors import GatewayError
from gatewayd.operations import Operation
from tests.support.house import OpenHouse, open_house
from tests.support.operations import NAMES

pytestmark = [pytest.mark.acceptance, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

OWNER = Caller(id="session:other", role="owner", scopes=ROLES["owner"], via="internal", fresh=True)
NOWHERE = "01ARZ3NDEKTSV4RRFFQ69G5FAV"

# What a good call says, where an empty one is not good. `None`: there is none without more (a code that
# is open once, a change that waits); what it refuses is compared instead.
GOOD: dict[str, dict[str, Any] | None] = {
    "wifi.networks.get": {"network": "home"},
    "wifi.radios.preview": {"radio": "radio0", "channel": 11},
    "wifi.radios.update": {"radio": "radio0", "channel": 6},
    "wifi.networks.preview": {"network": "home", "ssid": "Elsewhere"},
    "wifi.networks.update": {"network": "home", "hidden": False},
    "wifi.networks.reveal": {"network": "home"},
    "wifi.networks.create": {"role": "iot", "id": "way-{way}", "ssid": "Things"},
    "wifi.networks.delete": None,
    "wifi.networks.qr": {"network": "home", "format": "text"},
    "wifi.keys.list": {"network": "home"},
    "wifi.keys.create": {"network": "home", "label": "By {way}", "passphrase": "for way-{way}"},
    "wifi.keys.revoke": None,
    "wifi.rotation.get": {"network": "home"},
    "wifi.rotation.start": None,
    "wifi.rotation.finish": None,
    "wifi.changes.get": None,
    "wifi.changes.confirm": None,
    "wifi.changes.revert": None,
    "household.update": {"time_zone": "Asia/Kathmandu"},
    "dvr.sources.add": {"kind": "http", "url": "http://192.0.2.7/{way}.ts", "name": "Far"},
    "dvr.sources.remove": None,
    "dvr.sources.get": {"source": "testcard"},
    "dvr.sources.update": None,
    "dvr.sources.refresh": None,
    "dvr.channels.update": None,
    "dvr.recordings.create": {"channel": "testcard", "start": "2027-01-01T20:00:00Z", "duration": 60.0},
    "dvr.playback.open": None,
    "dvr.playback.position": None,
    "dvr.recordings.get": None,
    "dvr.recordings.stop": None,
    "dvr.recordings.export": None,
    "dvr.recordings.delete": None,
    "dvr.recordings.restore": None,
    "dvr.recordings.update": None,
    "dvr.storage.update": {"pad_before": 0.0},
    "diagnostics.runs.get": None,
    "diagnostics.captures.get": None,
    "diagnostics.capture": {"interface": "wan0", "consent": True, "seconds": 1.0},
    "diagnostics.lookup": {"name": "probe.example"},
    "diagnostics.mail": {"domain": "mail.example"},
    "diagnostics.ping": {"target": "probe.example", "count": 1},
    "diagnostics.probe": {"target": "probe.example", "port": 80},
    "diagnostics.traceroute": {"target": "probe.example"},
    "diagnostics.outages.report": {"reports": [{"id": "a", "sentence": "Works in your street"}]},
    "diagnostics.repair.update": {"steps": []},
    "jobs.get": None,
    "jobs.cancel": None,
    "access.claim.finish": None,
    "access.sessions.revoke": None,
    "access.accounts.create": {"name": "{way}"},
    "access.accounts.invite": None,
    "access.accounts.join": None,
    "access.accounts.remove": None,
    "access.accounts.update": None,
    "access.login": None,
    "access.password.set": None,
    "access.refresh": None,
    "access.tokens.create": {"name": "By {way}", "scopes": ["box:read"]},
    "access.tokens.revoke": None,
    "access.totp.confirm": None,
    "access.alerts.dismiss": None,
    "access.technician.redeem": None,
    "access.technician.visits.end": None,
    "access.technician.visits.get": None,
    "privacy.exports.get": None,
    "privacy.delete": {"areas": ["upkeep"]},
    "upkeep.restart": None,
    "upkeep.support_bundles.get": None,
    "portal.configure": {"enabled": False},
    "portal.timer": {"seconds": 1},
    "portal.policy": {"areas": {"wifi": True}},
}
# What is about the session that asks: dispatch and the socket have none. Statuses by way in.
OWN_SESSION = {
    "access.logout": [404, 200, 404],
    "access.session.get": [200, 200, 200],
    "access.stepup": [403, 403, 200],
    "access.totp.start": [404, 200, 404],
    "access.totp.recovery": [404, 409, 404],
    "access.totp.remove": [404, 200, 404],
}
VARIES = re.compile(
    r"^(id|job|token|code|secret|uri|session|created|changed|started|ended|time|used|last_used|next|deadline|"
    r"expires|expires_in|closes_in|epoch|account|progress|message|state|result|free|used|connected_seconds|"
    r"signal_dbm|rx_bytes|tx_bytes|name|label|source|channel|url|current|refreshed|from_revision|to_revision|"
    r"revision|room|"
    r"stations_dropped|connected|ticket|invitation|qr|told|made|watched|available|points)$"
)


def masked(value: Any) -> Any:
    """The answer without what may differ from one call to the next."""
    if isinstance(value, dict):
        return {key: "~" if VARIES.match(key) else masked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item) for item in value]
    return re.sub(r"way-(dispatch|http|socket)", "way", value) if isinstance(value, str) else value


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house() -> AsyncIterator[OpenHouse]:
    with tempfile.TemporaryDirectory(prefix="gwt-") as folder:
        async with open_house(Path(folder)) as made:
            yield made


async def by_dispatch(
    house: OpenHouse, operation: Operation, arguments: dict[str, Any], caller: Caller
) -> tuple[int, Any]:
    try:
        answer = await house.registry.dispatch(
            operation.name, arguments, caller, strict=operation.method not in ("GET", "DELETE")
        )
    except GatewayError as error:
        return error.spec.status, wire.problem(error)
    return answer.status, msgspec.json.decode(answer.body)


async def by_http(
    session: aiohttp.ClientSession, operation: Operation, arguments: dict[str, Any]
) -> tuple[int, Any]:
    left = dict(arguments)
    path = "/v1" + re.sub(r"\{(\w+)\}", lambda name: str(left.pop(name[1], NOWHERE)), operation.path)
    place: dict[str, Any] = {"params": left} if operation.method in ("GET", "DELETE") else {"json": left}
    async with session.request(operation.method, path, **place) as response:
        return response.status, await response.json(content_type=None)


async def everywhere(
    house: OpenHouse, operation: Operation, arguments: dict[str, Any]
) -> list[tuple[int, Any]]:
    """The answers of the three ways in to an owner."""
    mine = [
        {
            key: item.replace("{way}", way) if isinstance(item, str) else item
            for key, item in arguments.items()
        }
        for way in ("dispatch", "http", "socket")
    ]
    async with house.http(house.token) as http, house.socket() as socket:
        await _quiet(house)
        found = [await by_dispatch(house, operation, mine[0], OWNER)]
        for session, own in ((http, mine[1]), (socket, mine[2])):
            if operation.name.startswith("diagnostics."):
                await _stop(house, found[-1][1])
            if operation.name.startswith("wifi."):
                await _quiet(house)
            found.append(await by_http(session, operation, own))
        return found


async def test_the_list_is_the_registry(house: OpenHouse) -> None:
    assert sorted(operation.name for operation in house.registry) == NAMES


@pytest.mark.parametrize("name", NAMES)
async def test_the_same_result(house: OpenHouse, name: str) -> None:
    operation = house.registry.get(name)
    good = GOOD.get(name, {})
    nowhere = dict.fromkeys(re.findall(r"\{(\w+)\}", operation.path), NOWHERE)
    answers = await everywhere(house, operation, nowhere if good is None else good)
    if name in OWN_SESSION:
        assert [status for status, _ in answers] == OWN_SESSION[name], answers
        if name == "access.logout":
            house.token = await _claim(house)
        return
    statuses = {status for status, _ in answers}
    assert len(statuses) == 1, answers
    assert (statuses == {operation.status}) == (good is not None), answers
    if name == "wifi.passphrase.suggest":
        assert len({body["passphrase"] for _, body in answers}) == len(answers)
        return
    if name == "upkeep.health.get":  # a machine is never twice the same
        assert len({tuple(body) for _, body in answers}) == 1
        return
    assert masked(answers[0][1]) == masked(answers[1][1]) == masked(answers[2][1])


async def _quiet(house: OpenHouse) -> None:
    """Waits until the radios are on the air and the changes that other calls made are through: before that
    and in the midst of one a radio cannot tell what another would do."""
    async with asyncio.timeout(30):
        while True:
            listed = await house.registry.dispatch("wifi.changes.list", {}, OWNER)
            radios = await house.registry.dispatch("wifi.radios.list", {}, OWNER)
            if all(change["ended"] for change in msgspec.json.decode(listed.body)["items"]) and all(
                radio["state"] == "on_air" for radio in msgspec.json.decode(radios.body)["items"]
            ):
                return
            await asyncio.sleep(0.02)


async def _stop(house: OpenHouse, answer: Any) -> None:
    """Ends the tool that was started: the next one would be refused beside it."""
    job = answer.get("job") if isinstance(answer, dict) else None
    if not isinstance(job, dict) or "id" not in job:
        return
    with contextlib.suppress(GatewayError):  # it has ended by itself
        await house.registry.dispatch("jobs.cancel", {"job": job["id"]}, OWNER)
    async with asyncio.timeout(20):
        while True:
            read = await house.registry.dispatch("jobs.get", {"job": job["id"]}, OWNER)
            if msgspec.json.decode(read.body)["job"]["state"] not in ("queued", "running"):
                return
            await asyncio.sleep(0.02)


async def _claim(house: OpenHouse) -> str:
    opened = await house.registry.dispatch("access.pairing.open", {}, OWNER)
    code = msgspec.json.decode(opened.body)["code"]
    granted = await house.registry.dispatch("access.claim.finish", {"code": code}, anonymous("internal"))
    return str(msgspec.json.decode(granted.body)["token"])


@pytest.mark.parametrize("name", NAMES)
async def test_the_same_refusal_of_an_unknown_field(house: OpenHouse, name: str) -> None:
    operation = house.registry.get(name)
    arguments = dict.fromkeys(re.findall(r"\{(\w+)\}", operation.path), NOWHERE) | {"colour": "red"}
    answers = await everywhere(house, operation, arguments)
    for status, body in answers:
        assert status == 422, body
        assert body["code"] in ("request.unknown_field", "request.missing_field")
        assert masked(body) == masked(answers[0][1])


@pytest.mark.parametrize("name", NAMES)
async def test_a_stranger_is_refused_alike(house: OpenHouse, name: str) -> None:
    """Without a token only what says so may be called; the Unix socket knows no strangers."""
    operation = house.registry.get(name)
    arguments = dict.fromkeys(re.findall(r"\{(\w+)\}", operation.path), NOWHERE) | {"colour": "red"}
    async with house.http() as http:
        answers = [
            await by_dispatch(house, operation, arguments, anonymous("internal")),
            await by_http(http, operation, arguments),
        ]
    assert answers[0][0] == answers[1][0]
    assert answers[0][1]["code"] == answers[1][1]["code"]
    assert (answers[0][1]["code"] == "access.unauthenticated") == (operation.scope is not None)


@pytest.mark.parametrize("role", ["viewer", "member", "technician", "portal"])
async def test_each_role_is_refused_what_it_may_not(house: OpenHouse, role: Any) -> None:
    """Default deny: an operation whose scope a role lacks is refused before anything is looked at."""
    caller = Caller(id="session:role", role=role, scopes=ROLES[role], via="http")
    for operation in house.registry:
        if operation.scope is None or operation.scope in caller.scopes:
            continue
        status, body = await by_dispatch(house, operation, {"colour": "red"}, caller)
        assert (status, body["code"]) == (403, "access.forbidden"), operation.name
