"""Every sentence that tells a person what to do, once: a language is this one file.

Each names the next step and who takes it. `side` says whose fault the verdict claims: a remedy that
sends a household to its provider for a fault at home, or the other way round, is the worst mistake.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from gatewayd.diagnostics.model import Layer, Verdict

Side = Literal["nobody", "home", "edge", "provider", "service", "box", "unknown"]
"""`edge`: the modem or router that the provider handed out; the household can restart it itself."""


class Remedy(NamedTuple):
    """Where the fault lies, the sentence of the next step, and the one line for a status."""

    layer: Layer
    side: Side
    sentence: str
    short: str


REMEDIES: dict[Verdict, Remedy] = {
    "OK": Remedy("none", "nobody", "Nothing to do: the connection works.", "The internet works."),
    "OK_IPV6_ONLY": Remedy(
        "none", "nobody", "Nothing to do: the line carries IPv6 only, and that works.",
        "The internet works (IPv6 only).",
    ),
    "LINK_DOWN": Remedy(
        "link", "home",
        "Check at home that the cable between this box and the modem sits firmly at both ends and that the "
        "modem is switched on; then try another cable.",
        "No signal on the cable to the modem.",
    ),
    "ADDR_NO_LEASE": Remedy(
        "address", "edge",
        "Switch the modem off for one minute and on again, and wait five minutes. If the box still gets no "
        "address, call the provider and say that its DHCP gives none.",
        "The line gives the box no address.",
    ),
    "ROUTE_MISSING": Remedy(
        "gateway", "home",
        "Restart this box: it has an address but no way out. If you set the network up by hand, enter the "
        "modem's address as the gateway.",
        "The box knows no way to the internet.",
    ),
    "GW_NO_ARP": Remedy(
        "gateway", "edge",
        "Switch the modem off for one minute and on again: the cable has a signal, but the modem does not "
        "answer. If that does not help, ask the provider to check the modem.",
        "The modem does not answer.",
    ),
    "ISP_UPSTREAM_DOWN": Remedy(
        "internet", "provider",
        "Everything at home works; the fault is at the provider. Look at its outage page or call it; there "
        "is nothing to change at home.",
        "The provider's network is down.",
    ),
    "V4_DOWN": Remedy(
        "internet", "provider",
        "Only IPv6 gets through, so some sites fail. Restart the modem once; if it stays, tell the provider "
        "that IPv4 is broken.",
        "IPv4 is down, IPv6 works.",
    ),
    "V6_DOWN": Remedy(
        "internet", "provider",
        "Most things work over IPv4. Restart the modem once; if it stays, tell the provider that IPv6 is "
        "broken.",
        "IPv6 is down, IPv4 works.",
    ),
    "TCP_BLOCKED": Remedy(
        "internet", "unknown",
        "Something lets names through and blocks connections. Whoever manages the firewall (in the modem, "
        "or the provider's parental control) has to allow outgoing connections.",
        "Connections are blocked on the way.",
    ),
    "DNS_TIMEOUT": Remedy(
        "dns", "service",
        "Names are not resolved because the DNS server does not answer. Restart the modem; if it stays, set "
        "another DNS server in the box's network settings, or tell the provider.",
        "The DNS server does not answer.",
    ),
    "DNS_SERVFAIL": Remedy(
        "dns", "service",
        "The DNS server answers with errors. Set another DNS server in the box's network settings, or wait "
        "and tell whoever runs it.",
        "The DNS server answers with errors.",
    ),
    "DNS_LOCAL": Remedy(
        "dns", "box",
        "The box's own name service has stopped. Restart this box; if it comes back, send its maker a "
        "support bundle.",
        "The box's own name service has stopped.",
    ),
    "CAPTIVE_PORTAL": Remedy(
        "http", "provider",
        "Open any page in a browser on this network and sign in or accept the terms there: the network in "
        "front of the box holds everything back until then.",
        "A sign-in page holds the connection back.",
    ),
    "SELF_DISK": Remedy(
        "box", "box",
        "The connection works, but the box's disk is almost full. Delete recordings that you have seen.",
        "The internet works; the box's disk is almost full.",
    ),
    "UNKNOWN": Remedy(
        "none", "unknown",
        "The box could not look closely enough to say. Run the diagnosis again in a minute; if it stays so, "
        "ask who installed the box to set its probe targets.",
        "The box cannot tell.",
    ),
}  # fmt: skip
