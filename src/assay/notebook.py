"""`assay.analyze` and `assay.assign`: files and dataframes, read where you sit."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from assay.errors import AssayError, InvalidInput
from assay.model.metric import Hypothesis
from assay.model.plan import Correction, Method, Plan, Spending
from assay.model.result import ExperimentResult, Interval, NoEstimate
from assay.model.table import BatchQuestion, ColumnKind
from assay.service.result_rows import HEADINGS, notes, ratio_sentence, result_rows, shows_adjusted

if TYPE_CHECKING:
    import pandas as pd

MARGINS = tuple(item.value for item in Hypothesis if item is not Hypothesis.DIFFERENCE)
_CELL = "padding:2px 10px;text-align:{};white-space:nowrap"
_COLORS = {True: "#1a7f37", False: "#b42318", None: "inherit"}


def assign(
    data: Any,
    experiment: str,
    *,
    unit: str,
    source: str | Path,
    keep: Sequence[str] = (),
    now: datetime | None = None,
    kinds: Mapping[str, str] | None = None,
    output: str | Path | None = None,
) -> Any:
    """Give every row of a table its variant of an experiment and the reason, as a running server would.

    data: as for `analyze`; its columns are the attributes. source: a server's address or its data folder. keep:
    columns to hand on. now: the time of the decisions, the present when left out. kinds: what columns hold (text,
    number, boolean, moment), where it is not what their type says. Returns a pandas dataframe in the order of the
    rows; with `output`, a .parquet, .csv or .jsonl file, writes that and returns the number of rows per
    (variant, reason). No exposure is logged: being assigned is not having met a variant.
    """
    from assay.app.definitions import started_experiments
    from assay.app.tables import open_batches

    try:
        known = {name: ColumnKind(kind) for name, kind in (kinds or {}).items()}
    except ValueError as error:
        raise InvalidInput("kinds", dict(kinds or {}), f"kinds of {', '.join(ColumnKind)} ({error})") from None
    when = now or datetime.now(timezone.utc)
    question = BatchQuestion(experiment=experiment, unit=unit, now=when, keep=tuple(keep), kinds=known)
    batches, experiments = open_batches(), started_experiments(source)
    if output is None:
        return batches.frame(data, experiments, question)
    assigned = batches.assign(data, experiments, question, Path(output))
    return {(variant, reason): count for variant, reason, count in assigned.counts}


def analyze(
    data: Any,
    *,
    unit: str | None = None,
    variant: str,
    control: Any,
    metrics: Sequence[str],
    covariates: Mapping[str, str | Sequence[str]] | None = None,
    lower_is_better: Sequence[str] = (),
    caps: Mapping[str, float] | None = None,
    weights: Mapping[str, float] | None = None,
    stratum: str | None = None,
    tests: Mapping[str, str] | None = None,
    margins: Mapping[str, tuple[str, float]] | None = None,
    one_sided: str | Sequence[str] = (),
    filters: str | Sequence[str] = (),
    transforms: Mapping[str, str] | None = None,
    aggregations: Mapping[str, str] | None = None,
    alpha: float = 0.05,
    correction: str = "holm",
    method: str = "fixed",
    sequential: bool = False,
    tuning_units: int | None = None,
    required_per_variant: int | None = None,
    looks: Sequence[float] = (),
    spending: str = "obrien_fleming",
    ended: bool = False,
    prior_lift_sd: float | None = None,
    name: str | None = None,
) -> Analysis:
    """Analyse a table with one row per unit, or several that are combined per unit.

    data: path of a CSV, TSV, Parquet or JSON-lines file, or a pandas, polars or pyarrow table.
    unit: None where every row is a unit. metrics: `kind:column` with kind conversion, mean, sum, count, median or
    p1 … p99, or `ratio:numerator/denominator`; the first is primary. covariates: metric column → pre-period column or
    columns (CUPED). caps: metric column → bound to which larger values of a unit are set. weights: variant → planned
    share; even if None. stratum: a column known before the start (post-stratification). tests: metric column → test of
    one look, by name. margins: metric column → (superiority, non_inferiority or equivalence, share of the control).
    one_sided: metrics for which only a difference for the better counts. filters, transforms, aggregations: names of
    built-in or installed SQL snippets: rows to keep, metric column → what becomes of a unit's value, and how its rows
    become one value.
    method: fixed, right for one look at complete data; sequential (the same as sequential=True), right at every look;
    group_sequential, right at planned looks: required_per_variant, looks (shares of it) and spending say which,
    and ended that no look follows although the sample was not reached;
    bayesian, sequential with posteriors beside, prior_lift_sd the prior's spread of lifts (flat if None).
    Raises InvalidInput naming the argument that is wrong, NotFound for a missing file.
    """
    # Imported here so that `import assay` stays light.
    from assay.app.plugins import installed_snippets, installed_tests
    from assay.app.tables import open_tables
    from assay.service.snippets import snippet
    from assay.service.table_analysis import TableQuestion
    from assay.service.table_analysis import analyze as analyze_table
    from assay.service.table_metrics import MetricOptions

    snippets = installed_snippets()

    question = TableQuestion(
        unit=unit,
        variant=variant,
        control=_text(control),
        metrics=_several(metrics),
        options=MetricOptions(
            covariates={key: _several(value) for key, value in (covariates or {}).items()},
            lower_is_better=_several(lower_is_better),
            caps=dict(caps or {}),
            tests=dict(tests or {}),
            margins={key: (_hypothesis(kind), margin) for key, (kind, margin) in (margins or {}).items()},
            one_sided=_several(one_sided),
            transforms={key: snippet("transforms", name, snippets) for key, name in (transforms or {}).items()},
            aggregations={key: snippet("aggregations", name, snippets) for key, name in (aggregations or {}).items()},
        ),
        filters=tuple(snippet("filters", name, snippets) for name in _several(filters)),
        stratum=stratum,
        weights=None if weights is None else {_text(key): weight for key, weight in weights.items()},
        plan=Plan(
            method=_method(method, sequential),
            alpha=alpha,
            correction=_choice(Correction, correction, "correction"),
            tuning_units=tuning_units,
            required_per_variant=required_per_variant,
            looks=tuple(looks),
            spending=_choice(Spending, spending, "spending"),
            prior_lift_sd=prior_lift_sd,
        ),
        ended=ended,
    )
    at = datetime.now(timezone.utc)
    result = analyze_table(open_tables(), data, question, name=name or _name(data), at=at, tests=installed_tests())
    return Analysis(result)


@dataclass(frozen=True, slots=True, repr=False)
class Analysis:
    """A result that shows itself: as a table in a notebook, as text elsewhere."""

    result: ExperimentResult

    def __repr__(self) -> str:
        result = self.result
        rows = [HEADINGS, *(row.cells() for row in result_rows(result))]
        kept = len(HEADINGS) if shows_adjusted(result) else len(HEADINGS) - 1
        widths = [max(len(row[i]) for row in rows) for i in range(kept)]
        lines = ["  ".join(row[i].ljust(widths[i]) for i in range(kept)).rstrip() for row in rows]
        return "\n".join([result.recommendation.sentence, "", *lines, "", *self._remarks()])

    def _repr_html_(self) -> str:
        result = self.result
        kept = len(HEADINGS) if shows_adjusted(result) else len(HEADINGS) - 1
        head = "".join(_cell("th", i, heading) for i, heading in enumerate(HEADINGS[:kept]))
        body = "".join(
            f'<tr style="color:{_COLORS[row.better]}">'
            + "".join(_cell("td", i, cell) for i, cell in enumerate(row.cells()[:kept]))
            + "</tr>"
            for row in result_rows(result)
        )
        remarks = "".join(f"<div><small>{html.escape(line)}</small></div>" for line in self._remarks())
        verdict = html.escape(result.recommendation.sentence)
        return f"<p><b>{verdict}</b></p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{remarks}"

    def _remarks(self) -> list[str]:
        from assay.service.table_words import rules

        result = self.result
        warnings = [f"Warning: {warning}" for warning in result.recommendation.warnings]
        return [
            f"Sample ratio: {ratio_sentence(result)}",
            *warnings,
            *(f"Note: {note}" for note in notes(result)),
            *rules(result),
        ]

    def plot(self) -> Plot:
        """The forest plot of every metric and treatment."""
        from assay.charts.forest import forest

        return Plot(forest(self.result.metrics, standalone=True))

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-ready data, without the time of computing."""
        from assay.service.table_analysis import stable_document

        return stable_document(self.result)

    def to_frame(self) -> pd.DataFrame:
        """One row per metric and treatment, numbers as numbers (pandas must be installed)."""
        try:
            import pandas as pd
        except ImportError as error:
            raise AssayError("to_frame needs pandas", hint="pip install pandas; or use to_dict()") from error
        return pd.DataFrame(_records(self.result))


