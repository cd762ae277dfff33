"""The installer's settings: TOML into frozen structs. The daemon never writes them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from gatewayd.errors import GatewayError

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
SYSTEM_FILE = Path("/etc/gatewayd/gatewayd.toml")
_DOMAIN = r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?\Z"
_HOST_AND_PORT = r"^[^\s:]{1,253}:\d{1,5}\Z|^\[[0-9a-fA-F:]{2,45}\]:\d{1,5}\Z"
_SIP_ACCOUNT = r"^[A-Za-z0-9+_.!~*'()&=$,%-]{1,64}(@[A-Za-z0-9.:\[\]-]{1,253})?\Z"  # RFC 3261, 25.1: user
_SIP_LOGIN = r"^[!-~]{1,128}\Z"


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class BoxSettings(_Section, frozen=True, kw_only=True):
    """What the box says of itself. `name` is shown to people; `model` is in the mDNS advert.

    `time_zone` is the IANA name of the zone that schedules are written in until the household chooses
    one; left out, the system's.
    """

    name: str = "Home box"
    model: str = "gatewayd"
    time_zone: str | None = None


class ApiSettings(_Section, frozen=True, kw_only=True):
    """The HTTPS listener. `hosts` are further names that requests may be addressed to.

    `certificate` and `key` are files (PEM, the whole chain) for a name of one's own: whoever asks for one of
    the certificate's names gets it, everybody else the box's own, which apps pin.
    """

    port: Port = 443
    address: str | None = None
    hosts: tuple[str, ...] = ()
    advertise: bool = True
    certificate: str | None = None
    key: str | None = None


class ClockSettings(_Section, frozen=True, kw_only=True):
    """Whether wall time may expire things before NTP has spoken."""

    trust: Literal["auto", "always"] = "auto"


class NetworkSettings(_Section, frozen=True, kw_only=True):
    """The box's place in the home. Interface names; `mode` host means: not in the path."""

    mode: Literal["router", "bridge", "host"] = "host"
    wan: str | None = None
    lan: str | None = None
    guest: str | None = None

    @property
    def bridges(self) -> dict[str, str]:
        """The bridge of each kind of Wi-Fi network, where the box is in the path and has one for it."""
        if self.mode == "host":
            return {}
        named = {"home": self.lan, "iot": self.lan, "guest": self.guest}
        return {role: bridge for role, bridge in named.items() if bridge is not None}


class WifiSettings(_Section, frozen=True, kw_only=True):
    """The radio. `auto` takes the first driver that the hardware carries."""

    driver: Literal["auto", "hostapd", "networkmanager", "simulated"] = "auto"
    interfaces: tuple[str, ...] = ()
    country: str | None = None
    hostapd_binary: str = "/usr/sbin/hostapd"
    run_dir: str = "/run/hostapd"
    scan_interface: str | None = None
    channel: Annotated[int, msgspec.Meta(ge=1, le=196)] | None = None
    max_changes_per_minute: Annotated[int, msgspec.Meta(ge=1, le=60)] = 6


class DvrSettings(_Section, frozen=True, kw_only=True):
    """Television. `folder` is the recorder's own; `allow_loopback` is for tests only.

    `multicast_interface` is where multicast groups are joined; left out, as the routes say.
    """

    folder: str = "/var/lib/gatewayd-media"
    multicast_interface: Annotated[str, msgspec.Meta(min_length=1, max_length=15)] | None = None
    allow_loopback: bool = False
    testcard: bool = True
    tuner_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0


class DiagnosticsSettings(_Section, frozen=True, kw_only=True):
    """Probe targets. One that is unset makes its check `skipped`.

    Anchors are `address:port` (`[address]:port` for IPv6) of at least three operators; two that answer
    are enough. `resolvers` empty means those of /etc/resolv.conf. `public_resolver` is asked directly to
    tell a broken resolver from a broken line. `http_probe_url` is plain http and answers 204,
    `https_probe_url` the same over TLS. `dns_canary` is an address at which no DNS server can be (one of
    RFC 5737): an answer from there is somebody else's. `dot_server` (`address[:port]#name`) and `doh_url` are
    asked whether encrypted DNS gets through. `tls_probe` is `host:port` (left out: that of
    `https_probe_url`); `tls_pins` are SHA-256 sums (hex) of the public keys that it may have. `bulk_url`
    serves about 200 kB. `cloud_url` is the operator's own service. `speedtest_url` is a speed-test server
    (`gatewayd speedtest-server`, or another one of the IETF's responsiveness test). `plan_*` is what was
    bought. `tv_multicast` is `group:port`.

    `sip_server` is `host[:port]`; without a port its SRV records are looked up. With `sip_account` (`user` or
    `user@domain`) and `sip_password_file` (its first line is the password) the registrar is asked whether the
    account is let in and a telephone registered; `sip_login` is the name for the password if it is another.
    Mail servers are `host:port`; `mail_domain` is a domain whose mail must have somewhere to go.
    """

    anchors_v4: tuple[str, ...] = ()
    anchors_v6: tuple[str, ...] = ()
    resolvers: tuple[str, ...] = ()
    public_resolver: str | None = None
    dns_names: tuple[str, ...] = ()
    http_probe_url: str | None = None
    speedtest_url: str | None = None
    https_probe_url: str | None = None
    dns_canary: str | None = None
    dot_server: str | None = None
    doh_url: str | None = None
    ntp_server: str | None = None
    tls_probe: str | None = None
    tls_pins: tuple[str, ...] = ()
    bulk_url: str | None = None
    cloud_url: str | None = None
    sip_server: str | None = None
    sip_transport: Literal["udp", "tcp", "tls"] = "udp"
    sip_account: Annotated[str, msgspec.Meta(pattern=_SIP_ACCOUNT)] | None = None
    sip_login: Annotated[str, msgspec.Meta(pattern=_SIP_LOGIN)] | None = None
    sip_password_file: str | None = None
    mail_servers: tuple[Annotated[str, msgspec.Meta(pattern=_HOST_AND_PORT)], ...] = ()
    mail_domain: Annotated[str, msgspec.Meta(pattern=_DOMAIN)] | None = None
    tv_stream_url: str | None = None
    tv_multicast: str | None = None
    plan_down_mbits: Annotated[float, msgspec.Meta(gt=0)] | None = None
    plan_up_mbits: Annotated[float, msgspec.Meta(gt=0)] | None = None


