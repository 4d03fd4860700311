"""Families of comparisons: one role's metrics × treatments, adjusted p-values and the level of intervals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from assay.model.metric import Hypothesis, Role
from assay.model.plan import Correction, Plan
from assay.stats.arm import Arm
from assay.stats.comparison import Measured
from assay.stats.contrast import satterthwaite
from assay.stats.distributions import student_p
from assay.stats.multiple.adjust import adjust, interval_alpha
from assay.stats.multiple.dunnett import dunnett_critical, dunnett_p
from assay.stats.outcome import Alternative, Outcome


@dataclass(frozen=True, slots=True)
class Family:
    """The families of one analysis. sizes: comparisons per role. one_look: fixed-horizon numbers.

    Dunnett's correction is of the treatments of one metric, at one look; several metrics of a role share alpha evenly.
    Where it does not apply (sequences, planned looks, margins, tests by name) Holm's stands in.
    """

    measured: Sequence[Measured]
    control: str
    plan: Plan
    one_look: bool
    sizes: Counter[Role] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.sizes.update(family_sizes(self.measured, self.control))

    def correction(self, item: Measured) -> Correction:
        """What a metric's p-values are corrected by: the plan's, or what stands in for it."""
        planned = self.plan.correction
        return Correction.HOLM if planned is Correction.DUNNETT and self._dunnett_arms(item) is None else planned

    def interval_alpha(self, item: Measured, variant: str) -> float:
        """The error of a treatment's intervals. Dunnett's have the degrees of freedom of its own comparison."""
        arms = self._dunnett_arms(item)
        if arms is None or variant not in arms[1]:
            return interval_alpha(self.plan.alpha, self.sizes[item.metric.role], self.plan.correction)
        control, treatments = arms
        sides = 2 if not item.metric.one_sided else 1
        nu = math.inf if item.shape == "share" else satterthwaite(treatments[variant], control)
        critical = dunnett_critical(
            self.plan.alpha / self._metrics_of(item.metric.role),
            [1 / arm.variance for arm in treatments.values()],
            1 / control.variance,
            nu,
            one_sided=sides == 1,
        )
        return student_p(critical, nu) * sides / 2

    def adjusted(self, outcomes: Sequence[Mapping[str, Outcome]]) -> list[dict[str, float]]:
        """Adjusted p-values per metric and treatment; comparisons of the family without a p-value count as p = 1."""
        answer: list[dict[str, float]] = [{} for _ in self.measured]
        for role, size in self.sizes.items():
            found = [
                (i, variant, item.p_value)
                for i, of_metric in enumerate(outcomes)
                if self.measured[i].metric.role is role
                for variant, item in of_metric.items()
                if isinstance(item.p_value, float)
            ]
            p_values = [p for _, _, p in found] + [1.0] * (size - len(found))
            for (i, variant, _), p in zip(found, adjust(p_values, self.plan.correction), strict=False):
                answer[i][variant] = p
        for i, item in enumerate(self.measured):
            answer[i] |= self._dunnett(item, outcomes[i])
        return answer

    def _dunnett(self, item: Measured, outcomes: Mapping[str, Outcome]) -> dict[str, float]:
        arms = self._dunnett_arms(item)
        if arms is None:
            return {}
        control, treatments = arms
        sizes, n_metrics = [1 / arm.variance for arm in treatments.values()], self._metrics_of(item.metric.role)
        answer = {}
        for variant, outcome in outcomes.items():
            if outcome.statistic is None or variant not in treatments:
                continue
            far = -outcome.statistic if outcome.alternative is Alternative.LESS else outcome.statistic
            nu = math.inf if outcome.degrees_of_freedom is None else outcome.degrees_of_freedom
            (p, *_) = dunnett_p([far] * len(sizes), sizes, 1 / control.variance, nu, one_sided=item.metric.one_sided)
            answer[variant] = min(1.0, n_metrics * p)
        return answer

    def _dunnett_arms(self, item: Measured) -> tuple[Arm, dict[str, Arm]] | None:
        """Control and treatments with an estimate, where Dunnett's correction applies."""
        plain = item.test.is_default and item.metric.hypothesis is Hypothesis.DIFFERENCE
        if self.plan.correction is not Correction.DUNNETT or not (self.one_look and plain) or item.value_counts:
            return None
        arms = item.arms if item.by is None else {**item.arms, **item.by.arms}
        usable = {name: arm for name, arm in arms.items() if isinstance(arm, Arm) and arm.unit_variance > 0}
        control = usable.pop(self.control, None)
        return None if control is None or not usable else (control, usable)

    def _metrics_of(self, role: Role) -> int:
        return sum(1 for item in self.measured if item.metric.role is role)


def family_sizes(measured: Sequence[Measured], control: str) -> Counter[Role]:
    """Comparisons per role: those whose two arms both have units, whether or not a p-value comes of them."""
    sizes: Counter[Role] = Counter()
    for item in measured:
        seen = [variant for variant, arm in item.moments.items() if arm.n > 0]
        sizes[item.metric.role] += len(seen) - 1 if control in seen else 0
    return sizes
