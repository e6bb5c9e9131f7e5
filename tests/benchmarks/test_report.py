import json

import pytest

from benchmarks.report import Figure, median, percentile, slope


@pytest.mark.parametrize(
    ("figure", "ok"),
    [
        (Figure("b", "f", 9.9, "ms", 10), True),
        (Figure("b", "f", 10.1, "ms", 10), False),
        (Figure("b", "f", 260, "1/s", 250, "higher"), True),
        (Figure("b", "f", 240, "1/s", 250, "higher"), False),
        (Figure("b", "f", 3, "ms"), None),
        (Figure("b", "f", None, "ms", 10, note="没有数据"), None),
    ],
)
def test_a_figure_says_whether_it_keeps_its_limit(figure: Figure, ok: bool | None) -> None:
    line = json.loads(figure.line())
    assert line["ok"] is ok
    assert line["value"] == figure.value


def test_percentiles_are_values_that_were_measured() -> None:
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert (median(values), percentile(values, 0.95), percentile(values, 0.2)) == (3.0, 5.0, 1.0)


def test_the_slope_is_that_of_the_line() -> None:
    assert slope([(0, 100), (500, 101), (1000, 102)]) == pytest.approx(0.002)
    assert slope([(0, 7), (10, 7)]) == 0
    assert slope([(3, 7)]) == 0
