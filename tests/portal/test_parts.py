"""The smaller parts: the owner's veto, the log, the back-off, the box's identity."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.errors import GatewayError, InvalidField
from gatewayd.portal.contracts import Sender
from gatewayd.portal.identity import (
    PortalIdentity,
    draw_endpoint_id,
    endpoints_in,
    is_endpoint_id,
    urn_of,
)
from gatewayd.portal.link import BackOff
from gatewayd.portal.log import PortalLog, bounded
from gatewayd.portal.policy import AREAS, OwnerPolicy, check_areas
from gatewayd.store.database import Database
from tests.portal.broker import Authority
from tests.support.clock import FakeClock
from tests.support.core import AuditTable
from tests.support.store import open_database


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A state of its own."""
    async with open_database(tmp_path) as opened:
        yield opened


async def test_the_veto(database: Database) -> None:
    policy = OwnerPolicy(database, FakeClock(), lambda topic: topic == "upkeep")
    assert policy.veto("wifi.networks.update") is not None  # nothing is allowed before it was read
    await policy.load()
    assert policy.veto("wifi.networks.update") is None
    async with database.unit() as unit:
        policy.change(unit, {"wifi": False, "home": False})
    assert (
        policy.veto("wifi.networks.update")
        == "The owner of this box does not let the operator change the Wi-Fi."
    )
    assert policy.veto("devices.pause") is not None
    assert policy.veto("dvr.recordings.create") is None
    assert policy.veto("jobs.cancel") is None
    again = OwnerPolicy(database, FakeClock(), lambda _: False)
    await again.load()
    assert list(again.vetoed) == ["wifi", "home"]
    async with database.unit() as unit:
        again.change(unit, {"wifi": True})
    assert list(again.vetoed) == ["home"]
    assert policy.may_leave("upkeep")
    assert not policy.may_leave("dvr")


def test_areas_that_there_are_not() -> None:
    check_areas(AREAS)
    with pytest.raises(InvalidField, match="there is no area 'kitchen'"):
        check_areas(["kitchen"])


async def test_a_flood_of_refusals_is_one_line(database: Database) -> None:
    clock = FakeClock()
    log = PortalLog(database, clock, AuditTable(clock))
    sender = Sender(via="mqtt", link="topic", vouches=lambda _: False)
    for _ in range(50):
        await log.refused(sender, "self::thief", "Not who it says.")
    await log.refused(sender, "self::other", "Not who it says.")
    await clock.advance(120)
    await log.refused(sender, "self::thief", "Not who it says.")
    entries = await log.list(None, 10)
    assert [(entry.controller, entry.count) for entry in entries] == [
        ("self::thief", 1),
        ("self::other", 1),
        ("self::thief", 50),
    ]
    audit = await database.fetch_all("SELECT caller, role, via, operation, outcome FROM audit")
    assert [tuple(row) for row in audit] == [
        (f"portal:self::{name}", "portal", "portal", "portal.record", "access.forbidden")
        for name in ("thief", "other", "thief")
    ]


async def test_a_flood_of_names_is_twenty_lines_and_one(database: Database) -> None:
    clock = FakeClock()
    log = PortalLog(database, clock, AuditTable(clock))
    sender = Sender(via="mqtt", link="topic", vouches=lambda _: False)
    for number in range(100):
        await log.refused(sender, f"self::thief-{number}", "Not who it says.")
    entries = await log.list(None, 50)
    assert (len(entries), entries[0].controller, entries[0].count) == (21, "(others)", 80)
    assert len(await database.fetch_all("SELECT * FROM audit")) == 21
    await clock.advance(120)
    await log.refused(sender, "self::thief-77", "Not who it says.")
    assert (await log.list(None, 1))[0].controller == "self::thief-77"


@given(st.text(max_size=1000))
def test_words_from_outside_are_bounded(text: str) -> None:
    assert len(bounded(text)) <= 200
    assert bounded(text).isprintable()


@given(st.integers(1, 10_000))
def test_the_back_off_is_full_jitter(attempt: int) -> None:
    back_off = BackOff(first=1.0, factor=2.0, most=60.0)
    assert 0 < back_off.draw(attempt) <= back_off.ceiling(attempt) <= 60.0


def test_the_back_off_grows() -> None:
    assert [BackOff(first=5, factor=2, most=60).ceiling(n) for n in (1, 2, 3, 4, 5, 6)] == [
        5,
        10,
        20,
        40,
        60,
        60,
    ]


async def test_an_endpoint_id_is_for_life(database: Database) -> None:
    first = await draw_endpoint_id(database)
    assert first.startswith("uuid::")
    assert await draw_endpoint_id(database) == first
    assert await draw_endpoint_id(database, oui="0a1b2c", serial="A 1") == "os::0A1B2C-A%201"


@pytest.mark.parametrize("text", ["uuid::1", "os::012345-77", "self::desk", "proto::interop-usp-controller"])
def test_endpoint_ids(text: str) -> None:
    assert is_endpoint_id(text)
    assert endpoints_in(["https://example.net/", urn_of(text)]) == (text,)


@pytest.mark.parametrize("text", ["", "desk", "::", "self::", "self::a b", "nosuch::x", "self::" + "x" * 200])
def test_what_is_no_endpoint_id(text: str) -> None:
    assert not is_endpoint_id(text)


async def test_an_operators_certificate_is_for_the_boxs_own_key(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    box = _identity(tmp_path, "uuid::box")
    signed = authority.sign_request(await box.request())
    await box.check(signed, authority.pem)
    await box.context(signed, authority.pem)
    await box.context(None, None)
    (tmp_path / "b").mkdir()
    other = _identity(tmp_path / "b", "uuid::box")
    for certificate, pem in (
        (signed, authority.pem),
        ("nonsense", None),
        (None, "nonsense"),
    ):
        with pytest.raises(GatewayError) as caught:
            await other.check(certificate, pem)
        assert caught.value.code == "portal.certificate_invalid"
    renamed = PortalIdentity("uuid::other", tmp_path / "key.pem", tmp_path / "portal")
    with pytest.raises(GatewayError, match="another endpoint"):
        await renamed.check(signed, None)


def _identity(folder: Path, endpoint: str) -> PortalIdentity:
    key = ec.generate_private_key(ec.SECP256R1())
    file = folder / "key.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return PortalIdentity(endpoint, file, folder / "portal")


async def test_the_request_names_the_endpoint(tmp_path: Path) -> None:
    request = x509.load_pem_x509_csr((await _identity(tmp_path, "uuid::box").request()).encode())
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["urn:bbf:usp:id:uuid::box"]
