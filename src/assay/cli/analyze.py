"""`assay analyze`: a finished experiment in a file, read in the terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from assay.model.result import ExperimentResult

_CORRECTIONS = (
    "holm",
    "bonferroni",
    "hochberg",
    "dunnett",
    "benjamini_hochberg",
    "benjamini_yekutieli",
    "e_bh",
    "none",
)
_METHODS = ("fixed", "sequential", "group_sequential", "bayesian")
_MARGINS = ("superiority", "non_inferiority", "equivalence")

_OPTIONS = {
    "required_per_variant": "required",
    "margins": "margin",
    "filters": "filter",
    "transforms": "transform",
    "aggregations": "aggregate",
    "one_sided": "one-sided",
    "lower_is_better": "lower-is-better",
    "prior_lift_sd": "prior-lift-sd",
    "tuning_units": "tuning-units",
}
"""Arguments whose option has another name."""


@click.command()
@click.argument("file", type=click.Path(path_type=str))
@click.option(
    "--unit", metavar="COLUMN", help="Column that identifies what was randomised. Default: each row is a unit."
)
@click.option("--variant", required=True, metavar="COLUMN", help="Column that names the variant.")
@click.option("--control", required=True, metavar="VALUE", help="The variant the others are compared with.")
@click.option(
    "--metric",
    "metrics",
    required=True,
    multiple=True,
    metavar="KIND:COLUMN",
    help="conversion:, mean:, sum:, count:, median: or p95:COLUMN, or ratio:NUMERATOR/DENOMINATOR. Repeatable; the"
    " first is primary.",
)
@click.option(
    "--covariate",
    "covariates",
    multiple=True,
    metavar="METRICCOLUMN=PRECOLUMN",
    help="A column known before the start that sharpens a metric (CUPED). Repeatable, also for one metric.",
)
@click.option("--stratum", metavar="COLUMN", help="A column known before the start: post-stratification.")
@click.option(
    "--test",
    "tests",
    multiple=True,
    metavar="METRICCOLUMN=TEST",
    help="The test of one look, like mann_whitney or boschloo_exact. Repeatable.",
)
@click.option(
    "--margin",
    "margins",
    multiple=True,
    metavar="METRICCOLUMN=HYPOTHESIS:SHARE",
    help="Test against a margin, like revenue=non_inferiority:0.02. Hypotheses: "
    + ", ".join(_MARGINS)
    + ". Repeatable.",
)
@click.option("--filter", "filters", multiple=True, metavar="NAME", help="An installed filter of rows. Repeatable.")
@click.option(
    "--transform",
    "transforms",
    multiple=True,
    metavar="METRICCOLUMN=NAME",
    help="What becomes of a unit's value: log1p, sqrt, is_positive or an installed one. Repeatable.",
)
@click.option(
    "--aggregate",
    "aggregations",
    multiple=True,
    metavar="METRICCOLUMN=NAME",
    help="How a unit's rows become one value: min, max, median, p90, distinct or an installed one. Repeatable.",
)
@click.option(
    "--one-sided", multiple=True, metavar="METRICCOLUMN", help="Only a difference for the better counts. Repeatable."
)
@click.option(
    "--lower-is-better", multiple=True, metavar="METRICCOLUMN", help="A metric where less is better. Repeatable."
)
@click.option(
    "--cap",
    "caps",
    multiple=True,
    metavar="METRICCOLUMN=NUMBER",
    help="A bound to which larger values of a unit are set, against outliers. Repeatable.",
)
@click.option("--alpha", type=float, default=0.05, show_default=True, help="Chance of a false alarm per family.")
@click.option("--correction", type=click.Choice(_CORRECTIONS), default="holm", show_default=True)
@click.option("--weights", metavar="VARIANT=W,…", help="Planned shares in any unit, like A=9,B=1. Default: even.")
@click.option(
    "--method", type=click.Choice(_METHODS), default="fixed", show_default=True, help="When numbers are right."
)
@click.option("--sequential", is_flag=True, help="The same as --method sequential: right at every look.")
@click.option("--required", type=int, help="With --method group_sequential: planned units per variant.")
@click.option("--looks", metavar="SHARE,…", help="With --method group_sequential: planned looks, like 0.5,1.")
@click.option("--spending", type=click.Choice(("obrien_fleming", "pocock", "kim_demets")), default="obrien_fleming")
@click.option(
    "--ended", is_flag=True, help="With --method group_sequential: no look follows, though the plan is not fulfilled."
)
@click.option("--prior-lift-sd", type=float, help="With --method bayesian: the prior's spread of lifts. Default: flat.")
@click.option("--tuning-units", type=int, help="With --sequential: units in two arms at which bounds are tightest.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def analyze(
    file: str,
    unit: str | None,
    variant: str,
    control: str,
    metrics: tuple[str, ...],
    covariates: tuple[str, ...],
    stratum: str | None,
    tests: tuple[str, ...],
    margins: tuple[str, ...],
    one_sided: tuple[str, ...],
    filters: tuple[str, ...],
    transforms: tuple[str, ...],
    aggregations: tuple[str, ...],
    lower_is_better: tuple[str, ...],
    caps: tuple[str, ...],
    alpha: float,
    correction: str,
    weights: str | None,
    method: str,
    sequential: bool,
    required: int | None,
    looks: str | None,
    spending: str,
    ended: bool,
    prior_lift_sd: float | None,
    tuning_units: int | None,
    as_json: bool,
) -> None:
    """Analyse a finished experiment from a CSV, TSV, Parquet or JSON-lines FILE.

    Rows of one unit are combined first; units in several variants are left out and reported.

    \b
    assay analyze cats.csv --unit userid --variant version --control gate_30 \\
        --metric conversion:retention_7 --metric mean:sum_gamerounds
    """
    # Imported here so that --help answers at once.
    from assay import notebook
    from assay.errors import AssayError, InvalidInput

    try:
        analysis = notebook.analyze(
            file,
            unit=unit,
            variant=variant,
            control=control,
            metrics=metrics,
            covariates=_grouped(_pair(text, "covariate") for text in covariates),
            stratum=stratum,
            tests=dict(_pair(text, "test") for text in tests),
            margins=dict(_margin(text) for text in margins),
            one_sided=one_sided,
            filters=filters,
            transforms=dict(_pair(text, "transform") for text in transforms),
            aggregations=dict(_pair(text, "aggregate") for text in aggregations),
            lower_is_better=lower_is_better,
            caps=dict(_number(text, "cap") for text in caps),
            weights=None if weights is None else dict(_number(text, "weights") for text in weights.split(",")),
            alpha=alpha,
            correction=correction,
            method=method,
            sequential=sequential,
            required_per_variant=required,
            looks=() if looks is None else [_share(text) for text in looks.split(",")],
            spending=spending,
            ended=ended,
            prior_lift_sd=prior_lift_sd,
            tuning_units=tuning_units,
        )
    except InvalidInput as error:
        click.echo(f"Error: {error.at(_OPTIONS.get(error.field, error.field))}", err=True)
        sys.exit(2)
    except AssayError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    if as_json:
        click.echo(json.dumps(analysis.to_dict(), ensure_ascii=False, allow_nan=False, indent=2))
    else:
        _print(analysis.result)
    if not analysis.result.metrics:
        click.echo("Error: no metric could be analysed; see the notes", err=True)
        sys.exit(1)


def _print(result: ExperimentResult) -> None:
    from rich.console import Console

    from assay.cli.tables import print_result

    print_result(result, Console(highlight=False))


def _pair(text: str, field: str) -> tuple[str, str]:
    """'a=b' as ('a', 'b'); the last '=' divides."""
    from assay.errors import InvalidInput

    name, equals, value = text.rpartition("=")
    if not (name and equals and value):
        raise InvalidInput(field, text, "NAME=VALUE")
    return name, value


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Every value given for a name, in order."""
    found: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        found[name] = (*found.get(name, ()), value)
    return found


def _margin(text: str) -> tuple[str, tuple[str, float]]:
    """'revenue=non_inferiority:0.02' as ('revenue', ('non_inferiority', 0.02))."""
    from assay.errors import InvalidInput

    name, value = _pair(text, "margin")
    hypothesis, _, share = value.partition(":")
    try:
        return name, (hypothesis, float(share))
    except ValueError:
        accepted = f"NAME=HYPOTHESIS:SHARE, as revenue=non_inferiority:0.02; hypotheses: {', '.join(_MARGINS)}"
        raise InvalidInput("margin", text, accepted) from None


def _share(text: str) -> float:
    from assay.errors import InvalidInput

    try:
        return float(text)
    except ValueError:
        raise InvalidInput("looks", text, "shares of the planned sample, like 0.5,1") from None


def _number(text: str, field: str) -> tuple[str, float]:
    from assay.errors import InvalidInput

    name, value = _pair(text.strip(), field)
    try:
        return name, float(value)
    except ValueError:
        raise InvalidInput(field, text, "NAME=NUMBER") from None
