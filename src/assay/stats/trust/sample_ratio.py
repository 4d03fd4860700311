"""Sample-ratio mismatch: whether units split between the variants as planned.

Two p-values. Chi-square, for one look. And one that holds at every look: under the hypothesis that units fall to
the variants with the planned shares θ, the evidence

    e = Γ(K) / Γ(K + n) · Π Γ(K θ_i + x_i) / Γ(K θ_i) · Π θ_i^(-x_i)

is a martingale that starts at 1 (the multinomial mixed over a Dirichlet(K θ) prior against the planned shares), so
p = min(1, 1/e) is below α at any look with probability at most α (Lindon & Malek 2020, "Anytime-Valid Inference for
Multinomial Count Data", eq. 7).

The concentration K decides which mismatch is found soonest; it costs no validity. With K = 1,000 the prior expects
shares off by some 1.6 points in an even split, and is most sensitive after 17 K units at α = 0.001: watched every
500 units, 52/48 is found within about 10,500 units half of the time, 51/49 within about 42,000.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from scipy.special import chdtrc, gammaln

from assay.errors import InvalidInput
from assay.model.result import NoEstimate, SampleRatio, Validity
from assay.stats.distributions import floored

CONCENTRATION = 1_000.0

NO_UNITS = NoEstimate("no_units", "no unit has been seen in a variant with traffic")
ONE_ARM = NoEstimate("one_arm", "only one variant has traffic, so there is no split to check")


def sample_ratio(
    observed: Mapping[str, int],
    weights: Mapping[str, int],
    *,
    alpha: float = 0.001,
    validity: Validity | str = Validity.ANYTIME,
) -> SampleRatio:
    """Units seen per variant against the planned weights.

    Variants without weight, and units of variants without a plan, are left out of the tests. The p-value that
    decides about a mismatch at alpha is the chi-square's for one look, else the one valid at every look.
    """
    try:
        validity = Validity(validity)
    except ValueError:
        raise InvalidInput("validity", validity, ", ".join(Validity)) from None
    total = sum(weights.values())
    expected = {variant: weight / total if total else 0.0 for variant, weight in weights.items()}
    live = [variant for variant, weight in weights.items() if weight > 0]
    counts, shares = [observed.get(variant, 0) for variant in live], [expected[variant] for variant in live]
    p: float | NoEstimate
    anytime: float | NoEstimate
    if len(live) < 2:
        p = anytime = ONE_ARM
    elif sum(counts) == 0:
        p = anytime = NO_UNITS
    else:
        p, anytime = chi_square_p(counts, shares), multinomial_anytime_p(counts, shares)
    decisive = p if validity is Validity.FIXED else anytime
    return SampleRatio(
        expected=expected,
        observed=dict(observed),
        p_value=p,
        p_value_anytime=anytime,
        mismatch=isinstance(decisive, float) and decisive < alpha,
    )


def chi_square_p(counts: list[int], shares: list[float]) -> float:
    """P-value of Pearson's goodness of fit: Σ (x - n θ)² / (n θ) on k - 1 degrees of freedom."""
    n = _checked(counts, shares)
    statistic = math.fsum((x - n * share) ** 2 / (n * share) for x, share in zip(counts, shares, strict=True))
    return floored(float(chdtrc(len(counts) - 1, statistic)))


def multinomial_anytime_p(counts: list[int], shares: list[float], concentration: float = CONCENTRATION) -> float:
    """The p-value valid at every look. concentration: of the Dirichlet prior around the planned shares."""
    n = _checked(counts, shares)
    if not 0 < concentration < math.inf:
        raise InvalidInput("concentration", concentration, "a number above 0")
    terms = [float(gammaln(concentration)) - float(gammaln(concentration + n))]
    for x, share in zip(counts, shares, strict=True):
        prior = concentration * share
        terms += [float(gammaln(prior + x)), -float(gammaln(prior)), -x * math.log(share)]
    return floored(math.exp(-max(0.0, math.fsum(terms))))


def _checked(counts: list[int], shares: list[float]) -> int:
    """All units; raises InvalidInput for counts and shares that do not belong together."""
    if not counts or min(counts) < 0 or sum(counts) == 0:
        raise InvalidInput("counts", counts, "units of every variant, at least 0, not all 0")
    if len(shares) != len(counts) or not min(shares) > 0 or not math.isclose(math.fsum(shares), 1, rel_tol=1e-6):
        raise InvalidInput("shares", shares, f"{len(counts)} planned shares above 0 that sum to 1")
    return sum(counts)
