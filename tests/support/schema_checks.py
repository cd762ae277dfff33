"""What schemathesis is told of this API beyond its OpenAPI document."""

from __future__ import annotations

from typing import Any

import schemathesis
from schemathesis.openapi.checks import IgnoredAuth
from schemathesis.specs.openapi.checks import ignored_auth


@schemathesis.check
def token_needed(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    """As `ignored_auth`, but being told to wait (429) after many wrong tokens is a refusal, too."""
    try:
        ignored_auth(ctx, response, case)
    except IgnoredAuth as failure:
        if "got `429 " not in failure.message:
            raise
