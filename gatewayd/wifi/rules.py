"""What a network may be, and what a refusal says. Pure: the same answer from every side.

Every refusal names the field, the limit and the length of the value, never the value.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from gatewayd.errors import GatewayError, InvalidField
from gatewayd.system.secret import Secret
from gatewayd.wifi.keys import is_raw_key
from gatewayd.wifi.model import Band, Confirm, NetworkSettings, Security, WifiRadio

SSID_BYTES = 32  # IEEE Std 802.11-2020, 9.4.2.2
PASSPHRASE_LEAST, PASSPHRASE_MOST = 8, 63  # IEEE Std 802.11-2020, J.4.1; 64 would be a raw key
DEADLINE_LEAST, DEADLINE_MOST = 30, 900
_ID = re.compile(r"[a-z][a-z0-9-]{0,23}")
SAE_OPTIONS = ("|mac=", "|vlanid=", "|pk=", "|id=")
"""What hostapd would take for options in a line `sae_password` (its hostapd.conf documents them)."""


def check_ssid(ssid: str) -> None:
    """Raises InvalidField `wifi.invalid_ssid` unless it is 1-32 bytes of UTF-8, no control characters."""
    code = "wifi.invalid_ssid"
    try:
        length = len(ssid.encode())
    except UnicodeEncodeError as error:
        raise InvalidField("ssid", "The network name is not valid Unicode text.", code=code) from error
    if not 1 <= length <= SSID_BYTES:
        raise InvalidField(
            "ssid", f"The network name must have 1 to {SSID_BYTES} bytes; this one has {length}.", code=code
        )
    if any(unicodedata.category(character) == "Cc" for character in ssid):
        raise InvalidField(
            "ssid", f"The network name ({length} bytes) must not contain control characters.", code=code
        )


def check_passphrase(passphrase: Secret | None, security: Security) -> None:
    """Raises InvalidField `wifi.invalid_passphrase` unless `security` can use this passphrase.

    8 to 63 characters of printable ASCII (0x20-0x7E), or 64 hexadecimal digits where no SAE is
    spoken; None exactly where the security knows none.
    """
    code, field = "wifi.invalid_passphrase", "passphrase"
    if not security.has_passphrase:
        if passphrase is not None:
            raise InvalidField(field, f"A network with security {security} has no password.", code=code)
        return
    words = "" if passphrase is None else passphrase.reveal()
    limit = f"{PASSPHRASE_LEAST} to {PASSPHRASE_MOST} characters"
    if passphrase is None:
        raise InvalidField(field, f"Security {security} needs a password of {limit}.", code=code)
    if is_raw_key(words) and security is Security.WPA2:
        return
    if not PASSPHRASE_LEAST <= len(words) <= PASSPHRASE_MOST:
        raw = " or 64 hexadecimal digits" if security is Security.WPA2 else ""
        raise InvalidField(
            field, f"The password must have {limit}{raw}; this one has {len(words)}.", code=code
        )
    if not all(" " <= character <= "~" for character in words):
        raise InvalidField(
            field,
            f"The password ({len(words)} characters) may contain only letters, digits, signs and spaces "
            "of ASCII (0x20 to 0x7E).",
            code=code,
        )
    if security.has_sae and any(option in words for option in SAE_OPTIONS):
        raise InvalidField(
            field,
            f"With WPA3 the password ({len(words)} characters) must not contain any of "
            f"{', '.join(SAE_OPTIONS)}.",
            code=code,
        )


def read_security(name: str) -> Security:
    """The security of this name; raises InvalidField `wifi.invalid_security`."""
    try:
        return Security(name)
    except ValueError:
        known = ", ".join(Security)
        raise InvalidField(
            "security", f"The security must be one of {known}.", code="wifi.invalid_security"
        ) from None


def check_bands(bands: tuple[Band, ...], security: Security, carried: Iterable[Band]) -> None:
    """Raises InvalidField `wifi.invalid_bands` unless some radio carries each band, named once.

    6 GHz has WPA3 and OWE only (IEEE Std 802.11-2020 and the WPA3 specification forbid the rest there).
    """
    code = "wifi.invalid_bands"
    possible = set(carried)
    if not bands or len(set(bands)) != len(bands):
        raise InvalidField("bands", f"Name each band once, at least one; {len(bands)} given.", code=code)
    missing = [band for band in bands if band not in possible]
    if missing:
        here = ", ".join(sorted(possible)) or "none"
        raise InvalidField(
            "bands", f"No radio of this box is on {missing[0]} GHz (it has: {here}).", code=code
        )
    if Band.GHZ_6 in bands and security not in (Security.WPA3, Security.OWE):
        raise InvalidField("bands", "On 6 GHz the security must be wpa3 or owe.", code=code)


def check_deadline(confirm: Confirm, seconds: int) -> None:
    """Raises InvalidField unless a change that waits is given 30 to 900 seconds."""
    if confirm != "none" and not DEADLINE_LEAST <= seconds <= DEADLINE_MOST:
        raise InvalidField(
            "deadline_seconds",
            f"The deadline must be {DEADLINE_LEAST} to {DEADLINE_MOST} seconds; this one is {seconds}.",
        )


def check_id(identifier: str) -> None:
    """Raises InvalidField unless it can name a network or a key: lower-case letters, digits, hyphens."""
    if _ID.fullmatch(identifier) is None:
        raise InvalidField(
            "id",
            "An id has 1 to 24 lower-case letters, digits and hyphens, and begins with a letter; "
            f"this one has {len(identifier)}.",
        )


_GUESSED = frozenset(
    (
        *(
            "12345678",
            "123456789",
            "1234567890",
            "0123456789",
            "87654321",
            "11111111",
            "00000000",
            "11223344",
        ),
        *("12341234", "abcdefgh", "abcd1234", "abc12345", "password", "password1", "passw0rd", "passwort"),
        *(
            "kennwort",
            "geheimnis",
            "qwertyui",
            "qwertyuiop",
            "qwerty123",
            "qwertz123",
            "asdfghjk",
            "1q2w3e4r",
        ),
        *("1qaz2wsx", "iloveyou", "internet", "changeme", "letmein1", "welcome1", "homewifi", "guestwifi"),
    )
)
"""What is tried first: who records one handshake of a network tries thousands of passwords a second."""


def weak(passphrase: Secret | None, ssid: str) -> tuple[str, ...]:
    """A sentence when a password is among the first that anybody tries."""
    words = "" if passphrase is None else passphrase.reveal().casefold()
    if words in _GUESSED or (words and words == ssid.casefold()):
        return ("This password is among the first that anybody tries: who is near the house gets in.",)
    return ()


def risks(old: NetworkSettings | None, new: NetworkSettings) -> tuple[str, ...]:
    """Sentences about what is dangerous in `new` and was not so in `old`."""
    found: list[str] = []
    if old is None or (old.passphrase, old.ssid) != (new.passphrase, new.ssid):
        found += weak(new.passphrase, new.ssid)
    if new.security is Security.OPEN and (old is None or old.security is not Security.OPEN):
        found.append(
            "Anybody near the house can join a network without a password, and read along what is sent in it."
        )
    if new.role == "guest" and not new.isolated and (old is None or old.isolated):
        found.append("Without isolation every guest's device can reach all the others on this network.")
    return tuple(found)


def accept(found: tuple[str, ...], accepted: bool) -> None:
    """Raises GatewayError `wifi.risk_not_accepted` with the dangers, unless they are accepted."""
    if found and not accepted:
        raise GatewayError(
            "wifi.risk_not_accepted",
            f"{' '.join(found)} If that is meant, accept the risk.",
            field="accept_risk",
        )


def check_revision(network: NetworkSettings, wanted: int | None) -> None:
    """Raises GatewayError `revision.lost_race` when somebody has changed the network since `wanted`."""
    if wanted is not None and network.revision != wanted:
        raise GatewayError(
            "revision.lost_race",
            f"The network is at revision {network.revision}, not at {wanted}: read it again.",
            field="if_revision",
        )


def check_room(new: NetworkSettings, others: Iterable[NetworkSettings], radios: Iterable[WifiRadio]) -> None:
    """Raises `wifi.too_many_networks` when a radio would have to carry more networks than it can."""
    if not new.enabled:
        return
    wanted = [new, *(network for network in others if network.enabled and network.network != new.network)]
    for radio in radios:
        count = sum(radio.band in network.bands for network in wanted)
        if radio.band in new.bands and radio.max_bss is not None and count > radio.max_bss:
            raise GatewayError(
                "wifi.too_many_networks",
                f"The radio {radio.id} ({radio.band} GHz, {radio.driver}) carries at most "
                f"{radio.max_bss} networks; this would be number {count}.",
                field="bands",
            )


def check_network(settings: NetworkSettings, carried: Iterable[Band]) -> None:
    """Raises InvalidField for the first field that is outside its limits, or `wifi.keys_unsupported`."""
    check_ssid(settings.ssid)
    check_passphrase(settings.passphrase, settings.security)
    check_bands(settings.bands, settings.security, carried)
    if settings.keys and settings.security is not Security.WPA2:
        raise GatewayError(
            "wifi.keys_unsupported",
            f"Passwords of single devices work with wpa2 only, not with {settings.security}: revoke them "
            "first, and finish a change-over of the password.",
            field="security",
        )