@dataclass(frozen=True, slots=True, repr=False)
class Plot:
    """A chart as SVG text."""

    svg: str

    def __repr__(self) -> str:
        return f"<forest plot, {len(self.svg):,} characters of SVG; .save(path) writes it>"

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | Path) -> Path:
        """Write the SVG to `path` and return it."""
        target = Path(path)
        target.write_text(self.svg, encoding="utf-8")
        return target


def _several(names: str | Sequence[str]) -> tuple[str, ...]:
    """One name or several."""
    return (names,) if isinstance(names, str) else tuple(names)


def _text(label: Any) -> str:
    """A variant's label as the table's text: True is true, 1.0 is 1."""
    if isinstance(label, bool):
        return str(label).lower()
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)


_Choice = TypeVar("_Choice", bound=StrEnum)


def _choice(kind: type[_Choice], text: str, name: str) -> _Choice:
    """A member of an enumeration by its value."""
    try:
        return kind(text)
    except ValueError:
        raise InvalidInput(name, text, ", ".join(item.value for item in kind)) from None


def _method(text: str, sequential: bool) -> Method:
    """The method by its name, or by the shorter word for one of them."""
    found = _choice(Method, text, "method")
    if sequential and found not in (Method.FIXED, Method.SEQUENTIAL):
        raise InvalidInput("sequential", True, f"nothing beside the method {found.value}")
    return Method.SEQUENTIAL if sequential else found


