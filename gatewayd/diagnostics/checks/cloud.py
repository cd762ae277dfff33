"""Does the operator's own service answer?"""

from __future__ import annotations

from urllib.parse import urlsplit

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.results import InternetResult
from gatewayd.diagnostics.service_results import CloudResult

TIMEOUT = 4.0


class CloudCheck(Check[CloudResult]):
    """One GET. Any answer but a server's error shows that it lives."""

    result = CloudResult
    needs = (InternetResult,)
    limit = TIMEOUT + 2.0

    async def run(self, around: Surroundings) -> CloudResult:
        url = around.targets.cloud_url
        if url is None:
            return self.without("skipped", "No online service is set.")
        if await around.address_of(urlsplit(url).hostname or "") is None:
            return self.without("skipped", "This line leads to no address of the online service.")
        answer = await around.world.get(url, await around.resolvers(), TIMEOUT)
        reached = answer.status is not None and answer.status < 500
        return CloudResult(
            status="ok" if reached else "warn",
            detail="The box's online service answers."
            if reached
            else "The box's online service does not answer.",
            reached=reached,
            http_status=answer.status,
        )
