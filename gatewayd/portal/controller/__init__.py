"""A small USP controller over MQTT 5: to try a box with, and for the tests. No product: it keeps nothing."""

from gatewayd.portal.controller.client import Controller, Refused

__all__ = ["Controller", "Refused"]
