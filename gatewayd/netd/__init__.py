"""The privileged helper: a small process that holds the capabilities which gatewayd must not have.

It listens on one Unix socket, hears only gatewayd's uid, and knows seven verbs (`verbs.py`). Each verb is
a typed struct that is checked again on this side of the socket: a gatewayd that has been taken over can
ask for nothing that the verbs cannot express. Nothing here imports the rest of gatewayd except
`system`, `errors`. gatewayd itself speaks to `client.NetworkDoor`.
"""

from gatewayd.netd.client import NetdClient, NetworkDoor
from gatewayd.netd.simulated import SimulatedNetwork

__all__ = ["NetdClient", "NetworkDoor", "SimulatedNetwork"]
