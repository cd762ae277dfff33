"""The ways in over HTTP: one application behind TLS and behind the Unix socket, and the mDNS advert.

`ApiServer` serves the operations table; `BoxTls` is the box's key and certificate; `Advert` makes the
box findable. Nothing here knows a feature: what can be asked stands in the registry.
"""

from gatewayd.api.authenticate import Authenticator
from gatewayd.api.box import BoxInfo, BoxInfoSource
from gatewayd.api.connections import Limits
from gatewayd.api.given import Given
from gatewayd.api.mdns import Advert
from gatewayd.api.page_files import PageFiles
from gatewayd.api.server import ApiServer
from gatewayd.api.tls import BoxTls

__all__ = [
    "Advert",
    "ApiServer",
    "Authenticator",
    "BoxInfo",
    "BoxInfoSource",
    "BoxTls",
    "Given",
    "Limits",
    "PageFiles",
]