class RepairSettings(_Section, frozen=True, kw_only=True):
    """How self-repair restarts the modem: an HTTP call that answers 2xx. Without `modem_url` it does not.

    The first line of `modem_authorization_file` is sent as the header Authorization.
    """

    modem_url: str | None = None
    modem_method: Literal["GET", "POST", "PUT"] = "POST"
    modem_body: str | None = None
    modem_content_type: str = "application/x-www-form-urlencoded"
    modem_authorization_file: str | None = None


class AccessSettings(_Section, frozen=True, kw_only=True):
    """Who may come in. `operator_key` is the public key (PEM, P-256 or Ed25519) that technicians' grants are
    signed with; without one only the owner lets technicians in."""

    operator_key: str | None = None


class EmailSettings(_Section, frozen=True, kw_only=True):
    """Where alerts are mailed. Nothing is sent while `host` or `to` is missing.

    `security` `none` is for a mail server on the box itself. `password_file` is one that only the daemon
    can read; its first line is the password. `ca_file` trusts a private authority.
    """

    host: str | None = None
    port: Port = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password_file: str | None = None
    sender: str | None = None
    to: tuple[str, ...] = ()
    ca_file: str | None = None


class PortalSettings(_Section, frozen=True, kw_only=True):
    """How the operator's systems know the box: the maker's `oui` (six hexadecimal digits) and `serial` make
    its endpoint id `os::OUI-serial`; without them it draws one."""

    oui: Annotated[str, msgspec.Meta(pattern="^[0-9A-Fa-f]{6}$")] | None = None
    serial: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None


class Settings(_Section, frozen=True, kw_only=True):
    """The whole file, a struct for each section."""

    box: BoxSettings = BoxSettings()
    api: ApiSettings = ApiSettings()
    clock: ClockSettings = ClockSettings()
    network: NetworkSettings = NetworkSettings()
    wifi: WifiSettings = WifiSettings()
    dvr: DvrSettings = DvrSettings()
    diagnostics: DiagnosticsSettings = DiagnosticsSettings()
    repair: RepairSettings = RepairSettings()
    access: AccessSettings = AccessSettings()
    email: EmailSettings = EmailSettings()
    portal: PortalSettings = PortalSettings()


def load(path: Path) -> Settings:
    """Reads a file. Raises GatewayError `settings.invalid` that names the file, the line and the key."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise GatewayError("settings.invalid", f"{path}: {error}") from error
    return parse(text, str(path))


def parse(text: str, name: str = "gatewayd.toml") -> Settings:
    """Settings from TOML text. Raises GatewayError `settings.invalid` with `name`, line and key."""
    try:
        return msgspec.convert(tomllib.loads(text), Settings)
    except tomllib.TOMLDecodeError as error:
        raise GatewayError("settings.invalid", f"{name}: {error}") from None
    except msgspec.ValidationError as error:
        raise _refusal(text, name, str(error)) from None


def _refusal(text: str, name: str, message: str) -> GatewayError:
    sentence, _, place = message.partition(" - at `$.")
    keys = [key for key in re.sub(r"\[[^\]]*\]", "", place.rstrip("`")).split(".") if key]
    if unknown := re.search(r"unknown field `([^`]*)`", sentence):
        keys.append(unknown[1])
        sentence = "this key is not known"
    line = line_of(text, keys)
    where = f"{name}, line {line}" if line else name
    return GatewayError("settings.invalid", f"{where}: {'.'.join(keys)}: {sentence}", field=".".join(keys))


def line_of(text: str, keys: list[str]) -> int | None:
    """The line (from 1) on which a dotted key stands, or its table's header; None when it cannot be found."""
    table: list[str] = []
    header: int | None = None
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if match := re.match(r"\[\[?([^\]]+)\]\]?", stripped):
            table = _dotted(match[1])
            if table == keys[: len(table)]:
                header = number
        elif match := re.match(r"""((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'|\s*\.\s*)+)\s*=""", stripped):
            full = table + _dotted(match[1])
            if full == keys[: len(full)]:
                return number
    return header


def _dotted(text: str) -> list[str]:
    return [part.strip().strip("\"'") for part in text.split(".")]


def merged(settings: Settings, **sections: dict[str, Any]) -> Settings:
    """The same settings with some keys of some sections replaced."""
    return msgspec.structs.replace(
        settings,
        **{
            name: msgspec.structs.replace(getattr(settings, name), **values)
            for name, values in sections.items()
        },
    )
