"""What the probes of services found: television, telephone, mail, the operator's own. See `results.py`."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from gatewayd.diagnostics.result_base import ProbeResult
from gatewayd.diagnostics.words import Layer

TvTrouble = Literal["server", "multicast", "signal"]


class TvResult(ProbeResult, frozen=True, kw_only=True, tag="tv"):
    """Television: whose streams are in trouble (channel names), and where. `multicast` and `stream` are our
    own probes of the provider's television."""

    layer: ClassVar[Layer] = "services"
    wanted: int = 0
    trouble: TvTrouble | None = None
    channels: tuple[str, ...] = ()
    multicast: Literal["flows", "silent"] | None = None
    stream: Literal["keeps_up", "slow", "stands_still", "unreachable"] | None = None
    stream_ratio: float | None = None


PhoneOutcome = Literal[
    "registered", "empty", "alive", "account", "service", "unclear", "refused", "silent", "untrusted",
    "unresolved",
]  # fmt: skip
"""What a telephone's server said. With an account: `registered` when it lets us in and knows a telephone,
`empty` when it knows none, `account` when it turns the account away; without: `alive`. `service`: an error of
its own; `unclear`: an answer that says neither; `refused`: nobody at that port; `untrusted`: not its
certificate; `unresolved`: this line leads to no address of it."""


class PhoneResult(ProbeResult, frozen=True, kw_only=True, tag="phone"):
    """The telephone server's final answer to SIP REGISTER, or to OPTIONS where no account is set (RFC 3261).

    `sip_status` is None when none came, `bindings` how many telephones are registered with the account.
    `lost`: there was one when the line was last well.
    """

    layer: ClassVar[Layer] = "services"
    server: str | None = None
    sip_status: int | None = None
    outcome: PhoneOutcome | None = None
    bindings: int | None = None
    lost: bool = False


MailOutcome = Literal[
    "greeted", "turned_away", "mute", "untrusted", "connected", "refused", "timeout", "unreachable"
]
"""How far a mail server let us: to its `greeted` or `turned_away`; `mute`: connected, and no greeting came;
`connected`: at a port whose language we do not know; else how the connection failed."""


MailUse = Literal["read", "send", "deliver", "other"]


class MailAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One port of a mail server, and for what it is. `secure`: TLS is spoken or offered; None: not asked."""

    target: str
    outcome: MailOutcome
    use: MailUse = "other"
    ms: float | None = None
    secure: bool | None = None


class MailResult(ProbeResult, frozen=True, kw_only=True, tag="mail"):
    """The mail servers' ports, and for a domain whether its mail has somewhere to go.

    `exchangers` are the domain's (its MX records, the best first); None when no domain is set, empty when it
    has none; `lookup` how the question for them ended.
    """

    layer: ClassVar[Layer] = "services"
    servers: tuple[MailAnswer, ...] = ()
    domain: str | None = None
    exchangers: tuple[str, ...] | None = None
    lookup: Literal["found", "none", "refused", "failed"] | None = None


class CloudResult(ProbeResult, frozen=True, kw_only=True, tag="cloud"):
    """The operator's own service."""

    layer: ClassVar[Layer] = "services"
    reached: bool | None = None
    http_status: int | None = None
