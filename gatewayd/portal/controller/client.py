"""The controller: asks, waits for the answer with the same message id, confirms notifications."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import structlog

from gatewayd.portal import records
from gatewayd.portal.mqtt_client import Broker, MqttClient
from gatewayd.portal.schema import usp_msg_pb2 as usp

log = structlog.get_logger(__name__)
PATIENCE = 30.0


class Refused(Exception):
    """The agent answered with an Error: its `code` and sentence, and those of single parameters."""

    def __init__(self, error: usp.Error) -> None:
        super().__init__(f"{error.err_code}: {error.err_msg}")
        self.code = error.err_code
        self.sentence = error.err_msg
        self.parameters = {each.param_path: (each.err_code, each.err_msg) for each in error.param_errs}


class Controller:
    """`async with Controller(...)`: connected and subscribed to `topic`, with one agent at `agent_topic`."""

    def __init__(self, broker: Broker, *, topic: str, agent: str, agent_topic: str) -> None:
        self._broker = broker
        self._topic = topic
        self.agent = agent
        self._agent_topic = agent_topic
        self._client: MqttClient | None = None
        self._listening: asyncio.Task[None] | None = None
        self._asked: dict[str, asyncio.Future[usp.Msg]] = {}
        self.notifications: asyncio.Queue[usp.Notify] = asyncio.Queue()
        self.met: asyncio.Queue[str] = asyncio.Queue()
        """Endpoint ids of agents, as their Connect Records come."""
        self.confirm = True

    async def __aenter__(self) -> Self:
        self._client = MqttClient(self._broker)
        await self._client.connect()
        await self._client.subscribe((self._topic,))
        self._listening = asyncio.create_task(self._listen(self._client), name="controller")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        if self._client is not None:
            self._client.close()

    async def send(self, record: bytes, *, expires_in: int | None = None) -> int | None:
        """Publishes bytes to the agent as they are: the broker's reason code."""
        assert self._client is not None  # inside `async with`
        return await self._client.publish(self._agent_topic, record, self._topic, expires_in=expires_in)

    def message(self, request: usp.Request, identifier: str | None = None) -> usp.Msg:
        """A message with that request, its type and a new id."""
        kind = request.WhichOneof("req_type")
        assert kind is not None  # whoever asks says what
        name = "GET_SUPPORTED_PROTO" if kind == "get_supported_protocol" else kind.upper()
        header = usp.Header(msg_id=identifier or secrets.token_hex(8), msg_type=name)
        message = usp.Msg(header=header)
        message.body.request.CopyFrom(request)
        return message

    async def ask(
        self,
        request: usp.Request,
        *,
        identifier: str | None = None,
        expires_in: int | None = None,
        patience: float = PATIENCE,
    ) -> usp.Response:
        """The agent's response. Raises Refused, and TimeoutError when there is none."""
        message = self.message(request, identifier)
        future: asyncio.Future[usp.Msg] = asyncio.get_running_loop().create_future()
        self._asked[message.header.msg_id] = future
        try:
            await self.send(self.record(message), expires_in=expires_in)
            async with asyncio.timeout(patience):
                answer = await future
        finally:
            self._asked.pop(message.header.msg_id, None)
        if answer.body.WhichOneof("msg_body") == "error":
            raise Refused(answer.body.error)
        return answer.body.response

    def record(self, message: usp.Msg) -> bytes:
        """The envelope of a message to the agent."""
        return records.wrap(records.serialise(message), to=self.agent, sender=self._broker.endpoint)

    async def get(self, *paths: str, depth: int = 0) -> dict[str, str]:
        """Full parameter paths and their values. Raises Refused, also for one path."""
        request = usp.Request(get=usp.Get(param_paths=paths, max_depth=depth))
        found: dict[str, str] = {}
        for each in (await self.ask(request)).get_resp.req_path_results:
            if each.err_code:
                raise Refused(usp.Error(err_code=each.err_code, err_msg=each.err_msg))
            for resolved in each.resolved_path_results:
                found |= {
                    resolved.resolved_path + name: value for name, value in resolved.result_params.items()
                }
        return found

    async def set(self, path: str, values: Mapping[str, str]) -> usp.SetResp:
        """Sets parameters of the objects at `path`. Raises Refused."""
        settings = [
            usp.Set.UpdateParamSetting(param=name, value=value, required=True)
            for name, value in values.items()
        ]
        update = usp.Set.UpdateObject(obj_path=path, param_settings=settings)
        return (await self.ask(usp.Request(set=usp.Set(update_objs=[update])))).set_resp

    async def add(self, path: str, values: Mapping[str, str]) -> str:
        """Makes an instance and returns its path. Raises Refused."""
        settings = [
            usp.Add.CreateParamSetting(param=name, value=value, required=True)
            for name, value in values.items()
        ]
        create = usp.Add.CreateObject(obj_path=path, param_settings=settings)
        answer = await self.ask(usp.Request(add=usp.Add(create_objs=[create])))
        return answer.add_resp.created_obj_results[0].oper_status.oper_success.instantiated_path

    async def delete(self, *paths: str) -> usp.DeleteResp:
        """Deletes instances. Raises Refused."""
        return (await self.ask(usp.Request(delete=usp.Delete(obj_paths=paths)))).delete_resp

    async def operate(
        self,
        command: str,
        arguments: Mapping[str, str] | None = None,
        *,
        key: str = "",
        expires_in: int | None = None,
    ) -> Sequence[usp.OperateResp.OperationResult]:
        """Runs a command. `key` is the same for the same job, however often it is sent. Raises Refused."""
        operate = usp.Operate(
            command=command, command_key=key, send_resp=True, input_args=dict(arguments or {})
        )
        answer = await self.ask(usp.Request(operate=operate), expires_in=expires_in)
        return answer.operate_resp.operation_results

    async def notified(self, patience: float = PATIENCE) -> usp.Notify:
        """The next notification. Raises TimeoutError."""
        async with asyncio.timeout(patience):
            return await self.notifications.get()

    async def _listen(self, client: MqttClient) -> None:
        while (message := await client.messages.get()) is not None:
            client.acknowledge(message)
            try:
                record = records.parse(bytes(message.payload))
                kind = record.WhichOneof("record_type")
                if kind == "mqtt_connect":
                    self.met.put_nowait(record.from_id)
                elif kind == "no_session_context":
                    await self._take(records.parse_message(record.no_session_context.payload))
            except records.Unreadable as error:
                log.warning("controller.unreadable", reason=str(error)[:120])

    async def _take(self, message: usp.Msg) -> None:
        if message.body.WhichOneof("msg_body") == "request" and message.body.request.HasField("notify"):
            notify = message.body.request.notify
            if notify.send_resp and self.confirm:
                await self._confirm(message.header.msg_id, notify.subscription_id)
            self.notifications.put_nowait(notify)
            return
        future = self._asked.get(message.header.msg_id)
        if future is not None and not future.done():
            future.set_result(message)

    async def _confirm(self, identifier: str, subscription: str) -> None:
        answer = usp.Msg()
        answer.header.msg_id = identifier
        answer.header.msg_type = usp.Header.NOTIFY_RESP
        answer.body.response.notify_resp.subscription_id = subscription
        await self.send(self.record(answer))
