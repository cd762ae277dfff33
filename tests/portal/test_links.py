"""A whole box in the test's process, at a broker: who is let in, what is refused, what the owner sees."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gatewayd.callers import INTERNAL
from gatewayd.errors import GatewayError
from gatewayd.portal import links, records
from gatewayd.portal.controller import Controller, Refused
from gatewayd.portal.mqtt_client import Broker
from gatewayd.portal.schema import usp_msg_pb2 as usp
from gatewayd.system.clock import SystemClock
from tests.portal.broker import Authority, Mosquitto, mosquitto
from tests.portal.desk import DESK, choice, desk
from tests.support.daemon import until
from tests.support.house import OpenHouse, open_house

SSID = "Device.WiFi.SSID.1."


@dataclass
class Office:
    """A house that is linked, and its broker."""

    house: OpenHouse
    broker: Mosquitto
    box: str

    async def call(self, operation: str, **arguments: Any) -> Any:
        """As the box's own shell."""
        return msgspec.json.decode((await self.house.registry.dispatch(operation, arguments, INTERNAL)).body)

    async def linked(self) -> None:
        """Returns when all links are up."""

        async def up() -> bool | None:
            links = (await self.call("portal.get"))["links"]
            return bool(links and all(link["state"] == "up" for link in links)) or None

        await until(up)

    async def watched(self, subscription: int = 1) -> None:
        """Returns when a subscription, by its number, has looked once: from then on it tells of changes."""
        path = f"Device.LocalAgent.Subscription.{subscription}."
        question = "SELECT 1 FROM portal_seen WHERE subscription = ?"

        async def looked() -> bool | None:
            return await self.house.registry._database.fetch_one(question, (path,)) is not None or None

        await until(looked)

    async def refusals(self) -> list[tuple[str, str]]:
        """What the portal's log says was refused: who and why."""
        items = (await self.call("portal.log"))["items"]
        return [(item["controller"], item["what"]) for item in items if item["kind"] == "refused"]

    async def activity(self) -> list[tuple[str, str, str]]:
        """What the owner sees of the portal: who, what, how it ended; newest first."""
        items = (await self.call("access.activity.list", limit=50))["items"]
        return [
            (item["caller"], item["operation"], item["outcome"]) for item in items if item["role"] == "portal"
        ]


@asynccontextmanager
async def office(folder: Path, **more: Any) -> AsyncIterator[Office]:
    """A house at a broker without TLS, with one controller, that shares what there is."""
    async with mosquitto(folder / "broker") as broker, open_house(folder / "box") as house:
        at = Office(house, broker, "")
        at.box = (await at.call("portal.configure", **choice(broker.port, **more)))["endpoint_id"]
        await at.call("privacy.settings.update", share={"network": True, "viewing": True})
        await at.linked()
        yield at


async def test_a_changed_name_is_in_the_activity(tmp_path: Path) -> None:
    async with office(tmp_path) as at, desk(at.broker.port, at.box) as controller:
        await controller.set(SSID, {"SSID": "By the operator"})
        assert (await controller.get(f"{SSID}SSID")) == {f"{SSID}SSID": "By the operator"}
        assert (f"portal:{DESK}", "wifi.networks.update", "ok") in await at.activity()
        log = (await at.call("portal.log"))["items"]
        assert [(entry["kind"], entry["controller"]) for entry in log] == [("changed", DESK)]
        alerts = (await at.call("access.alerts.list"))["items"]
        assert "portal_change" in {alert["kind"] for alert in alerts}


async def test_a_vetoed_area_is_refused_with_a_sentence(tmp_path: Path) -> None:
    async with office(tmp_path) as at, desk(at.broker.port, at.box) as controller:
        before = await controller.get(f"{SSID}SSID")
        await at.call("portal.policy", areas={"wifi": False})
        with pytest.raises(Refused) as caught:
            await controller.set(SSID, {"SSID": "Against the owner"})
        told = {caught.value.code, *(code for code, _ in caught.value.parameters.values())}
        assert 7006 in told
        sentences = [caught.value.sentence, *(text for _, text in caught.value.parameters.values())]
        assert any(
            "The owner of this box does not let the operator change the Wi-Fi" in each for each in sentences
        )
        assert await controller.get(f"{SSID}SSID") == before
        assert ("wifi.networks.update", "portal.vetoed") in [entry[1:] for entry in await at.activity()]
        assert (DESK, "wifi.networks.update: portal.vetoed") in await at.refusals()
        await at.call("portal.policy", areas={"wifi": True})
        await controller.set(SSID, {"SSID": "With the owner"})