def _hypothesis(text: str) -> Hypothesis:
    if text not in MARGINS:
        raise InvalidInput("margins", text, ", ".join(MARGINS))
    return Hypothesis(text)


def _name(data: Any) -> str:
    return Path(data).name.split(".")[0] if isinstance(data, (str, Path)) else "dataframe"


def _cell(tag: str, index: int, text: str) -> str:
    return f'<{tag} style="{_CELL.format("left" if index < 2 else "right")}">{html.escape(text)}</{tag}>'


def _records(result: ExperimentResult) -> list[dict[str, Any]]:
    records = []
    for metric in result.metrics:
        for item in metric.comparisons:
            treatment, control = metric.arm(item.variant), metric.arm(item.control)
            absolute, relative = item.absolute_interval, item.relative_interval
            records.append(
                {
                    "metric": metric.metric,
                    "kind": metric.kind.value,
                    "role": metric.role.value,
                    "variant": item.variant,
                    "control": item.control,
                    "n_units": treatment.n_units if treatment else 0,
                    "n_units_control": control.n_units if control else 0,
                    "value": _number(treatment.value) if treatment else None,
                    "value_control": _number(control.value) if control else None,
                    "absolute": _number(item.absolute),
                    "absolute_lower": _bound(absolute, "lower"),
                    "absolute_upper": _bound(absolute, "upper"),
                    "relative": _number(item.relative),
                    "relative_lower": _bound(relative, "lower"),
                    "relative_upper": _bound(relative, "upper"),
                    "p_value": _number(item.p_value),
                    "p_value_adjusted": _number(item.p_value_adjusted),
                    "significant": item.significant,
                    "chance_to_beat": item.posterior.chance_to_beat if item.posterior else None,
                    "expected_loss": item.posterior.expected_loss if item.posterior else None,
                    "test": item.test,
                }
            )
    return records


def _number(value: float | NoEstimate) -> float | None:
    return None if isinstance(value, NoEstimate) else value


def _bound(interval: Interval | NoEstimate, side: str) -> float | None:
    return None if isinstance(interval, NoEstimate) else getattr(interval, side)
