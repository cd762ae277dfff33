"""Is a secure connection really with whom it seems to be?"""

from __future__ import annotations

from urllib.parse import urlsplit

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.results import AddressResult, LinkResult, TlsResult
from gatewayd.settings import DiagnosticsSettings

TIMEOUT = 4.5
_SAYS = {
    "trusted": "shows its own certificate",
    "foreign": "shows a certificate that is not its own",
    "not_yet_valid": "shows a certificate that is not valid yet, by this box's clock",
    "expired": "shows a certificate that has run out, by this box's clock",
    "broken": "breaks the handshake off",
    "timeout": "does not answer in time",
    "unreachable": "is not reachable",
    "unresolved": "has no address",
}


class TlsCheck(Check[TlsResult]):
    """A handshake with a server whose key is known."""

    result = TlsResult
    needs = (LinkResult, AddressResult)
    limit = TIMEOUT + 2.0

    async def run(self, around: Surroundings) -> TlsResult:
        server, pins = _server(around.targets)
        if server is None:
            return self.without("skipped", "No secure server to look at is set.")
        sight = await around.world.certificate(
            server, pins, await around.resolvers(), around.clock.now(), TIMEOUT
        )
        detail = f"{server} {_SAYS[sight.outcome]}."
        if sight.outcome == "foreign" and sight.issuer:
            detail += f" It is signed by {sight.issuer}."
        return TlsResult(
            status="ok" if sight.outcome == "trusted" else "failed",
            detail=detail,
            server=server,
            outcome=sight.outcome,
            issuer=sight.issuer,
            not_before=sight.not_before,
            not_after=sight.not_after,
        )


def _server(targets: DiagnosticsSettings) -> tuple[str | None, tuple[str, ...]]:
    """The server and its keys; where none is set, the probe over TLS, whom an authority vouches for."""
    if targets.tls_probe is not None or targets.https_probe_url is None:
        return targets.tls_probe, targets.tls_pins
    parts = urlsplit(targets.https_probe_url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or 443}", ()