async def test_a_controller_sees_and_hears_of_the_veto(tmp_path: Path) -> None:
    async with office(tmp_path) as at, desk(at.broker.port, at.box) as controller:
        policy = 'Device.LocalAgent.X_GATEWAYD_Policy.[Name=="wifi"].Allowed'
        assert list((await controller.get(policy)).values()) == ["true"]
        wanted = {"Enable": "true", "ID": "veto", "NotifType": "ValueChange", "ReferenceList": policy}
        await controller.add("Device.LocalAgent.Subscription.", wanted)
        await at.watched()
        await at.call("portal.policy", areas={"wifi": False})
        assert (await controller.notified(10)).value_change.param_value == "false"
        assert list((await controller.get(policy)).values()) == ["false"]


async def test_what_is_not_shared_is_not_told(tmp_path: Path) -> None:
    async with office(tmp_path) as at, desk(at.broker.port, at.box) as controller:
        assert await controller.get(f"{SSID}SSID")
        await at.call("privacy.settings.update", share={"network": False})
        await at.call("privacy.settings.update", share={"network": False})
        assert await controller.get(f"{SSID}SSID") == {}
        await controller.set(SSID, {"SSID": "Set unseen"})  # to change is another matter: that is the veto
        assert (await at.call("wifi.networks.get", network="home"))["ssid"] == "Set unseen"


async def test_somebody_elses_name_is_refused(tmp_path: Path) -> None:
    """Another client of the broker that writes `self::desk` on its Records, to the topic of its own."""
    clerk = {
        "endpoint_id": "self::clerk",
        "topic": "usp/controller/clerk",
        "agent_topic": "usp/agent/for-clerk",
        "role": "Untrusted",
    }
    first = {"endpoint_id": DESK, "topic": "usp/controller/desk"}
    async with office(tmp_path, controllers=[first, clerk]) as at, desk(at.broker.port, at.box) as controller:
        broker = Broker(
            host="127.0.0.1", port=at.broker.port, tls=None, client_id="clerk", endpoint="self::clerk"
        )
        async with Controller(
            broker, topic="usp/controller/clerk", agent=at.box, agent_topic="usp/agent/for-clerk"
        ) as thief:
            change = usp.Set.UpdateObject(
                obj_path=SSID, param_settings=[usp.Set.UpdateParamSetting(param="SSID", value="Stolen")]
            )
            message = thief.message(usp.Request(set=usp.Set(update_objs=[change])))
            forged = records.wrap(records.serialise(message), to=at.box, sender=DESK)
            await thief.send(forged)
            await thief.send(forged)

            async def seen() -> list[tuple[str, str]] | None:
                return await at.refusals() or None

            assert await until(seen) == [(DESK, "Nothing shows that the sender is who it says it is.")]
            assert "Stolen" not in (await controller.get(f"{SSID}SSID")).values()
            assert (f"portal:{DESK}", "portal.record", "access.forbidden") in await at.activity()
            with pytest.raises(Refused):  # in its own name it may do what its role may: nothing there
                await thief.set(SSID, {"SSID": "Stolen"})


async def test_a_replayed_record_changes_nothing(tmp_path: Path) -> None:
    async with office(tmp_path) as at, desk(at.broker.port, at.box) as controller:
        change = usp.Set.UpdateObject(
            obj_path=SSID, param_settings=[usp.Set.UpdateParamSetting(param="SSID", value="First")]
        )
        request = usp.Request(set=usp.Set(update_objs=[change]))
        await controller.ask(request, identifier="m1")
        await controller.set(SSID, {"SSID": "Second"})
        again = await controller.ask(request, identifier="m1")  # the same bytes, taken from the wire
        assert again.set_resp.updated_obj_results[0].oper_status.HasField("oper_success")
        assert (await controller.get(f"{SSID}SSID")) == {f"{SSID}SSID": "Second"}


async def test_over_tls_with_the_boxs_key(tmp_path: Path) -> None:
    """As docs/portal.md says: the box's request is signed, the broker knows both by their certificates."""
    authority = await asyncio.to_thread(Authority, tmp_path / "ca")
    async with open_house(tmp_path / "box") as house:
        at = Office(house, Mosquitto(tmp_path), "")
        asked = await at.call("portal.certificate")
        box = asked["endpoint_id"]
        page = await asyncio.to_thread((Path(__file__).parents[2] / "docs" / "portal.md").read_text)
        acl = next(block for block in page.split("```") if "pattern read" in block)
        async with mosquitto(tmp_path / "broker", authority=authority, acl=acl) as broker:
            await at.call(
                "portal.configure",
                enabled=True,
                mqtt={"host": "127.0.0.1", "port": broker.tls_port, "retry": 1, "retry_most": 1},
                controllers=[{"endpoint_id": DESK, "topic": "usp/controller/main"}],
                certificate=await asyncio.to_thread(authority.sign_request, asked["request"]),
                authority=authority.pem,
            )
            await at.linked()
            tls = await asyncio.to_thread(authority.client, "controller")
            way = Broker(host="127.0.0.1", port=broker.tls_port, tls=tls, client_id="desk", endpoint=DESK)
            async with Controller(
                way, topic="usp/controller/main", agent=box, agent_topic=f"usp/agent/{box}"
            ) as controller:
                assert await controller.get("Device.LocalAgent.EndpointID") == {
                    "Device.LocalAgent.EndpointID": box
                }
                known = await controller.get("Device.LocalAgent.Certificate.*.Issuer")
                assert set(known.values()) == {"CN=Test authority"}
                assert len(known) == 2
            foreign = await asyncio.to_thread(Authority, tmp_path / "foreign", "Somebody else")
            await at.call("portal.configure", authority=foreign.pem)

            async def refused() -> str | None:
                links = (await at.call("portal.get"))["links"]
                return next((link["reason"] for link in links if link["reason"]), None)

            assert "certificate is not accepted" in await until(refused)


