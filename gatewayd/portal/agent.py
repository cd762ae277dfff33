"""The agent: Records in, Records out. The link gives it senders and takes its answers."""

from __future__ import annotations

import structlog

from gatewayd.callers import ROLES, Scope
from gatewayd.errors import Crash, GatewayError
from gatewayd.operations import Caller, Registry
from gatewayd.portal import reading, records
from gatewayd.portal.contracts import About, Commands, LinkStates, Outbox, Policy, Sender, Witness
from gatewayd.portal.model import Model
from gatewayd.portal.numbers import Numbers
from gatewayd.portal.objects.local_agent import CONTROLLERS
from gatewayd.portal.operating import Operating, Own
from gatewayd.portal.records import Unreadable
from gatewayd.portal.refusals import Code, UspFault, from_error
from gatewayd.portal.requests import Requests
from gatewayd.portal.rights import rights_of
from gatewayd.portal.schema import usp_msg_pb2 as usp
from gatewayd.portal.schema import usp_record_pb2 as usp_record
from gatewayd.portal.stored import Stored
from gatewayd.portal.view import View
from gatewayd.portal.writing import Writing
from gatewayd.store.database import Database
from gatewayd.system.clock import Clock
from gatewayd.system.identity import new_id

log = structlog.get_logger(__name__)
_UNKNOWN = frozenset({Scope.BOX_READ})
"""The scopes of a controller that nobody configured: its role decides what of them."""


class Agent:
    """One agent with one endpoint id, on parts that are loaded."""

    def __init__(
        self,
        *,
        about: About,
        model: Model,
        database: Database,
        registry: Registry,
        clock: Clock,
        stored: Stored,
        numbers: Numbers,
        requests: Requests,
        commands: Commands,
        outbox: Outbox,
        policy: Policy,
        witness: Witness,
        own: dict[str, Own],
        links: LinkStates,
    ) -> None:
        self.links = links
        """Set again once there are links."""
        self.about = about
        self._model = model
        self._registry = registry
        self._stored = stored
        self._numbers = numbers
        self._requests = requests
        self._outbox = outbox
        self._policy = policy
        self._witness = witness
        self._writing = Writing(database, registry, commands, witness, clock)
        self._operating = Operating(database, registry, commands, requests, witness, own)

    def readable(self, data: bytes) -> bool:
        """Whether the bytes are a Record at all: a WebSocket is closed with 1003 otherwise."""
        try:
            records.parse(data)
        except Unreadable:
            return False
        return True

    def controller(self, endpoint: str) -> str | None:
        """The path of a configured and enabled controller."""
        for number, row in self._stored.rows(CONTROLLERS).items():
            if row.get("EndpointID") == endpoint and row.get("Enable") == "true":
                return f"{CONTROLLERS}{number}."
        return None

    def view(self, endpoint: str, *, writing: bool = False, held: bool = False) -> View:
        """What a controller sees, or can reach for changing it, for one message."""
        controller = self.controller(endpoint)
        scopes = ROLES["portal"] if controller is not None else ROLES["portal"] & _UNKNOWN
        if controller is not None and (writing or self._policy.may_leave("dvr")):
            scopes |= {Scope.DVR_READ}  # to find what it may change, or what the household lets it see
        return View(
            model=self._model,
            registry=self._registry,
            stored=self._stored,
            numbers=self._numbers,
            policy=self._policy,
            caller=Caller(id=f"portal:{endpoint}", role="portal", scopes=scopes, via="portal"),
            rights=rights_of(self._stored, controller),
            about=self.about,
            endpoint=endpoint,
            controller=controller or "",
            requests=self._requests.rows,
            links=self.links,
            writing=writing,
            held=held,
        )

    async def configure(self, endpoint: str, request: usp.Set, identifier: str) -> usp.Body:
        """A Set as if that controller had sent it under that message id. Raises UspFault, GatewayError."""
        return await self._writing.set(self.view(endpoint, writing=True), request, identifier, None)

    async def handle(self, data: bytes, sender: Sender) -> list[bytes]:
        """The Records to be sent back to the sender; what the Record asks for is committed by then.

        Never raises for anything that can be in a Record. Notifications come through the outbox.
        """
        try:
            record = records.parse(data)
        except Unreadable as error:
            log.debug("portal.record_unreadable", link=sender.link, bytes=len(data), reason=str(error))
            return []
        if record.to_id != self.about.endpoint or record.from_id in ("", self.about.endpoint):
            log.debug("portal.record_not_for_us", link=sender.link, bytes=len(data))
            return []
        if not sender.vouches(record.from_id):
            await self._witness.refused(
                sender, record.from_id, "Nothing shows that the sender is who it says it is."
            )
            return []
        return await self._record(record, sender)

    async def _record(self, record: usp_record.Record, sender: Sender) -> list[bytes]:
        kind = record.WhichOneof("record_type")
        if kind == "session_context":
            return [
                records.disconnect(
                    to=record.from_id,
                    sender=self.about.endpoint,
                    code=Code.SESSION_NOT_ALLOWED,
                    reason="This agent speaks without sessions.",
                )
            ]
        if kind != "no_session_context":
            return []  # a connect or disconnect Record: the link's own matter
        try:
            message = records.parse_message(record.no_session_context.payload)
        except Unreadable as error:
            log.debug("portal.message_unreadable", link=sender.link, reason=str(error))
            return []
        body = await self._message(message, record.from_id, sender)
        if body is None:
            return []
        reply = usp.Msg(body=body)
        reply.header.msg_id = message.header.msg_id
        reply.header.msg_type = _type_of(body)
        return [records.wrap(records.serialise(reply), to=record.from_id, sender=self.about.endpoint)]

    async def _message(self, message: usp.Msg, endpoint: str, sender: Sender) -> usp.Body | None:
        what = message.body.WhichOneof("msg_body")
        if what != "request":
            if message.body.response.WhichOneof("resp_type") == "notify_resp":
                await self._outbox.answered(endpoint, message.header.msg_id)
            return None
        try:
            body = await self._request(endpoint, message, sender)
            await self._numbers.settle()
            return body
        except UspFault as fault:
            return _error(fault)
        except GatewayError as error:
            return _error(from_error(error))
        except Exception as error:  # the crash boundary: logged under an id, answered with that id
            crash = Crash(new_id())
            log.exception("portal.crashed", id=crash.id, error=type(error).__name__)
            return _error(from_error(crash))

    async def _request(self, endpoint: str, message: usp.Msg, sender: Sender) -> usp.Body | None:
        request = message.body.request
        kind = request.WhichOneof("req_type")
        if kind is None or _REQUESTS.get(kind) != message.header.msg_type:
            raise UspFault(Code.MESSAGE_NOT_SUPPORTED, "The message's type and its content do not agree.")
        writing = kind in ("set", "add", "delete", "operate")
        view = self.view(endpoint, writing=writing, held=sender.held)
        identifier, expires = message.header.msg_id, sender.expires
        match kind:
            case "set":
                return await self._writing.set(view, request.set, identifier, expires)
            case "add":
                return await self._writing.add(view, request.add, identifier, expires)
            case "delete":
                return await self._writing.delete(view, request.delete, identifier, expires)
            case "operate":
                body = await self._operating.operate(view, request.operate, identifier, expires)
                return body if request.operate.send_resp else None
            case _:
                return usp.Body(response=await _look(view, kind, request))


