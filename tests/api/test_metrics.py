"""`/metrics`: for whom, and in what shape."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gatewayd.api.metrics import Family, Metrics, Sample, render
from tests.support.api import open_api

LINE = re.compile(r'(?P<name>[a-z_]+)(?:\{(?P<labels>[a-z]+="(?:[^"\\\n]|\\["\\n])*")\})? (?P<value>\S+)')


@given(st.text(), st.floats(allow_nan=False), st.text())
def test_whatever_stands_in_a_label_it_is_one_line(label: str, value: float, tells: str) -> None:
    text = render([Family("a_b", tells, [Sample(value, {"one": label}), Sample(value)])])
    told, kind, first, second = text.removesuffix("\n").split("\n")
    assert told.startswith("# HELP a_b ")
    assert kind == "# TYPE a_b gauge"
    found = LINE.fullmatch(first)
    assert found is not None
    assert float(found["value"]) == value
    shown = found["labels"].removeprefix('one="').removesuffix('"')
    back = re.sub(r"\\(.)", lambda sign: "\n" if sign[1] == "n" else sign[1], shown)
    assert back == label
    assert LINE.fullmatch(second) is not None


async def test_who_may(tmp_path: Path) -> None:
    async def meter() -> list[Family]:
        return [Family("a_total", "Things", [Sample(3)], "counter")]

    async with open_api(tmp_path, extra=lambda callers: Metrics(callers, meter).routes()) as api:
        url = f"https://127.0.0.1:{api.server.port}/metrics"
        for role, status in (("owner", 200), ("tool", 200), ("technician", 403), ("member", 403)):
            async with api.https.get(url, headers=api.as_role(role)) as response:
                assert response.status == status, role
                text = await response.text()
        async with api.https.get(url, headers=api.as_role("owner")) as response:
            assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            text = await response.text()
        assert text == "# HELP a_total Things\n# TYPE a_total counter\na_total 3\n"
        async with api.https.get(url) as response:
            assert response.status == 401