async def test_2_6_a_box_that_does_not_know_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a broker's certificate whatever its dates, and no longer once it knows the time."""
    knows = False
    monkeypatch.setattr(SystemClock, "trusted", lambda _clock: knows)
    monkeypatch.setattr(links, "CLOCK_LOOK", 0.2)
    authority = await asyncio.to_thread(Authority, tmp_path / "ca")
    async with open_house(tmp_path / "box") as house:
        at = Office(house, Mosquitto(tmp_path), "")
        request = (await at.call("portal.certificate"))["request"]
        certificate = await asyncio.to_thread(authority.sign_request, request)
        authority.expired = True
        async with mosquitto(tmp_path / "broker", authority=authority) as broker:
            wanted = choice(broker.tls_port, certificate=certificate, authority=authority.pem)
            wanted["mqtt"]["tls"] = True
            await at.call("portal.configure", **wanted)
            await at.linked()
            knows = True

            async def refused() -> str | None:
                found = (await at.call("portal.get"))["links"]
                return next((link["reason"] for link in found if link["reason"]), None)

            assert "certificate is not accepted" in await until(refused)


UNUSABLE: list[tuple[dict[str, Any], str, str]] = [
    ({"mqtt": {"host": "192.0.2.1", "tls": False}}, "mqtt", "without TLS"),
    ({"mqtt": {"host": "127.0.0.1", "tls": False, "topic": "a/#"}}, "mqtt", "without #"),
    ({"controllers": [{"endpoint_id": "desk", "topic": "t"}]}, "controllers", "endpoint_id"),
    ({"controllers": [{"endpoint_id": DESK}]}, "controllers", "a topic, or a url"),
    ({"controllers": [{"endpoint_id": DESK, "url": "http://x/"}]}, "controllers", "wss://"),
    ({"controllers": [{"endpoint_id": DESK, "url": "ws://192.0.2.1/"}]}, "controllers", "without TLS"),
    ({"controllers": [{"endpoint_id": DESK, "topic": "t", "role": "King"}]}, "controllers", "no role 'King'"),
    (
        {
            "controllers": [
                {"endpoint_id": DESK, "topic": "t"},
                {"endpoint_id": "self::clerk", "topic": "u", "role": "Untrusted"},
            ]
        },
        "controllers",
        "topics of their own",
    ),
    ({"endpoint_id": "box"}, "endpoint_id", "authority scheme"),
    ({"certificate": "nonsense"}, "certificate", "no certificate"),
]


async def test_what_cannot_be_configured(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        for more, field, word in UNUSABLE:
            with pytest.raises(GatewayError) as caught:
                await house.registry.dispatch("portal.configure", {"enabled": True, **more}, INTERNAL)
            assert caught.value.field == field, more
            assert word in caught.value.detail, more
        view = await house.registry.dispatch("portal.get", {}, INTERNAL)
        assert msgspec.json.decode(view.body)["enabled"] is False


async def test_9_9_a_controller_adds_another(tmp_path: Path) -> None:
    """The first configures a second at the same broker, which is asked to take the box on, and then works."""
    async with (
        office(tmp_path) as at,
        desk(at.broker.port, at.box) as first,
        desk(at.broker.port, at.box, name="second") as second,
    ):
        role = (await first.get("Device.LocalAgent.Controller.1.AssignedRole")).popitem()[1]
        added = {"EndpointID": "self::second", "Enable": "true", "AssignedRole": role}
        path = await first.add("Device.LocalAgent.Controller.", added)
        mtp = await first.add(f"{path}MTP.", {"Enable": "true", "Protocol": "MQTT"})
        way = {"AgentMTPReference": "Device.LocalAgent.MTP.1", "Topic": "usp/controller/second"}
        await first.set(f"{mtp}MQTT.", way)
        await at.linked()
        await first.operate(f"{path}SendOnBoardRequest()")
        notify = await second.notified(20)
        assert notify.HasField("on_board_req")
        assert "1.3" in notify.on_board_req.agent_supported_protocol_versions
        assert (await second.get(f"{SSID}SSID")).keys() == {f"{SSID}SSID"}
        assert second.met.get_nowait() == at.box  # the Connect Record of the new session
