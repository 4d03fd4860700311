"""What a Bayesian comparison says, ready to be shown: one answer per treatment."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from assay.errors import InvalidInput
from assay.model.metric import Direction
from assay.model.result import Interval, NoEstimate
from assay.stats.bayesian.priors import EffectScale, scale_of
from assay.stats.checks import is_finite, is_number


class Method(StrEnum):
    """How a number was computed: a closed form, an integral to about 1e-10, or seeded draws."""

    CLOSED_FORM = "closed_form"
    QUADRATURE = "quadrature"
    SIMULATION = "simulation"


class RopeDecision(StrEnum):
    """better, worse: surely beyond the region, on that side; equivalent: surely inside; else undecided."""

    BETTER = "better"
    WORSE = "worse"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rope:
    """A region of practical equivalence: effects from low to high are as good as none.

    scale: absolute, in the metric's unit, or relative (0.01 is +1 %). chance: how sure a decision must be.
    """

    low: float
    high: float
    scale: EffectScale = EffectScale.RELATIVE
    chance: float = 0.95

    def __post_init__(self) -> None:
        if not (is_finite(self.low) and is_finite(self.high) and self.low < self.high):
            raise InvalidInput("rope", f"{self.low} to {self.high}", "two finite numbers, the lower one first")
        if not (is_number(self.chance) and 0.5 < self.chance < 1):
            raise InvalidInput("rope.chance", self.chance, "a number above 0.5 and below 1")
        object.__setattr__(self, "scale", scale_of(self.scale, "rope.scale"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RopeVerdict:
    """Probabilities that the effect is below, inside and above the region; together 1."""

    rope: Rope
    below: float
    inside: float
    above: float
    decision: RopeDecision


@dataclass(frozen=True, slots=True, kw_only=True)
class BayesianAnswer:
    """What the posterior says of one treatment against the control.

    difference: posterior mean of treatment - control, in the metric's unit. relative: posterior median of
    treatment / control - 1. expected_lift: its posterior mean, where it has one. interval, relative_interval:
    equal-tailed, credible at `level`.
    chance_to_beat: that the treatment is better, in `direction`; chance_to_lose: that it is worse. Both with natural
    logarithms, right also where the chance is below what a float can hold. chance_to_be_best: of all arms.
    expected_loss: E max(control - treatment, 0), what shipping it costs on average where it is worse;
    expected_gain: what it brings where it is better; loss_to_best: against the best of all arms. In the metric's unit.
    method, error: of the chances against the control, error absolute. best_method, best_error: of chance_to_be_best;
    for a simulation the error is one standard error.
    """

    variant: str
    difference: float | NoEstimate
    interval: Interval | NoEstimate
    relative: float | NoEstimate
    relative_interval: Interval | NoEstimate
    expected_lift: float | NoEstimate
    chance_to_beat: float | NoEstimate
    log_chance_to_beat: float | NoEstimate
    chance_to_lose: float | NoEstimate
    log_chance_to_lose: float | NoEstimate
    chance_to_be_best: float | NoEstimate
    expected_loss: float | NoEstimate
    expected_gain: float | NoEstimate
    loss_to_best: float | NoEstimate
    rope: RopeVerdict | NoEstimate | None
    prior: str
    method: Method
    error: float
    best_method: Method
    best_error: float
    direction: Direction
    level: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BayesianComparison:
    """All treatments against one control, and what keeping the control would cost.

    control_chance_to_be_best, control_loss: of the control, as chance_to_be_best and loss_to_best of treatments.
    """

    answers: tuple[BayesianAnswer, ...]
    control_chance_to_be_best: float | NoEstimate
    control_loss: float | NoEstimate

    def answer(self, variant: str) -> BayesianAnswer:
        """The answer of one treatment."""
        found = next((item for item in self.answers if item.variant == variant), None)
        if found is None:
            raise InvalidInput("variant", variant, ", ".join(item.variant for item in self.answers))
        return found


def nothing_known(
    variant: str, why: NoEstimate, *, prior: str, direction: Direction, level: float, rope: Rope | None
) -> BayesianAnswer:
    """The answer for an arm, or a control, that cannot be judged at all."""
    return BayesianAnswer(
        variant=variant,
        difference=why,
        interval=why,
        relative=why,
        relative_interval=why,
        expected_lift=why,
        chance_to_beat=why,
        log_chance_to_beat=why,
        chance_to_lose=why,
        log_chance_to_lose=why,
        chance_to_be_best=why,
        expected_loss=why,
        expected_gain=why,
        loss_to_best=why,
        rope=None if rope is None else why,
        prior=prior,
        method=Method.CLOSED_FORM,
        error=0.0,
        best_method=Method.CLOSED_FORM,
        best_error=0.0,
        direction=direction,
        level=level,
    )
