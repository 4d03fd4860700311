"""The mixture sequential probability ratio test of online experiments: a normal mixture on the effect's own scale."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

from assay.errors import InvalidInput
from assay.model.moments import Moments
from assay.model.result import NoEstimate, Validity
from assay.stats.arm import EMPTY_ARM, ONE_UNIT, ZERO_VARIANCE
from assay.stats.checks import is_finite
from assay.stats.contrast import Contrast
from assay.stats.fixed.parts import mean_parts
from assay.stats.inputs import check_alpha, moments_of
from assay.stats.outcome import Alternative, Outcome, alternative_of, nothing
from assay.stats.sequential.answers import positive
from assay.stats.sequential.rules import judge_contrast

_MOST = 1e150

FEW_UNITS = "the variance is estimated from fewer than 100 units in an arm, so this p-value alarms too often"
_FEW = 100


def msprt(
    treatment: Moments | ArrayLike,
    control: Moments | ArrayLike,
    *,
    tau: float,
    standard_deviation: float | None = None,
    alpha: float = 0.05,
    alternative: Alternative | str = Alternative.TWO_SIDED,
    null: float = 0.0,
) -> Outcome:
    """Two means by the mixture SPRT, effects mixed over Normal(null, τ²): p = min(1, 1 / Λ), valid at every look.

    Λ = √(s² / (s² + τ²)) · exp(τ² (D - null)² / (2 s² (s² + τ²))), D the difference of means, s² its variance; with
    arms of one size n and V = 2 σ² that is √(V / (V + n τ²)) exp(n² τ² (D - null)² / (2 V (V + n τ²))). The interval is
    all nulls with p > α: D ± s √c; the lift's is Fieller's set at the same c. p ≤ α exactly when `null` is outside.
    One-sided, effects of one sign are mixed.

    tau: the standard deviation of plausible effects, in the metric's unit, fixed before any data (not an estimate).
    standard_deviation: of one unit, common to both arms, where it is known: then exact for normal values. Where it is
    None each arm's variance is estimated, and the first looks alarm too often: simulated from the second unit of an arm
    on, 13.5 % of A/A tests of normal values with τ of one standard deviation are ever significant at α = 5 %; looked at
    from 100 units per arm on, 0.6 %. The answer warns below that; `mean_sequence` allows for it.
    Source: Johari, Koomen, Pekelis & Walsh 2022, "Always Valid Inference: Continuous Monitoring of A/B Tests",
    section 5 (the mixture for normal data and two streams); Robbins 1970.
    """
    looked_for = alternative_of(alternative)
    check_alpha(alpha)
    positive(tau, "tau")
    known = None if standard_deviation is None else positive(standard_deviation, "standard_deviation")
    if not is_finite(null):
        raise InvalidInput("null", null, "a finite difference")
    parts = mean_parts(moments_of(treatment, "treatment")), mean_parts(moments_of(control, "control"))
    why = _why_not(parts, known)
    t, c = parts
    if isinstance(t, NoEstimate) or isinstance(c, NoEstimate) or why is not None:
        level, validity = 1 - alpha, Validity.ANYTIME
        return nothing("msprt", why or EMPTY_ARM, alternative=looked_for, null=null, level=level, validity=validity)
    v_t, v_c = (v / n if known is None else known * known / n for n, v in ((t[0], t[2]), (c[0], c[2])))
    contrast = Contrast(
        treatment=t[1],
        control=c[1],
        n_units=t[0] + c[0],
        null_variance=v_t + v_c,
        absolute=((v_t + v_c, 0.0, 0.0),),
        relative=((v_t, 0.0, v_c),),
    )
    warnings = (FEW_UNITS,) if known is None and min(t[0], c[0]) < _FEW else ()
    spread = math.sqrt(v_t + v_c)
    relative = tau / spread if spread > 0 else math.inf
    if not 1 / _MOST < relative < _MOST:
        raise InvalidInput("tau", tau, "a standard deviation that is not beyond comparison with that of the values")
    m = relative * relative
    return judge_contrast("msprt", contrast, m, alpha=alpha, alternative=looked_for, null=null, warnings=warnings)


def _why_not(parts: tuple[tuple[int, float, float] | NoEstimate, ...], known: float | None) -> NoEstimate | None:
    for part in parts:
        if isinstance(part, NoEstimate):
            return part
    arms = [part for part in parts if not isinstance(part, NoEstimate)]
    if known is None and min(n for n, _, _ in arms) < 2:
        return ONE_UNIT
    if known is None and sum(variance for _, _, variance in arms) <= 0:
        return ZERO_VARIANCE
    return None
