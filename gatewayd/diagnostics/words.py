"""The words of diagnostics: how a probe ended, where a fault lies, and what a verdict is called."""

from __future__ import annotations

from typing import Literal

Status = Literal["ok", "warn", "failed", "skipped", "unknown"]
"""`skipped`: not asked, for the reason in `detail`; `unknown`: asked, but the probe itself did not work."""

Layer = Literal[
    "none", "box", "link", "address", "gateway", "edge", "internet", "dns", "http", "transport", "quality",
    "wifi", "services",
]  # fmt: skip
Confidence = Literal["high", "medium", "low"]
Who = Literal["nobody", "household", "technician", "provider", "service"]
"""Who takes the next step."""
Verdict = Literal[
    "OK", "OK_IPV6_ONLY", "OK_CLOUD_DOWN",
    "LINK_DOWN", "LINK_FLAPPING", "LINK_SLOW_PORT",
    "ADDR_NO_LEASE", "ADDR_POOL_FULL", "ADDR_DUPLICATE", "ADDR_LEASE_LOST", "ADDR_SUBNET_CLASH",
    "GW_NO_ARP", "ROUTE_MISSING",
    "ISP_UPSTREAM_DOWN", "V4_DOWN", "V6_DOWN",
    "DNS_TIMEOUT", "DNS_SERVFAIL", "DNS_HIJACK_NX", "DNS_SLOW", "DNS_INTERCEPTED", "DNS_LOCAL",
    "CAPTIVE_PORTAL", "WALLED_GARDEN",
    "CLOCK_WRONG", "TLS_INTERCEPTED", "MTU_BLACKHOLE", "TCP_BLOCKED",
    "LOSS_WAN", "LOSS_BURSTY", "JITTER_WAN", "BUFFERBLOAT", "SLOW_BELOW_PLAN", "BUSY_LINE",
    "WIFI_WEAK", "LAN_CLIENT_LOSS",
    "SELF_OVERLOADED", "SELF_DISK",
    "PHONE_REG_FAIL", "PHONE_ACCOUNT", "PHONE_NOT_REGISTERED",
    "TV_STREAM_SERVER", "TV_MULTICAST", "TV_SIGNAL", "MAIL_UNREACHABLE",
    "UNSTABLE", "UNKNOWN",
]  # fmt: skip
"""Stable codes. `UNKNOWN` is what honesty demands when no probe said anything."""
