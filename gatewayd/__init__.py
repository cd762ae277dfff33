"""gatewayd: the daemon on a household's gateway. `docs/architecture.md` shows the house."""

__version__ = "0.1.0"
