"""What a table's result must say beside its numbers: how they were made, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping

from assay import wording
from assay.model.metric import MetricKind
from assay.model.moments import COVARIATE, VALUE, Moments
from assay.model.plan import Correction, Method
from assay.model.result import ExperimentResult, Validity
from assay.model.table import Gaps, TableMetric, TableMoments

SPENDINGS = {"obrien_fleming": "O'Brien and Fleming's", "pocock": "Pocock's", "kim_demets": "Kim and DeMets's"}
"""Spending functions, by whose they are."""
_CORRECTIONS = {
    Correction.HOLM: "Holm",
    Correction.BONFERRONI: "Bonferroni",
    Correction.HOCHBERG: "Hochberg",
    Correction.DUNNETT: "Dunnett",
    Correction.BENJAMINI_HOCHBERG: "Benjamini and Hochberg",
    Correction.BENJAMINI_YEKUTIELI: "Benjamini and Yekutieli",
    Correction.E_BH: "Wang and Ramdas, by e-values",
}
_KIND_RULES = {
    MetricKind.CONVERSION: "conversion: a unit converts when any of its rows is true or not 0",
    MetricKind.COUNT: "count: the number of a unit's rows where the column is not empty",
    MetricKind.SUM: "sum: the sum over a unit's rows",
    MetricKind.MEAN: "mean: the mean over a unit's rows",
    MetricKind.QUANTILE: "quantile: of the units' values, each the mean over its rows",
    MetricKind.RATIO: "ratio: all numerators over all denominators, of the rows that have both (delta method)",
}


def rules(result: ExperimentResult) -> tuple[str, ...]:
    """How the numbers of a table's result were made, in words."""
    kinds = dict.fromkeys(metric.kind for metric in result.metrics)
    validity = _looks(result) or (
        "Fixed-horizon numbers: right for one look at data that are complete. While data still come in, ask for "
        "sequential numbers."
        if result.validity is Validity.FIXED
        else "Anytime-valid numbers: right however often you look while data come in."
    )
    counting = (
        "Rows are combined per unit first. Left out: rows without unit or variant, units seen in more than one "
        "variant, values that are empty or not finite."
    )
    return (validity, counting, *(f"{_KIND_RULES[kind]}." for kind in kinds), *_family_rule(result))


def _looks(result: ExperimentResult) -> str:
    """At which planned look the numbers stand; empty for other plans."""
    if result.plan.method is not Method.GROUP_SEQUENTIAL:
        return ""
    planned, spending = result.plan.planned_looks, SPENDINGS[result.plan.spending.value]
    shares = ", ".join(wording.percent(share) for share in planned)
    now = f"look {len(result.looks)}, at {wording.percent(result.looks[-1])}" if result.looks else "no look yet"
    if result.looks and result.final and result.looks[-1] < 1:
        now += ", and the last, as the experiment has ended"
    return (
        f"Group sequential numbers: right at the looks planned at {shares} of the sample, alpha spent by {spending} "
        "function; "
        f"this is {now}. Looks before it are taken to have happened as planned."
    )


def _family_rule(result: ExperimentResult) -> tuple[str, ...]:
    if result.plan.correction is Correction.NONE or all(metric.family_size < 2 for metric in result.metrics):
        return ()
    used = dict.fromkeys(metric.correction for metric in result.metrics if metric.family_size > 1)
    names = " or ".join(_CORRECTIONS[item] for item in used)
    rule = f"p adjusted: {names}, over the treatments of the primary metric, and over all secondary ones apart."
    if result.plan.correction is Correction.DUNNETT and Correction.HOLM in used:
        rule += " Dunnett's correction is of plain differences at one look; elsewhere Holm's stands in."
    if set(used) & {Correction.HOLM, Correction.BONFERRONI}:
        rule += (
            " Intervals hold for all of a family at once, so they may reach 0 where an adjusted p is just below alpha."
        )
    return (rule,)


def gap_warnings(item: TableMetric, gaps: Gaps, moments: Mapping[str, Moments]) -> list[str]:
    """What one metric had to leave out, and that its values are others than the column's, in sentences."""
    warnings = []
    if item.transform is not None:
        warnings.append(f"Value, difference and lift are of the transformed values, not of '{item.column}'.")
    if item.metric.kind is MetricKind.COUNT and item.transform is None and _all_one(moments):
        warnings.append(
            f"Every unit has one row and so counts 1; sum:{item.column} adds up the numbers that stand in the column."
        )
    if gaps.values:
        names = f"'{item.column}' or '{item.denominator}'" if item.denominator else f"'{item.column}'"
        text = f"{_number(gaps.values, 'row')} without a usable value of {names} (empty or not finite)"
        if gaps.units:
            text += f"; {_number(gaps.units, 'unit')} with no other value left out (fill in 0 if empty means 0)"
        warnings.append(text + ".")
    names = " or ".join(f"'{name}'" for name in item.covariates)
    if item.covariates and not any(
        name.startswith(COVARIATE) for one in moments.values() if one.n for name in one.columns
    ):
        warnings.append(f"No unit has a usable value of {names}, so CUPED was not used.")
    elif gaps.covariates:
        n = _number(gaps.covariates, "unit")
        warnings.append(f"{n} without a usable value of {names} given the mean of all units instead.")
    return warnings


def _all_one(moments: Mapping[str, Moments]) -> bool:
    seen = [one for one in moments.values() if one.n]
    return bool(seen) and all(one.mean(VALUE) == 1 and one.comoment(VALUE) == 0 for one in seen)


def row_warnings(found: TableMoments) -> tuple[str, ...]:
    """Rows that belong to nobody, in a sentence."""
    if not found.rows_without:
        return ()
    share = wording.percent(found.rows_without / found.rows)
    return (f"{_number(found.rows_without, 'row')} ({share}) without unit or variant left out.",)


def _number(n: int, noun: str) -> str:
    return f"{wording.count(n)} {noun}{'' if n == 1 else 's'}"
