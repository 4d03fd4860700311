"""The forest plot as one picture."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from assay import wording
from assay.charts.forest import forest
from assay.model.result import MetricResult
from tests.charts.comparing import SVG, compared, parsed, texts, with_class
from tests.dashboard.samples import HOSTILE, analysed, even, headlines


def metrics() -> tuple[MetricResult, ...]:
    experiment = headlines()
    return analysed(experiment, even(experiment, 6_000)).metrics


FIRST = metrics()[0]


def test_one_row_per_metric_and_treatment() -> None:
    found = metrics()
    root, rows = parsed(forest(found)), [item for metric in found for item in metric.comparisons]
    written = texts(root)
    assert len(rows) == 12
    assert [written.count(variant) for variant in ("b", "c", "d")] == [4, 4, 4]
    assert len(with_class(root, "point")) == sum(isinstance(item.relative, float) for item in rows) == 8


def test_lifts_intervals_and_p_values_are_written() -> None:
    found = metrics()
    written = texts(parsed(forest(found)))
    item = found[0].comparisons[0]
    assert isinstance(item.relative, float)
    assert isinstance(item.p_value_adjusted, float)
    assert wording.lift(item.relative) in written
    assert wording.p_value(item.p_value_adjusted).removeprefix("p = ") in written


def test_rows_without_a_lift_say_why() -> None:
    svg = forest(metrics())
    assert "No lift: the control is 0, so nothing can be given relative to it" in svg
    assert "No lift: no unit has a value yet" in svg


def test_the_name_tells_every_row() -> None:
    root = parsed(forest(metrics()))
    label = root.get("aria-label", "")
    assert root.get("role") == "img"
    assert label.count(";") == 11
    assert label.count("no estimate") == 4


def test_standing_alone_it_brings_its_colours_for_light_and_dark() -> None:
    svg = forest(metrics(), standalone=True)
    root = parsed(svg)
    styles = list(root.iter(f"{SVG}style"))
    assert len(styles) == 1
    assert "prefers-color-scheme:dark" in (styles[0].text or "")
    assert root.get("viewBox") == f"0 0 860 {root.get('height')}"
    assert not list(parsed(forest(metrics())).iter(f"{SVG}style"))


def test_everything_stays_inside_the_frame() -> None:
    for width in (480, 860, 1_400):
        root = parsed(forest(metrics(), width=width))
        bottom = float(root.get("height", "0"))
        for text in root.iter(f"{SVG}text"):
            assert 0 <= float(text.get("x", "0").rstrip("%")) <= width
            assert 0 <= float(text.get("y", "0")) <= bottom


@given(st.floats(-0.99, 50), st.floats(0.001, 50), st.sampled_from([480, 860, 1_400]))
def test_labels_of_the_axis_do_not_touch(lower: float, wide: float, width: int) -> None:
    metric = replace(FIRST, comparisons=(compared(lower + wide / 2, (lower, lower + wide)),))
    labels = list(parsed(forest([metric], width=width)).iter(f"{SVG}text"))
    bottom = max(float(label.get("y", "0")) for label in labels)
    places = sorted((float(x.get("x", "0")), len(x.text or "")) for x in labels if float(x.get("y", "0")) == bottom)
    assert "0 %" in [x.text for x in labels]
    # A character of the axis' type is about 6.7 pixels wide on average.
    assert all(b - a > 6.7 * (n + m) / 2 for (a, n), (b, m) in pairwise(places))


def test_hostile_names_are_text() -> None:
    first = metrics()[0]
    hostile = replace(first, title=HOSTILE, comparisons=(replace(compared(0.1, (0.0, 0.2)), variant=HOSTILE),))
    root = parsed(forest([hostile], standalone=True))
    assert not list(root.iter(f"{SVG}script"))
    assert HOSTILE in texts(root)


def test_nothing_to_compare_is_said() -> None:
    assert "Nothing to compare" in forest(())
