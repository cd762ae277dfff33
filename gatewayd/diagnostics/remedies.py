"""Every sentence that tells a person what to do, once: a language is this one file.

Each names the next step and who takes it. `side` says whose fault the verdict claims: a remedy that
sends a household to its provider for a fault at home, or the other way round, is the worst mistake.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from gatewayd.diagnostics.words import Layer, Verdict, Who

Side = Literal["nobody", "home", "edge", "provider", "service", "box", "unknown"]
"""`edge`: the modem or router that the provider handed out; the household can restart it itself."""


class Remedy(NamedTuple):
    """Where the fault lies, who takes the next step, that step, and the one line for a status."""

    layer: Layer
    side: Side
    who: Who
    sentence: str
    short: str


REMEDIES: dict[Verdict, Remedy] = {
    "OK": Remedy(
        "none", "nobody", "nobody",
        "Nothing to do: the connection works.",
        "The internet works.",
    ),
    "OK_IPV6_ONLY": Remedy(
        "none", "nobody", "nobody",
        "Nothing to do: the line carries IPv6 only, and that works.",
        "The internet works (IPv6 only).",
    ),
    "OK_CLOUD_DOWN": Remedy(
        "none", "service", "service",
        "Nothing to do at home: the connection works. Only the box's own online service is away; its "
        "operator brings it back, and the box goes on by itself.",
        "The internet works; the box's online service is away.",
    ),
    "LINK_DOWN": Remedy(
        "link", "home", "household",
        "Check at home that the cable between this box and the modem sits firmly at both ends and that the "
        "modem is switched on; then try another cable.",
        "No signal on the cable to the modem.",
    ),
    "LINK_FLAPPING": Remedy(
        "link", "home", "household",
        "The signal on the cable to the modem comes and goes. Push the plug in firmly at both ends, then "
        "try another cable and another port of the modem; if it stays so, the modem or its power supply is "
        "failing.",
        "The cable to the modem loses its signal again and again.",
    ),
    "LINK_SLOW_PORT": Remedy(
        "link", "home", "household",
        "The cable to the modem carries only 100 Mbit/s where the port could do more. Replace the cable by "
        "one with all eight wires (Cat 5e or better).",
        "The cable to the modem is a brake.",
    ),
    "ADDR_NO_LEASE": Remedy(
        "address", "edge", "household",
        "Switch the modem off for one minute and on again, and wait five minutes. If the box still gets no "
        "address, call the provider and say that its DHCP gives none.",
        "The line gives the box no address.",
    ),
    "ADDR_POOL_FULL": Remedy(
        "address", "edge", "household",
        "The modem has given all its addresses away. Switch off devices that are plugged into the modem and"
        " not needed, restart the modem, or enlarge its DHCP range; if the provider hands out the "
        "addresses, tell it.",
        "The modem has no address left for the box.",
    ),
    "ADDR_DUPLICATE": Remedy(
        "address", "home", "household",
        "Another device uses this box's address. Find what was added or set to a fixed address lately, and "
        "let it get its address by itself (DHCP); then restart both.",
        "Another device uses the box's address.",
    ),
    "ADDR_LEASE_LOST": Remedy(
        "address", "edge", "household",
        "The box had an address, and the modem no longer renews it. Restart the modem and wait five "
        "minutes; if no address comes, call the provider and say that DHCP has stopped answering.",
        "The line has taken the box's address away.",
    ),
    "ADDR_SUBNET_CLASH": Remedy(
        "address", "home", "technician",
        "The home network and the modem use the same address range, so neither knows where to send. Change "
        "the home network's range in this box's settings, for instance to 192.168.77.x.",
        "Home and modem use the same addresses.",
    ),
    "ROUTE_MISSING": Remedy(
        "gateway", "home", "household",
        "Restart this box: it has an address but no way out. If you set the network up by hand, enter the "
        "modem's address as the gateway.",
        "The box knows no way to the internet.",
    ),
    "GW_NO_ARP": Remedy(
        "gateway", "edge", "household",
        "Switch the modem off for one minute and on again: the cable has a signal, but the modem does not "
        "answer. If that does not help, ask the provider to check the modem.",
        "The modem does not answer.",
    ),
    "ISP_UPSTREAM_DOWN": Remedy(
        "internet", "provider", "provider",
        "Everything at home works; the fault is at the provider. Look at its outage page or call it; there "
        "is nothing to change at home.",
        "The provider's network is down.",
    ),
    "V4_DOWN": Remedy(
        "internet", "provider", "household",
        "Only IPv6 gets through, so some sites fail. Restart the modem once; if it stays, tell the provider"
        " that IPv4 is broken.",
        "IPv4 is down, IPv6 works.",
    ),
    "V6_DOWN": Remedy(
        "internet", "provider", "household",
        "Most things work over IPv4. Restart the modem once; if it stays, tell the provider that IPv6 is "
        "broken.",
        "IPv6 is down, IPv4 works.",
    ),
    "DNS_TIMEOUT": Remedy(
        "dns", "service", "household",
        "Names are not resolved because the DNS server does not answer. Restart the modem; if it stays, set"
        " another DNS server in the box's network settings, or tell the provider.",
        "The DNS server does not answer.",
    ),
    "DNS_SERVFAIL": Remedy(
        "dns", "service", "household",
        "The DNS server answers with errors. Set another DNS server in the box's network settings, or wait "
        "and tell whoever runs it.",
        "The DNS server answers with errors.",
    ),
    "DNS_HIJACK_NX": Remedy(
        "dns", "provider", "household",
        "The DNS server invents addresses for names that do not exist. Set another DNS server in the box's "
        "network settings, or switch the provider's search assistant off in its customer page.",
        "The DNS server invents answers.",
    ),
    "DNS_SLOW": Remedy(
        "dns", "service", "household",
        "Names are resolved slowly, so every page starts late. Set another DNS server in the box's network "
        "settings; if the modem is the DNS server, restart it first.",
        "The DNS server is slow.",
    ),
    "DNS_INTERCEPTED": Remedy(
        "dns", "provider", "technician",
        "Somebody between here and the internet answers all DNS questions itself, whichever server is "
        "asked. Look for parental control or a DNS redirect in the modem; else ask the provider, or use "
        "encrypted DNS.",
        "DNS questions are answered by somebody in between.",
    ),
    "DNS_LOCAL": Remedy(
        "dns", "box", "household",
        "The box's own name service has stopped. Restart this box; if it comes back, send its maker a "
        "support bundle.",
        "The box's own name service has stopped.",
    ),
    "CAPTIVE_PORTAL": Remedy(
        "http", "provider", "household",
        "Open any page in a browser on this network and sign in or accept the terms there: the network in "
        "front of the box holds everything back until then.",
        "A sign-in page holds the connection back.",
    ),
    "WALLED_GARDEN": Remedy(
        "http", "provider", "household",
        "The provider shows its own page instead of the internet. Open any page in a browser and read it: "
        "most often an activation or a payment is due; then call the provider.",
        "The provider shows its own page instead of the internet.",
    ),
    "CLOCK_WRONG": Remedy(
        "box", "box", "household",
        "The box's clock is wrong, so secure connections fail. Restart the box while the internet works; if"
        " the clock is wrong again, its battery is empty or a time server is blocked: ask a technician.",
        "The box's clock is wrong.",
    ),
    "TLS_INTERCEPTED": Remedy(
        "transport", "unknown", "technician",
        "Somebody in between opens secure connections: the certificate is not the server's own. Look for a "
        "web filter or virus scanner in the modem or a firewall and switch it off; enter no password until "
        "then.",
        "Secure connections are opened on the way.",
    ),
    "MTU_BLACKHOLE": Remedy(
        "transport", "provider", "technician",
        "Small packets pass and big ones vanish, so pages hang half-loaded. Set the WAN's MTU to 1492 (or "
        "1400) in the modem or this box, and tell the provider that it drops big packets without a word.",
        "Big packets vanish on the way.",
    ),
    "TCP_BLOCKED": Remedy(
        "transport", "unknown", "technician",
        "Something lets names or pings through and blocks connections. Whoever manages the firewall (in the"
        " modem, or the provider's parental control) has to allow outgoing connections.",
        "Connections are blocked on the way.",
    ),
    "LOSS_WAN": Remedy(
        "quality", "provider", "provider",
        "The line loses packets. Check that the modem's plugs sit firmly and restart it once; if the loss "
        "stays, give the provider this diagnosis: it has to measure the line.",
        "The line loses packets.",
    ),
    "LOSS_BURSTY": Remedy(
        "quality", "provider", "provider",
        "The line breaks off for moments. Check that the modem's plugs sit firmly and note when it happens;"
        " the provider has to measure the line over a day.",
        "The line breaks off for moments.",
    ),
    "JITTER_WAN": Remedy(
        "quality", "provider", "provider",
        "The line's delay varies, which calls and games feel. Restart the modem once; if it stays, give the"
        " provider this diagnosis.",
        "The line's delay varies.",
    ),
    "BUFFERBLOAT": Remedy(
        "quality", "edge", "technician",
        "Whenever the line is full, everything waits. Switch on queue management (SQM, fq_codel or CAKE) in"
        " the router that is the bottleneck, at nine tenths of the line's rate.",
        "The line waits whenever it is full.",
    ),
    "SLOW_BELOW_PLAN": Remedy(
        "quality", "provider", "provider",
        "The line delivers less than was bought, measured at the box itself. Restart the modem once and "
        "measure again at another time of day; then give the provider these figures.",
        "The line is slower than was bought.",
    ),
    "BUSY_LINE": Remedy(
        "quality", "home", "household",
        "Somebody at home is using the whole line: wait, or pause the download or upload. It is no fault of"
        " the line.",
        "The line is full with the home's own traffic.",
    ),
    "WIFI_WEAK": Remedy(
        "wifi", "home", "household",
        "The internet works up to the box, but a device hears its Wi-Fi badly. Move the device or the box, "
        "or put a repeater half way between them.",
        "The internet works; a device is far from the Wi-Fi.",
    ),
    "LAN_CLIENT_LOSS": Remedy(
        "wifi", "home", "household",
        "The internet works up to the box, but a device at home loses packets on its way to the box. Check "
        "its cable, or its place if it is on Wi-Fi.",
        "The internet works; a device at home loses packets.",
    ),
    "SELF_OVERLOADED": Remedy(
        "box", "box", "household",
        "The box has too much to do, so everything through it is slow. Wait until recordings and exports "
        "have ended, or restart the box; if it stays so, send its maker a support bundle.",
        "The box is too busy.",
    ),
    "SELF_DISK": Remedy(
        "box", "box", "household",
        "The connection works, but the box's disk is almost full. Delete recordings that you have seen.",
        "The internet works; the box's disk is almost full.",
    ),
    "PHONE_REG_FAIL": Remedy(
        "services", "service", "provider",
        "The internet works, but the telephone's server does not take calls. Restart the telephone adapter "
        "once; then the telephone provider has to look.",
        "The internet works; the telephone does not.",
    ),
    "PHONE_ACCOUNT": Remedy(
        "services", "service", "technician",
        "The internet works, but the telephone's server turns the account away: its name or password is "
        "wrong or it is blocked. Compare them with the telephone provider's letter, in the telephone adapter "
        "and in this box; if they are right, the telephone provider has to look.",
        "The internet works; the telephone's account is turned away.",
    ),
    "PHONE_NOT_REGISTERED": Remedy(
        "services", "home", "household",
        "The internet and the telephone's server work, but the telephone is not registered there. Check that "
        "the telephone adapter is switched on and connected, and restart it; if it stays so, its account has "
        "to be entered anew.",
        "The internet works; the telephone is not registered.",
    ),
    "TV_STREAM_SERVER": Remedy(
        "services", "service", "service",
        "The internet works, but the television's server does not deliver in time. Nothing to do at home; "
        "tell whoever runs the television service.",
        "The internet works; the television's server is slow.",
    ),
    "TV_MULTICAST": Remedy(
        "services", "provider", "technician",
        "The television's multicast does not arrive. Check that the modem and every switch on the way pass "
        "multicast (IGMP snooping with a querier); if they do, the provider has to look.",
        "The internet works; the television's multicast does not arrive.",
    ),
    "TV_SIGNAL": Remedy(
        "services", "home", "technician",
        "The television's signal is bad where it enters the house. Check the antenna, its cable and plugs, "
        "and the level at the wall socket.",
        "The internet works; the antenna's signal is bad.",
    ),
    "MAIL_UNREACHABLE": Remedy(
        "services", "service", "service",
        "The internet works, but the mail server cannot be used. Wait, or look at the mail provider's status "
        "page; check the server's name and port (993 to read, 465 or 587 to send; 25 is closed on many "
        "lines) if they were changed lately.",
        "The internet works; the mail server does not answer.",
    ),
    "UNSTABLE": Remedy(
        "internet", "provider", "provider",
        "It works at the moment, but the line has come and gone several times in the last quarter of an "
        "hour. Note the times (the outage list has them) and give them to the provider.",
        "The line comes and goes.",
    ),
    "UNKNOWN": Remedy(
        "none", "unknown", "household",
        "The box could not look closely enough to say. Run the diagnosis again in a minute; if it stays so,"
        " ask who installed the box to set its probe targets.",
        "The box cannot tell.",
    ),
}  # fmt: skip
