"""What the box can be asked: its OpenAPI document, read the other way round (name -> HTTP request)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewayd.cli.refusals import Refused
from gatewayd.client import catalogue, errors
from gatewayd.client.catalogue import Entry, HttpRequest

__all__ = ["Catalogue", "Entry", "HttpRequest"]


class Catalogue(catalogue.Catalogue):
    """The operations in an OpenAPI document, by `operationId`."""

    def request(self, name: str, arguments: Mapping[str, Any]) -> HttpRequest:
        """As the client's, with the command line's own refusal."""
        try:
            return super().request(name, arguments)
        except errors.Refused as refusal:
            problem = dict(refusal.problem)
            if refusal.code == "operation.unknown":
                problem["detail"] += " `gatewayctl operations` lists them."
            raise Refused(problem) from None
