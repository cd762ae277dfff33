"""The report as one page to print: no script, no font, no picture from elsewhere; drawings are inline SVG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, tzinfo
from html import escape

from gatewayd.diagnostics.availability import Availability
from gatewayd.diagnostics.model import Diagnosis
from gatewayd.diagnostics.outage_model import Outage
from gatewayd.diagnostics.report import Report, ReportSeries

_STYLE = """
:root { color-scheme: light; }
body { font: 11pt/1.45 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 52rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; break-after: avoid; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid #ddd; vertical-align: top; }
td.n, th.n { text-align: right; } tr { break-inside: avoid; }
.box { border: 2px solid; border-radius: .4rem; padding: .6rem 1rem; margin: 1rem 0; break-inside: avoid; }
.good { border-color: #2a7a3b; } .bad { border-color: #a32020; } .dim { color: #555; }
.code { font-weight: 700; } figure { margin: 1rem 0; break-inside: avoid; } figcaption { font-size: .9rem; }
.month { display: inline-block; margin: 1rem 1.5rem 0 0;
  print-color-adjust: exact; vertical-align: top; break-inside: avoid; }
.month td { width: 1.7rem; text-align: center; border: 1px solid #fff; padding: .1rem; }
.d0 { background: #cfe8d4; } .d1 { background: #f2e4ad; } .d2 { background: #eebb99; }
.d3 { background: #d98880; } .dx { background: #eee; color: #777; }
@media print { body { margin: 0; max-width: none; } }
"""
_CSP = "default-src 'none'; style-src 'unsafe-inline'"


def page(report: Report, zone: tzinfo) -> str:
    """The whole document. Every word that is not from this file is escaped."""
    title = f"Connection report: {report.box.name}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="dim">{escape(report.box.model)} {escape(report.box.id)}, version '
        f"{escape(report.box.version)}. Made {_when(report.made, zone)}; times are "
        f"{escape(report.time_zone)}.</p>",
        f"<p>{escape(report.sentence)}</p>",
        *_diagnosis(report.diagnosis, report.diagnosed, zone),
        *_availability(report.months, report.days),
        *_outages(report.outages, zone),
        *_reported(report, zone),
        *_repairs(report, zone),
        *_measured(report.measured, zone),
        *_runs(report, zone),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_CSP}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _diagnosis(found: Diagnosis | None, when: datetime | None, zone: tzinfo) -> Iterable[str]:
    yield "<h2>Verdict</h2>"
    if found is None:
        yield "<p>Nobody has asked for a diagnosis yet.</p>"
        return
    good = "good" if found.verdict.startswith("OK") else "bad"
    told = f", {_when(when, zone)}" if when is not None else ""
    yield (
        f'<div class="box {good}"><span class="code">{escape(found.verdict)}</span> '
        f'<span class="dim">({escape(found.confidence)} confidence, {found.seconds:.1f} s{told})</span><br>'
        f"{escape(found.remedy)}"
        + "".join(f"<br>Also: <b>{escape(one.verdict)}</b> {escape(one.remedy)}" for one in found.also_seen)
        + "".join(f'<br><span class="dim">{escape(note)}</span>' for note in found.notes)
        + "</div>"
    )
    yield "<h2>Evidence</h2>"
    yield _table(
        ("Check", "Layer", "Found", "Seconds"),
        (
            (
                one.check,
                one.layer,
                f"{one.status}: {one.detail}" if one.detail else one.status,
                f"{one.seconds:.1f}",
            )
            for one in found.evidence
        ),
    )


def _availability(months: Sequence[Availability], days: Sequence[Availability]) -> Iterable[str]:
    yield "<h2>Availability</h2>"
    if not any(one.watched for one in days):
        yield "<p>The connection was not watched.</p>"
        return
    yield _table(
        ("Month", "Available", "Down", "Partly down", "Outages", "Watched"),
        (
            (
                month.period, share(month.available), span(month.down), span(month.partly),
                str(month.outages), span(month.watched),
            )
            for month in months
        ),
    )  # fmt: skip
    for month in dict.fromkeys(day.period[:7] for day in days):
        yield _calendar(month, [day for day in days if day.period.startswith(month)])


def _calendar(month: str, days: Sequence[Availability]) -> str:
    cells = ["<td></td>"] * date.fromisoformat(days[0].period).weekday()
    cells += [
        f'<td class="{shade(day)}" title="{escape(day.period)}: {share(day.available)}">'
        f"{int(day.period[8:])}</td>"
        for day in days
    ]
    rows = ["".join(cells[at : at + 7]) for at in range(0, len(cells), 7)]
    heads = "".join(f"<td>{name}</td>" for name in ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"))
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<div class="month"><b>{escape(month)}</b><table><tr>{heads}</tr>{body}</table></div>'


def _outages(outages: Sequence[Outage], zone: tzinfo) -> Iterable[str]:
    yield "<h2>Outages</h2>"
    if not outages:
        yield "<p>None were seen.</p>"
        return
    yield _table(
        ("From", "To", "For", "What"),
        (
            (
                _when(one.start, zone),
                "still lasts" if one.end is None else _when(one.end, zone),
                span(one.seconds),
                one.sentence + ("" if one.certain else " The box was away during it."),
            )
            for one in outages
        ),
    )


def _reported(report: Report, zone: tzinfo) -> Iterable[str]:
    if report.reported:
        yield "<h2>What the provider says</h2>"
        yield _table(
            ("From", "To", "What"),
            (
                (
                    "" if one.start is None else _when(one.start, zone),
                    "" if one.end is None else _when(one.end, zone),
                    one.sentence,
                )
                for one in report.reported
            ),
        )


def _repairs(report: Report, zone: tzinfo) -> Iterable[str]:
    if report.repairs:
        yield "<h2>Self-repair</h2>"
        yield _table(
            ("When", "Step", "Because of", "Outcome"),
            (
                (
                    _when(one.began, zone), one.step.replace("_", " "), one.verdict,
                    f"{one.state.replace('_', ' ')} {one.note}".strip(),
                )
                for one in report.repairs
            ),
        )  # fmt: skip


def _measured(measured: Sequence[ReportSeries], zone: tzinfo) -> Iterable[str]:
    if measured:
        yield "<h2>Measurements</h2>"
    for series in measured:
        yield _plot(series, zone)


def _plot(series: ReportSeries, zone: tzinfo) -> str:
    wide, high = 640.0, 120.0
    first, last = series.points[0][0], series.points[-1][0]
    most = max(point[3] for point in series.points) or 1.0

    def at(point: tuple[int, float, float, float], value: float) -> str:
        x = (point[0] - first) / max(1, last - first) * wide
        return f"{x:.1f},{high - value / most * high:.1f}"

    mean = " ".join(at(point, point[1]) for point in series.points)
    band = " ".join(
        [
            *(at(point, point[3]) for point in series.points),
            *(at(point, point[2]) for point in reversed(series.points)),
        ]
    )
    average = sum(point[1] for point in series.points) / len(series.points)
    from_, to = (_when(datetime.fromtimestamp(moment, zone), zone) for moment in (first, last))
    caption = (
        f"<figcaption>{escape(series.name)}: on average {_amount(average, series.unit)}, at most "
        f"{_amount(most, series.unit)}. {from_} to {to}.</figcaption>"
    )
    if first == last:
        return f"<figure>{caption}</figure>"
    return (
        f'<figure>{caption}<svg viewBox="0 0 {wide:.0f} {high:.0f}" width="100%" height="{high:.0f}" '
        'preserveAspectRatio="none" '
        f'role="img" aria-label="{escape(series.name)}"><polygon points="{band}" fill="#d6e4f5"/>'
        f'<polyline points="{mean}" fill="none" stroke="#1f4e8c" stroke-width="1.5"/></svg></figure>'
    )


def _amount(value: float, unit: str) -> str:
    return f"{value / 1e6:.1f} Mbit/s" if unit == "bits" else f"{value:.1f} {escape(unit)}"


def _runs(report: Report, zone: tzinfo) -> Iterable[str]:
    if len(report.runs) > 1:
        yield "<h2>Earlier diagnoses</h2>"
        yield _table(
            ("When", "Verdict", "Confidence"),
            ((_when(run.started, zone), run.verdict, run.confidence) for run in report.runs[1:]),
        )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(head)}</th>" for head in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"


def _when(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def share(available: float | None) -> str:
    """`99.95 %`; never rounded up to all of it."""
    if available is None:
        return "not watched"
    percent = available * 100
    return "100 %" if percent == 100 else f"{min(percent, 99.99):.2f} %"


def shade(day: Availability) -> str:
    """A day's class: whole, up to 5 minutes down, up to an hour, more; `dx` not watched."""
    if day.available is None:
        return "dx"
    return "d0" if not day.down else "d1" if day.down <= 300 else "d2" if day.down <= 3600 else "d3"


def span(seconds: float) -> str:
    """A duration for people: `0 s`, `45 s`, `1 min 30 s`, `2 h 5 min`, `3 d 4 h`."""
    whole = round(seconds)
    for unit, name, below, rest in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= unit:
            more = whole % unit // below
            return f"{whole // unit} {name}" + (f" {more} {rest}" if more else "")
    return f"{whole} s"
