"""`assay analyze`: a finished experiment in a file, read in the terminal."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from assay.model.result import ExperimentResult

_CORRECTIONS = ("holm", "bonferroni", "benjamini_hochberg", "none")


@click.command()
@click.argument("file", type=click.Path(path_type=str))
@click.option("--unit", required=True, metavar="COLUMN", help="Column that identifies what was randomised.")
@click.option("--variant", required=True, metavar="COLUMN", help="Column that names the variant.")
@click.option("--control", required=True, metavar="VALUE", help="The variant the others are compared with.")
@click.option(
    "--metric",
    "metrics",
    required=True,
    multiple=True,
    metavar="KIND:COLUMN",
    help="conversion:, mean:, sum: or count:COLUMN, or ratio:NUMERATOR/DENOMINATOR. Repeatable; the first is primary.",
)
@click.option(
    "--covariate",
    "covariates",
    multiple=True,
    metavar="METRICCOLUMN=PRECOLUMN",
    help="A column known before the start that sharpens a metric (CUPED). Repeatable.",
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
@click.option("--sequential", is_flag=True, help="Numbers that stay right at every look, for data still coming in.")
@click.option("--tuning-units", type=int, help="With --sequential: units in two arms at which bounds are tightest.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def analyze(
    file: str,
    unit: str,
    variant: str,
    control: str,
    metrics: tuple[str, ...],
    covariates: tuple[str, ...],
    lower_is_better: tuple[str, ...],
    caps: tuple[str, ...],
    alpha: float,
    correction: str,
    weights: str | None,
    sequential: bool,
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
    from assay.errors import AssayError

    try:
        analysis = notebook.analyze(
            file,
            unit=unit,
            variant=variant,
            control=control,
            metrics=metrics,
            covariates=dict(_pair(text, "covariate") for text in covariates),
            lower_is_better=lower_is_better,
            caps=dict(_number(text, "cap") for text in caps),
            weights=None if weights is None else dict(_number(text, "weights") for text in weights.split(",")),
            alpha=alpha,
            correction=correction,
            sequential=sequential,
            tuning_units=tuning_units,
        )
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


def _number(text: str, field: str) -> tuple[str, float]:
    from assay.errors import InvalidInput

    name, value = _pair(text.strip(), field)
    try:
        return name, float(value)
    except ValueError:
        raise InvalidInput(field, text, "NAME=NUMBER") from None
