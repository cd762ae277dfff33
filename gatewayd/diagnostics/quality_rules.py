"""The rules about how well the box, the line, the home and the services work, the strongest claim first."""

from __future__ import annotations

from gatewayd.diagnostics import claims
from gatewayd.diagnostics.claims import Found
from gatewayd.diagnostics.facts import Facts
from gatewayd.diagnostics.results import LoadFigures
from gatewayd.diagnostics.rules import dns_slow


def unstable(seen: Facts) -> Found | None:
    """It works now, but it came and went."""
    return Found("UNSTABLE", "high") if seen.stability.transitions >= claims.TRANSITIONS else None


def overloaded(seen: Facts) -> Found | None:
    """The box is too busy to measure, or to serve."""
    pressed = seen.own.pressure is not None and seen.own.pressure > claims.PRESSURE
    lag = seen.own.loop_lag_ms or 0.0
    if pressed:
        return Found("SELF_OVERLOADED", "high" if lag > claims.LAG_MS else "medium")
    left_alone = seen.pace.loop_lag_ms or 0.0
    return Found("SELF_OVERLOADED", "medium") if left_alone > claims.LAG_TOO_MUCH_MS else None


def busy_line(seen: Facts) -> Found | None:
    """Somebody at home uses the line up."""
    shares = [
        used / plan
        for used, plan in (
            (seen.line.down_mbits, seen.line.plan_down_mbits),
            (seen.line.up_mbits, seen.line.plan_up_mbits),
        )
        if used is not None and plan
    ]
    share = max(shares, default=0.0)
    return Found("BUSY_LINE", "high" if share > 0.85 else "medium") if share > claims.BUSY else None


def slow_port(seen: Facts) -> Found | None:
    """The cable carries a tenth of what the port could, and less than was bought."""
    speed, best = seen.link.speed, seen.link.best_speed
    if speed is None or best is None or speed > 100 or best < 1000:
        return None
    plan = seen.line.plan_down_mbits
    if plan is not None and plan < speed * 0.9:
        return None
    return Found("LINK_SLOW_PORT", "high" if plan is not None else "medium")


def loss(seen: Facts) -> Found | None:
    """Packets are lost on the idle line; in bursts, or all the time."""
    line = seen.quality.line
    if line is None or not seen.quality.whole:
        return None
    if line.lost < claims.LOSS_FEWEST or line.loss <= claims.LOSS_WARN or line.lost == line.sent:
        return None
    sure = "high" if line.loss > claims.LOSS_FAIL else "medium"
    if line.longest_loss >= claims.BURST and line.longest_loss >= line.lost / 4:
        return Found("LOSS_BURSTY", "high" if sure == "high" else "medium")
    return Found("LOSS_WAN", "high" if sure == "high" else "medium")


def jitter(seen: Facts) -> Found | None:
    """The idle line's delay varies."""
    line = seen.quality.line
    if line is None or not seen.quality.whole or line.jitter_ms is None or line.jitter_ms <= claims.JITTER_MS:
        return None
    return Found("JITTER_WAN", "high")


def slow(seen: Facts) -> Found | None:
    """Less than was bought, in two of three rounds."""
    for figures, plan in (
        (seen.load.down, seen.load.plan_down_mbits),
        (seen.load.up, seen.load.plan_up_mbits),
    ):
        if figures is None or plan is None or figures.device_limited:
            continue
        below = [rate for rate in figures.rounds if rate < plan * claims.PLAN]
        if len(below) >= 2:
            return Found("SLOW_BELOW_PLAN", "high" if len(below) == len(figures.rounds) else "medium")
    return None


def bufferbloat(seen: Facts) -> Found | None:
    """The delay grows while the line is full."""
    grows = [_grows(figures, seen.load.idle_ms) for figures in (seen.load.down, seen.load.up)]
    most = max(grows)
    turns = [figures.rpm for figures in (seen.load.down, seen.load.up) if figures and figures.rpm is not None]
    if most > claims.BLOAT_FAIL_MS or min(turns, default=claims.RPM_WARN) < claims.RPM_FAIL:
        return Found("BUFFERBLOAT", "high")
    return Found("BUFFERBLOAT", "medium") if most > claims.BLOAT_WARN_MS else None


