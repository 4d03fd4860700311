"""A design: what is measured and how it will be judged; everything a plan depends on but effect, power and size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from assay.errors import InvalidInput
from assay.model.metric import Direction, Hypothesis
from assay.model.plan import Correction
from assay.stats.checks import is_number
from assay.stats.planning.measured import MeanMeasure, Measured, ShareMeasure, on_log_scale

DUNNETT = "dunnett"
_CORRECTIONS = (*(item.value for item in Correction), DUNNETT)


class Scale(StrEnum):
    """relative: effects and margins are shares of the baseline, 0.1 = +10 %. absolute: in the metric's unit."""

    RELATIVE = "relative"
    ABSOLUTE = "absolute"


class Form(StrEnum):
    """How power is computed.

    large_sample: normal curve. exact: all outcomes of two binomials for shares, noncentral t for means.
    """

    LARGE_SAMPLE = "large_sample"
    EXACT = "exact"


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedHorizon:
    """One look, at the planned end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anytime:
    """Looks whenever one likes, by the normal mixture (`assay.stats.sequential.mixture`); always two-sided.

    tuning_units: units in treatment and control together at which the sequence is tightest; those planned if None.
    looks: equally spaced looks counted towards power. 1 counts the last alone, which is safe and about what
    `equivalent_alpha` says; more looks give more chances to find the effect, so a smaller size reaches the power.
    """

    tuning_units: int | None = None
    looks: int = 1

    def __post_init__(self) -> None:
        if self.tuning_units is not None and self.tuning_units < 2:
            raise InvalidInput("tuning_units", self.tuning_units, "a whole number of at least 2, or nothing")
        if not (is_number(self.looks) and 1 <= self.looks <= 1000):
            raise InvalidInput("looks", self.looks, "a whole number from 1 to 1000")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSequential:
    """A few planned looks with a spending function. inflation: largest size over that of one look, at least 1.

    `group_design(looks, alpha=…, power=…).inflation` of `assay.stats.group_sequential.design` gives it; it belongs to
    that alpha and power, and answers about another power are near, not exact. Jennison & Turnbull 2000 tabulate it
    (their R): 1.028 for O'Brien and Fleming with five looks, α .05, power .8.
    """

    inflation: float

    def __post_init__(self) -> None:
        if not (is_number(self.inflation) and 1 <= self.inflation <= 100):
            raise InvalidInput("inflation", self.inflation, "a number from 1 to 100")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clusters:
    """Whole groups are randomised. mean_size: units per cluster. icc: intraclass correlation, 0 to 1.

    size_cv: standard deviation of the clusters' sizes over their mean.
    """

    mean_size: float
    icc: float
    size_cv: float = 0.0

    def __post_init__(self) -> None:
        if not (is_number(self.mean_size) and 1 <= self.mean_size < math.inf):
            raise InvalidInput("mean_size", self.mean_size, "a number of at least 1")
        if not (is_number(self.icc) and 0 <= self.icc <= 1):
            raise InvalidInput("icc", self.icc, "a number from 0 to 1")
        if not (is_number(self.size_cv) and 0 <= self.size_cv < math.inf):
            raise InvalidInput("size_cv", self.size_cv, "a number of at least 0")

    @property
    def design_effect(self) -> float:
        """1 + ((1 + cv²) m - 1) ICC: variance over that of as many units on their own.

        Donner & Klar 2000, section 5.2 (equal sizes); Eldridge, Ashby & Kerry 2006 (unequal ones).
        """
        return max(1.0, 1 + ((1 + self.size_cv**2) * self.mean_size - 1) * self.icc)


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How an experiment will be judged. Ask it with `sample_size`, `power`, `minimum_effect`, `days_to_completion`.

    measured: the metric's value in control and its spread.
    weights: shares of the variants, the control first; any positive numbers, only their proportions count.
    alpha: chance of a false alarm in the whole family; for a hypothesis with a margin that of each one-sided test.
    one_sided: look only in the better `direction`. margin: above 0, on the same scale as effects; needed by and only
    by superiority (better by more than it), non_inferiority (not worse by it), equivalence (neither).
    correction: over `n_comparisons`, which is the number of treatments when None. Bonferroni, Holm and Benjamini and
    Hochberg are all sized with alpha / n_comparisons: what they give if no other comparison has an effect. dunnett
    uses the correlation of comparisons that share a control (Dunnett 1955).
    correlation: of the metric with its covariate (CUPED); the variance is multiplied by 1 - correlation².
    """

    measured: Measured
    weights: tuple[float, ...] = (1.0, 1.0)
    alpha: float = 0.05
    scale: Scale = Scale.RELATIVE
    hypothesis: Hypothesis = Hypothesis.DIFFERENCE
    margin: float | None = None
    direction: Direction = Direction.INCREASE
    one_sided: bool = False
    correction: str = Correction.NONE
    n_comparisons: int | None = None
    method: FixedHorizon | Anytime | GroupSequential = FixedHorizon()
    correlation: float = 0.0
    clusters: Clusters | None = None
    form: Form = Form.LARGE_SAMPLE

    def __post_init__(self) -> None:
        if not (is_number(self.alpha) and 0 < self.alpha < 0.5):
            raise InvalidInput("alpha", self.alpha, "a number above 0 and below 0.5")
        if not (is_number(self.correlation) and -1 < self.correlation < 1):
            raise InvalidInput("correlation", self.correlation, "a number above -1 and below 1")
        self._check_weights()
        self._check_scale()
        self._check_hypothesis()
        self._check_method()

    def _check_weights(self) -> None:
        if len(self.weights) < 2 or not all(0 < weight < math.inf for weight in self.weights):
            raise InvalidInput("weights", list(self.weights), "two or more positive numbers, the control's first")
        if max(self.weights) > 1e6 * min(self.weights):
            raise InvalidInput("weights", list(self.weights), "weights that differ at most a million times")
        if self.correction not in _CORRECTIONS:
            raise InvalidInput("correction", self.correction, ", ".join(_CORRECTIONS))
        if self.n_comparisons is not None and self.n_comparisons < 1:
            raise InvalidInput("n_comparisons", self.n_comparisons, "a whole number of at least 1, or nothing")
        if self.correction == DUNNETT and self.n_comparisons not in (None, len(self.weights) - 1):
            raise InvalidInput("n_comparisons", self.n_comparisons, f"with dunnett {len(self.weights) - 1} or nothing")

    def _check_scale(self) -> None:
        relative, baseline = Scale(self.scale) is Scale.RELATIVE, self.measured.baseline
        if relative and baseline == 0:
            raise InvalidInput(
                "scale", self.scale, "absolute, because nothing can be given relative to a baseline of 0"
            )
        if relative and self.margin is not None and baseline < 0:
            raise InvalidInput("scale", self.scale, "absolute, because the baseline is negative")
        if not relative and on_log_scale(self.measured):
            raise InvalidInput("scale", self.scale, "relative, because rates are compared by their ratio")

    def _check_hypothesis(self) -> None:
        kind, given = Hypothesis(self.hypothesis), self.margin
        if kind is Hypothesis.DIFFERENCE:
            if given is not None:
                raise InvalidInput("margin", given, "nothing, unless hypothesis says what it is for")
            return
        highest = 1.0 if self.scale == Scale.RELATIVE else math.inf
        if given is None or not 0 < given < highest:
            raise InvalidInput("margin", given, f"a number above 0 and below {highest:g}, for {kind.value}")
        if isinstance(self.measured, ShareMeasure) and self.measured.pooled:
            raise InvalidInput(
                "pooled", True, "False with a margin: the pooled variance holds under no difference only"
            )

    def _check_method(self) -> None:
        exact, plain = Form(self.form) is Form.EXACT, isinstance(self.method, FixedHorizon)
        if isinstance(self.method, Anytime):
            if self.one_sided:
                raise InvalidInput("one_sided", True, "False: sequences for every look are two-sided")
            if self.correction == DUNNETT:
                raise InvalidInput("correction", DUNNETT, "another with the anytime method, as bonferroni")
            if self.method.looks > 1 and self.hypothesis == Hypothesis.EQUIVALENCE:
                raise InvalidInput("looks", self.method.looks, "1 for equivalence")
        if exact and not (plain and isinstance(self.measured, (ShareMeasure, MeanMeasure))):
            raise InvalidInput("form", self.form, "large_sample, but for shares and means at a fixed horizon")
        adjusted = self.correlation != 0 or self.clusters is not None
        if exact and adjusted and isinstance(self.measured, ShareMeasure):
            raise InvalidInput("form", self.form, "large_sample for shares with a covariate or clusters")

    @property
    def variance_factor(self) -> float:
        """What CUPED and clusters multiply the variance by: (1 - ρ²) · design effect."""
        effect = self.clusters.design_effect if self.clusters is not None else 1.0
        return (1 - self.correlation**2) * effect

    @property
    def comparisons(self) -> int:
        """Comparisons that share alpha; 1 without a correction."""
        if self.correction == Correction.NONE:
            return 1
        return self.n_comparisons if self.n_comparisons is not None else len(self.weights) - 1

    @property
    def sides(self) -> int:
        """2 for a two-sided difference and for sequences, else 1."""
        if isinstance(self.method, Anytime):
            return 2
        return 1 if self.one_sided or self.hypothesis != Hypothesis.DIFFERENCE else 2
