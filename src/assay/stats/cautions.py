"""What to beware of in a metric, in words."""

from __future__ import annotations

from collections.abc import Mapping

from assay.model.metric import Metric, MetricKind
from assay.model.moments import VALUE, Moments
from assay.model.result import Validity

_MINIMUM_COUNT = 5
_OUTLIER_SHARE = 0.10
_OUTLIER_UNITS = 100
_OF_THE_NORMAL_CURVE = (None, "two_proportion_z", "two_proportion_z_unpooled")
_OF_RANKS = ("mann_whitney", "brunner_munzel", "kolmogorov_smirnov")


def cautions(metric: Metric, moments: Mapping[str, Moments], validity: Validity) -> list[str]:
    """Sentences about arms whose numbers rest on too little, or on one unit, where the test minds."""
    one_look = validity is Validity.FIXED
    if metric.kind is MetricKind.CONVERSION:
        return few_conversions(moments) if one_look and metric.test in _OF_THE_NORMAL_CURVE else []
    if metric.kind in (MetricKind.RATIO, MetricKind.QUANTILE) or (one_look and metric.test in _OF_RANKS):
        return []
    return [sentence for variant, item in moments.items() if (sentence := one_unit_dominates(variant, item))]


def few_conversions(moments: Mapping[str, Moments]) -> list[str]:
    """Arms with fewer than 5 conversions or non-conversions, for which the z-test's normal curve is a poor fit."""
    sentences = []
    for variant, item in moments.items():
        converted = round(item.n * item.mean(VALUE)) if item.n else 0
        few, what = min((converted, "converted"), (item.n - converted, "did not convert"))
        if item.n and few < _MINIMUM_COUNT:
            units = "unit" if few == 1 else "units"
            sentences.append(
                f"Only {few} {units} of {variant} {what}; below {_MINIMUM_COUNT} the z-test is unreliable."
            )
    return sentences


def one_unit_dominates(variant: str, moments: Moments) -> str | None:
    """A sentence when one unit makes more than a tenth of an arm's variance."""
    total = moments.comoment(VALUE)
    if moments.maximum is None or moments.n < _OUTLIER_UNITS or total <= 0:
        return None
    share = (moments.maximum - moments.mean(VALUE)) ** 2 / total
    if share <= _OUTLIER_SHARE:
        return None
    return (
        f"One unit of {variant} with a value of {_shown(moments.maximum)} makes {100 * min(1.0, share):.0f} % of that "
        "variant's variance; consider a cap."
    )


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:,.4g}"