def phone(seen: Facts) -> Found | None:
    """The telephone's server does not answer or fails, turns the account away, or misses its telephone."""
    if seen.phone.status != "failed":
        return None
    if seen.phone.outcome == "account":
        return Found("PHONE_ACCOUNT", "high")
    if seen.phone.outcome == "empty":
        return Found("PHONE_NOT_REGISTERED", "medium") if seen.phone.lost else None
    return Found("PHONE_REG_FAIL", "high" if seen.online else "low")


def television(seen: Facts) -> Found | None:
    """Television's streams are in trouble."""
    if seen.tv.trouble == "signal":
        return Found("TV_SIGNAL", "high")
    if seen.tv.trouble == "multicast" or seen.tv.multicast == "silent":
        return Found("TV_MULTICAST", "high" if seen.tv.multicast == "silent" else "medium")
    if seen.tv.trouble == "server" or seen.tv.stream in ("slow", "stands_still", "unreachable"):
        return Found("TV_STREAM_SERVER", "high" if seen.online else "low")
    return None


def mail(seen: Facts) -> Found | None:
    """A server for reading or sending does not answer or greet, or a domain's mail has nowhere to go."""
    missed = [one for one in seen.mail.servers if one.use != "deliver" and one.outcome in claims.MAIL_FAILS]
    if missed:
        return Found("MAIL_UNREACHABLE", "high" if seen.online else "low")
    nowhere = seen.mail.lookup in ("none", "refused") and seen.dns.status == "ok"
    return Found("MAIL_UNREACHABLE", "medium" if seen.online else "low") if nowhere else None


def wifi_weak(seen: Facts) -> Found | None:
    """A device is too far from the box."""
    return Found("WIFI_WEAK", "high") if seen.wifi.weak else None


def lan_loss(seen: Facts) -> Found | None:
    """A device of the home loses packets on its way to the box."""
    losing = [
        one
        for one in seen.lan.clients
        if one.lost < one.sent and one.lost >= claims.LOSS_FEWEST and one.loss > claims.CLIENT_LOSS
    ]
    if not losing:
        return None
    # A telephone that saves power loses some, too.
    worst = max(one.loss for one in losing)
    return Found("LAN_CLIENT_LOSS", "high" if worst > claims.CLIENT_LOSS_SURE else "medium")


def disk(seen: Facts) -> Found | None:
    """Hardly any room left."""
    free = seen.own.disk_free
    return Found("SELF_DISK", "high") if free is not None and free < claims.DISK_FREE else None


def cloud_down(seen: Facts) -> Found | None:
    """Everything works but the operator's own service."""
    return Found("OK_CLOUD_DOWN", "high") if seen.online and seen.cloud.reached is False else None


def ipv6_only(seen: Facts) -> Found | None:
    """A line without IPv4, as it is meant to be."""
    return Found("OK_IPV6_ONLY", "high") if seen.internet.v6_reached and not seen.address.v4 else None


def fine(seen: Facts) -> Found | None:
    """It works."""
    good = ("ok", "skipped")
    if seen.online:
        return Found("OK", "high" if seen.internet.status == "ok" and seen.dns.status in good else "medium")
    resolved = any(answer.outcome == "answered" for answer in seen.dns.answers)
    if seen.internet.status == "skipped" and (seen.public_dns or resolved):
        return Found("OK", "low")  # no anchors are set, but names are resolved and nothing else failed
    return None


def _grows(figures: LoadFigures | None, idle_ms: float | None) -> float:
    """By how many milliseconds the delay grows; 0 where the box was the limit."""
    if figures is None or idle_ms is None or figures.device_limited or figures.line is None:
        return 0.0
    loaded = figures.line.median_ms
    return 0.0 if loaded is None else loaded - idle_ms


QUALITY_RULES = (
    unstable,
    overloaded,
    busy_line,
    slow_port,
    loss,
    jitter,
    slow,
    bufferbloat,
    dns_slow,
    television,
    phone,
    mail,
    lan_loss,
    wifi_weak,
    disk,
    cloud_down,
    ipv6_only,
    fine,
)