async def _look(view: View, kind: str, request: usp.Request) -> usp.Response:
    match kind:
        case "get":
            return usp.Response(get_resp=await reading.get(view, request.get))
        case "get_instances":
            return usp.Response(get_instances_resp=await reading.get_instances(view, request.get_instances))
        case "get_supported_dm":
            return usp.Response(
                get_supported_dm_resp=reading.get_supported_dm(view, request.get_supported_dm)
            )
        case "get_supported_protocol":
            answer = usp.GetSupportedProtocolResp(agent_supported_protocol_versions=records.SUPPORTED)
            return usp.Response(get_supported_protocol_resp=answer)
        case "register" | "deregister":
            raise UspFault(Code.MESSAGE_NOT_SUPPORTED, "This agent takes no registrations.")
        case _:
            raise UspFault(Code.MESSAGE_NOT_SUPPORTED, "An agent does not take this message.")


_REQUESTS = {
    "get": usp.Header.GET,
    "get_supported_dm": usp.Header.GET_SUPPORTED_DM,
    "get_instances": usp.Header.GET_INSTANCES,
    "set": usp.Header.SET,
    "add": usp.Header.ADD,
    "delete": usp.Header.DELETE,
    "operate": usp.Header.OPERATE,
    "notify": usp.Header.NOTIFY,
    "get_supported_protocol": usp.Header.GET_SUPPORTED_PROTO,
    "register": usp.Header.REGISTER,
    "deregister": usp.Header.DEREGISTER,
}
_ANSWERS = {
    "get_resp": usp.Header.GET_RESP,
    "get_supported_dm_resp": usp.Header.GET_SUPPORTED_DM_RESP,
    "get_instances_resp": usp.Header.GET_INSTANCES_RESP,
    "set_resp": usp.Header.SET_RESP,
    "add_resp": usp.Header.ADD_RESP,
    "delete_resp": usp.Header.DELETE_RESP,
    "operate_resp": usp.Header.OPERATE_RESP,
    "get_supported_protocol_resp": usp.Header.GET_SUPPORTED_PROTO_RESP,
}


def _type_of(body: usp.Body) -> usp.Header.MsgType:
    if body.WhichOneof("msg_body") == "error":
        return usp.Header.ERROR
    return _ANSWERS[body.response.WhichOneof("resp_type") or ""]


def _error(fault: UspFault) -> usp.Body:
    error = usp.Error(err_code=fault.code, err_msg=fault.message)
    for param in fault.params:
        error.param_errs.add(param_path=param.path, err_code=param.code, err_msg=param.message)
    return usp.Body(error=error)
