"""The tests a metric can name: what each needs, which kinds of metric it fits, and how it is called.

A test that is installed beside Assay has the same shape (see docs/guide/statistics.md): entry point group
`assay.tests`, an object with `needs`, `kinds`, `title` and `compare`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from assay.errors import InvalidInput
from assay.model.metric import Metric, MetricKind
from assay.stats.outcome import Outcome

SHARES = frozenset({MetricKind.CONVERSION})
MEANS = frozenset({MetricKind.COUNT, MetricKind.SUM, MetricKind.MEAN})
COUNTS = frozenset({MetricKind.COUNT, MetricKind.SUM})
QUANTILES = frozenset({MetricKind.QUANTILE})
DEFAULT_TEST = {
    MetricKind.CONVERSION: "two_proportion_z",
    MetricKind.COUNT: "welch_t",
    MetricKind.SUM: "welch_t",
    MetricKind.MEAN: "welch_t",
    MetricKind.RATIO: "ratio_t",
    MetricKind.QUANTILE: "quantile",
}


class Needs(StrEnum):
    """What a test is given for each arm: moments, or exact value counts."""

    MOMENTS = "moments"
    VALUE_COUNTS = "value_counts"


class Compare(Protocol):
    """A test of a treatment against a control."""

    def __call__(self, treatment: Any, control: Any, *, alpha: float, alternative: Any) -> Outcome: ...


class PluggedTest(Protocol):
    """What an entry point of `assay.tests` names. compare: pure, quick, and told everything by its arguments."""

    needs: str
    kinds: Iterable[str]
    title: str

    def compare(self, treatment: Any, control: Any, *, alpha: float, alternative: Any) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class NamedTest:
    """One test by its name.

    scale: what its difference is, where it is not the metric's; directed: whether its sign says which arm is above.
    """

    name: str
    title: str
    needs: Needs
    kinds: frozenset[MetricKind]
    compare: Callable[..., Outcome]
    scale: str = ""
    directed: bool = True

    @property
    def is_default(self) -> bool:
        """Whether some kind of metric uses it unless told otherwise."""
        return self.name in DEFAULT_TEST.values()


def plugged(name: str, test: PluggedTest) -> NamedTest:
    """The spec of an installed test. Raises InvalidInput naming what is missing or wrong."""
    if not callable(getattr(test, "compare", None)):
        raise InvalidInput("compare", None, f"a method compare of the test '{name}'")
    try:
        needs = Needs(getattr(test, "needs", None) or "")
    except ValueError:
        raise InvalidInput("needs", getattr(test, "needs", None), ", ".join(Needs)) from None
    try:
        kinds = frozenset(MetricKind(kind) for kind in getattr(test, "kinds", ()))
    except ValueError as error:
        raise InvalidInput("kinds", str(error), ", ".join(MetricKind)) from None
    if not kinds:
        raise InvalidInput("kinds", None, f"at least one of {', '.join(MetricKind)}")
    title, scale = str(getattr(test, "title", name)), str(getattr(test, "scale", ""))
    return NamedTest(name, title, needs, kinds, test.compare, scale, bool(getattr(test, "directed", True)))


def chosen_test(metric: Metric, installed: Mapping[str, NamedTest] | None = None) -> NamedTest:
    """The test a metric names, or its kind's own. Raises InvalidInput for one that does not exist or does not fit."""
    name = metric.test or DEFAULT_TEST[metric.kind]
    known = {**BUILT_IN, **(installed or {})}
    fitting = sorted(item.name for item in known.values() if metric.kind in item.kinds)
    if name not in known or metric.kind not in known[name].kinds:
        raise InvalidInput("test", name, f"a test for a {metric.kind.value} metric: {', '.join(fitting)}")
    return known[name]


def _later(module: str, function: str, **fixed: Any) -> Callable[..., Outcome]:
    """A function that is imported when it is first called."""

    def call(treatment: Any, control: Any, **options: Any) -> Outcome:
        found = getattr(importlib.import_module(f"assay.stats.{module}"), function)
        answer = found(treatment, control, **fixed, **options)
        outcome: Outcome = answer if isinstance(answer, Outcome) else answer.outcome
        return outcome

    return call


_Kinds = frozenset[MetricKind]


def _moments(name: str, title: str, kinds: _Kinds, where: str, **fixed: Any) -> NamedTest:
    return NamedTest(name, title, Needs.MOMENTS, kinds, _later(*where.split(":"), **fixed))


def _counts(
    name: str, title: str, kinds: _Kinds, where: str, scale: str = "", directed: bool = True, **fixed: Any
) -> NamedTest:
    return NamedTest(name, title, Needs.VALUE_COUNTS, kinds, _later(*where.split(":"), **fixed), scale, directed)


_RANKS = "the chance that a unit of the treatment is above one of the control, less 1/2"
_DISTANCE = "the largest distance between the two distributions, 0 to 1"
_ALL = (
    _moments("two_proportion_z", "z-test of two shares, pooled", SHARES, "fixed.core:two_proportion_z"),
    _moments("two_proportion_z_unpooled", "z-test of two shares", SHARES, "fixed.core:two_proportion_z", pooled=False),
    _moments("fisher_exact", "Fisher's exact test", SHARES, "fixed.exact:fisher_exact"),
    _moments("boschloo_exact", "Boschloo's exact test", SHARES, "fixed.exact:boschloo_exact"),
    _moments("barnard_exact", "Barnard's exact test", SHARES, "fixed.exact:barnard_exact"),
    _moments("miettinen_nurminen", "Miettinen and Nurminen's score test", SHARES, "fixed.score:miettinen_nurminen"),
    _moments("newcombe", "Newcombe's interval of two shares", SHARES, "fixed.score:newcombe"),
    _moments("welch_t", "Welch's t-test", MEANS, "fixed.core:welch_t"),
    _moments("student_t", "Student's t-test", MEANS, "fixed.core:student_t"),
    _moments("poisson", "Poisson test of two rates", COUNTS, "fixed.counts:poisson_test"),
    _moments("negative_binomial", "negative binomial test", COUNTS, "fixed.overdispersed:negative_binomial_test"),
    _moments("ratio_t", "t-test of two ratios, delta method", frozenset({MetricKind.RATIO}), "fixed.core:ratio_t"),
    _counts("quantile", "difference of quantiles", QUANTILES, "fixed.quantiles:quantile_difference"),
    _counts("mann_whitney", "Mann and Whitney's test", MEANS, "fixed.rank:mann_whitney", _RANKS),
    _counts("brunner_munzel", "Brunner and Munzel's test", MEANS, "fixed.rank:brunner_munzel", _RANKS),
    _counts(
        "kolmogorov_smirnov", "Kolmogorov and Smirnov's test", MEANS, "fixed.ks:kolmogorov_smirnov", _DISTANCE, False
    ),
    _counts("poisson_bootstrap", "Poisson bootstrap of the mean", MEANS, "fixed.bootstrap:poisson_bootstrap"),
    _counts(
        "poisson_bootstrap_studentized",
        "Poisson bootstrap of the mean, studentized",
        MEANS,
        "fixed.bootstrap:poisson_bootstrap",
        interval="studentized",
    ),
)
BUILT_IN: Mapping[str, NamedTest] = {item.name: item for item in _ALL}
