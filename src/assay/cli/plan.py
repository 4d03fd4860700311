"""`assay plan`: how many units an experiment needs, what it can find, and how long it takes."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

_METRICS = ("conversion", "mean", "ratio", "count")
_METHODS = ("fixed", "sequential", "group_sequential")
_CORRECTIONS = ("holm", "bonferroni", "hochberg", "dunnett", "benjamini_hochberg", "none")
_HYPOTHESES = ("difference", "superiority", "non_inferiority", "equivalence")
_SPENDINGS = ("obrien_fleming", "pocock", "kim_demets")
_OPTIONS = {
    "metric_type": "--metric",
    "num_variants": "--variants",
    "num_comparisons": "--comparisons",
    "form": "--exact",
    "scale": "--absolute",
    "clusters.mean_size": "--cluster-size",
    "clusters.icc": "--icc",
    "clusters.size_cv": "--cluster-size-cv",
    "file": "--history",
    "data": "--history",
}
"""Fields of the question whose option has another name."""


@click.command()
@click.option("--metric", "metric_type", type=click.Choice(_METRICS), default="conversion", show_default=True)
@click.option("--baseline", type=float, help="The metric's value in control: 0.05 for a share of 5 %.")
@click.option("--baseline-sd", type=float, help="A mean: standard deviation of one unit's value.")
@click.option("--treatment-sd", type=float, help="A mean: that of treated units, if it is another.")
@click.option("--unit-variance", type=float, help="A ratio: variance of one unit, by the delta method.")
@click.option("--dispersion", type=float, help="A count: variance over mean. Default: 1, Poisson.")
@click.option("--exposure", type=float, help="A count: time that each unit is watched. Default: 1.")
@click.option("--heterogeneity", type=float, help="A count: k of the negative binomial. Default: 0.")
@click.option("--pooled", is_flag=True, default=None, help="A conversion: the test pools its variance.")
@click.option("--history", metavar="FILE", help="Estimate all this from a CSV, TSV, Parquet or JSON-lines file.")
@click.option("--metric-column", metavar="COLUMN", help="With --history: the metric, one row per unit.")
@click.option("--denominator-column", metavar="COLUMN", help="With --history: what a ratio divides by.")
@click.option("--covariate-column", metavar="COLUMN", help="With --history: known before the start (CUPED).")
@click.option("--cluster-column", metavar="COLUMN", help="With --history: the groups that will be randomised.")
@click.option("--effect", type=float, help="What is to be found, as a share of the baseline: 0.1 for +10 %.")
@click.option("--absolute", is_flag=True, help="Effect and margin are in the metric's unit.")
@click.option("--power", type=float, default=0.8, show_default=True, help="The chance to find the effect.")
@click.option("--alpha", type=float, default=0.05, show_default=True, help="Chance of a false alarm per family.")
@click.option("--one-sided", is_flag=True, help="Look in the better direction only.")
@click.option("--direction", type=click.Choice(("increase", "decrease")), default="increase", show_default=True)
@click.option("--hypothesis", type=click.Choice(_HYPOTHESES), default="difference", show_default=True)
@click.option("--margin", type=float, help="Of a hypothesis that has one, on the scale of the effect.")
@click.option("--variants", "num_variants", type=int, help="How many, with the control. Default: 2.")
@click.option("--weights", metavar="W,…", help="Shares of the variants in any unit, the control first. Default: even.")
@click.option("--correction", type=click.Choice(_CORRECTIONS), default="holm", show_default=True)
@click.option("--comparisons", "num_comparisons", type=int, help="Comparisons that share alpha. Default: treatments.")
@click.option("--method", type=click.Choice(_METHODS), default="fixed", show_default=True)
@click.option("--sequential", is_flag=True, help="The same as --method sequential: read whenever you like.")
@click.option("--looks", metavar="N|SHARE,…", help="Group sequential: how many looks, or where. Default: 4.")
@click.option("--spending", type=click.Choice(_SPENDINGS), help="Group sequential. Default: obrien_fleming.")
@click.option("--tuning-units", type=int, help="Sequential: units in two arms at which bounds are tightest.")
@click.option("--exact", is_flag=True, help="Power without the normal curve: small samples of shares and means.")
@click.option("--covariate-correlation", type=float, help="Of the metric with its covariate (CUPED).")
@click.option("--cluster-size", type=float, help="Whole clusters are randomised: units in each on average.")
@click.option("--icc", type=float, help="Intraclass correlation of the clusters.")
@click.option("--cluster-size-cv", type=float, help="Spread of the clusters' sizes over their mean. Default: 0.")
@click.option("--daily-traffic", metavar="N|N,…", help="New units a day, or unique units seen up to day 1, 2, ….")
@click.option("--traffic-share", type=float, default=1.0, show_default=True, help="The part of them that enters.")
@click.option("--sample-size", type=int, help="Units of the smallest variant: what can this size do?")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def plan(as_json: bool, **given: Any) -> None:
    """Plan an experiment: units needed, power, detectable effects, days.

    \b
    assay plan --metric conversion --baseline 0.05 --effect 0.1 --daily-traffic 4000
    assay plan --metric mean --history users.csv --metric-column revenue \\
        --covariate-column revenue_before --effect 0.03
    """
    # Imported here so that --help answers at once.
    from assay.errors import AssayError, InvalidInput

    try:
        document = _document(given)
    except InvalidInput as error:
        click.echo(f"Error: {error.at(_option(error.field))}", err=True)
        sys.exit(2)
    except AssayError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2))
    else:
        from rich.console import Console

        from assay.cli.plan_view import plan_view

        Console(highlight=False).print(plan_view(document))


def _document(given: dict[str, Any]) -> dict[str, Any]:
    from assay.errors import InvalidInput
    from assay.service.power_analysis import power_analysis
    from assay.service.power_question import PowerQuestion

    columns = {name: given.pop(name) for name in list(given) if name.endswith("_column")}
    history = given.pop("history")
    values, past = _values(given), None
    if history is not None:
        past = _past(history, values, columns)
        values |= past.found
    else:
        for name, column in columns.items():
            if column is not None:
                raise InvalidInput(name, column, "nothing without --history")
        if values.get("baseline") is None:
            raise InvalidInput("baseline", None, "the metric's value in control, or --history to estimate it")
    document = power_analysis(PowerQuestion(**values))
    if past is not None:
        document["history"] = {"units": past.units, "clusters": past.clusters}
        document["warnings"] = [*past.notes, *document["warnings"]]
    return document


def _values(given: dict[str, Any]) -> dict[str, Any]:
    """Fields of the question; what was not given is left to its default."""
    from assay.errors import InvalidInput
    from assay.service.power_question import ClusterQuestion

    values = {name: value for name, value in given.items() if value is not None}
    if values.pop("sequential"):
        if values["method"] == "group_sequential":
            raise InvalidInput("sequential", True, "nothing beside --method group_sequential")
        values["method"] = "sequential"
    values["scale"] = "absolute" if values.pop("absolute") else "relative"
    values["form"] = "exact" if values.pop("exact") else "large_sample"
    if "weights" in values:
        values["weights"] = _numbers(values["weights"], "weights")
    if "daily_traffic" in values:
        numbers = _numbers(values["daily_traffic"], "daily_traffic")
        values["daily_traffic"] = numbers if "," in given["daily_traffic"] else numbers[0]
    if "looks" in values:
        text = str(values["looks"]).strip()
        values["looks"] = int(text) if text.isdecimal() and len(text) < 6 else _numbers(text, "looks")
    size, icc, spread = (values.pop(name, None) for name in ("cluster_size", "icc", "cluster_size_cv"))
    if size is not None and icc is not None:
        values["clusters"] = ClusterQuestion(mean_size=size, icc=icc, size_cv=spread or 0.0)
    elif (size, icc, spread) != (None, None, None):
        missing = "clusters.mean_size" if size is None else "clusters.icc"
        raise InvalidInput(missing, None, "a number: clusters need both --cluster-size and --icc")
    return values


def _past(history: str, values: dict[str, Any], columns: dict[str, str | None]) -> Any:
    """What the file says; it must not be said twice."""
    from assay.app.tables import open_tables
    from assay.errors import InvalidInput
    from assay.service.power_history import HistoryQuestion, past_of

    if columns["metric_column"] is None:
        raise InvalidInput("metric_column", None, "the column with the metric, beside --history")
    told = ["baseline", "baseline_sd", "unit_variance", "dispersion", "exposure", "heterogeneity"]
    told += ["covariate_correlation"] if columns["covariate_column"] is not None else []
    told += ["clusters"] if columns["cluster_column"] is not None else []
    for name in told:
        if name in values:
            field = "clusters.mean_size" if name == "clusters" else name
            raise InvalidInput(field, "a value", "nothing beside --history, which tells it")
    named = {name: column for name, column in columns.items() if column is not None}
    return past_of(open_tables(), history, HistoryQuestion(metric_type=values["metric_type"], **named))


def _numbers(text: str, field: str) -> tuple[float, ...]:
    from assay.errors import InvalidInput

    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise InvalidInput(field, text, "a number, or numbers with commas between") from None


def _option(field: str) -> str:
    return _OPTIONS.get(field, f"--{field.replace('_', '-')}")
