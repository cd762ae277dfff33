"""Device.LocalAgent: who may what (ControllerTrust), and the certificates that are known (TR-181 2.16)."""

from __future__ import annotations

from typing import Any

from cryptography import x509

from gatewayd.portal.model import Node, Object, Param
from gatewayd.portal.objects.shared import VENDOR, alias, always, enable, told
from gatewayd.portal.view import View
from gatewayd.portal.wiring import LINK

AGENT = "Device.LocalAgent."


def _mask(text: str) -> str | None:
    good = len(text) == 4 and all(have in (want, "-") for have, want in zip(text, "rwxn", strict=True))
    return None if good else "A permission is four characters, rwxn, each of which may be - instead."


def _trust() -> tuple[Object, ...]:
    trust = f"{AGENT}ControllerTrust."
    masks = ("Param", "Obj", "InstantiatedObj", "CommandEvent")
    return (
        Object(
            path=trust,
            stored=True,
            params=(
                Param(name="UntrustedRole", kind="list", access="rw", most=1024),
                Param(name="TOFUAllowed", kind="boolean", read=always(False)),
            ),
        ),
        Object(
            path=f"{trust}Role.{{i}}.",
            stored=True,
            addable=True,
            deletable=True,
            count="RoleNumberOfEntries",
            keys=(("Alias",), ("Name",)),
            params=(alias(stored=True), enable(), Param(name="Name", access="once", most=64)),
        ),
        Object(
            path=f"{trust}Role.{{i}}.Permission.{{i}}.",
            stored=True,
            addable=True,
            deletable=True,
            count="PermissionNumberOfEntries",
            keys=(("Alias",), ("Order",)),
            params=(
                alias(stored=True),
                enable(),
                Param(name="Order", kind="unsignedInt", access="rw", default="0"),
                Param(name="Targets", kind="list", access="rw", most=8192),
                *(Param(name=name, access="rw", default="----", check=_mask) for name in masks),
            ),
        ),
        Object(
            path=f"{trust}Credential.{{i}}.",
            stored=True,
            addable=True,
            deletable=True,
            count="CredentialNumberOfEntries",
            keys=(("Alias",), ("Credential",)),
            params=(
                alias(stored=True),
                enable(),
                Param(name="Role", kind="list", access="rw", most=1024),
                Param(name="Credential", access="rw", most=256),
            ),
        ),
    )


async def _certificates(view: View, _parent: Node) -> list[tuple[str, Any]]:
    """The one that the operator issued for the box, and those of his authority."""
    row = view.stored.row(LINK) or {}
    found: list[tuple[str, Any]] = []
    for kind, name in (("box", "Certificate"), ("authority", "Authority")):
        if pem := row.get(name):
            known = x509.load_pem_x509_certificates(pem.encode())  # checked before it was stored
            found += [(f"{kind}/{each.serial_number:x}", each) for each in known]
    return found


def _certificate() -> Object:
    return Object(
        path=f"{AGENT}Certificate.{{i}}.",
        rows=_certificates,
        count="CertificateNumberOfEntries",
        keys=(("Alias",), ("SerialNumber", "Issuer")),
        params=(
            alias(),
            Param(name="Enable", kind="boolean", read=always(True)),
            Param(name="SerialNumber", read=lambda node: f"{node.row.serial_number:X}"),
            Param(name="Issuer", read=lambda node: node.row.issuer.rfc4514_string()[:256]),
        ),
    )


async def _areas(view: View, _parent: Node) -> list[tuple[str, Any]]:
    return [
        (area, {"name": area, "allowed": allowed})
        for area, allowed in (await view.ask("portal.get"))["allowed"].items()
    ]


def _policy() -> Object:
    """What the owner lets controllers change; their roles say what they may besides."""
    return Object(
        path=f"{AGENT}{VENDOR}Policy.{{i}}.",
        rows=_areas,
        count=f"{VENDOR}PolicyNumberOfEntries",
        keys=(("Name",),),
        needs=("portal.get",),
        params=(
            Param(name="Name", read=told("name")),
            Param(name="Allowed", kind="boolean", read=told("allowed")),
        ),
    )


def objects() -> tuple[Object, ...]:
    """The whole area."""
    return (*_trust(), _certificate(), _policy())
