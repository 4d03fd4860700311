"""How many units a test needs, what power a number of units has, and the smallest effect they can find.

Two arms of equal size. With δ = |μ_t - μ_c| and unit variances v_c, v_t a test at level α (two-sided α/2) has

    n per variant = (z_α/2 + z_β)² (v_c + v_t) / δ²,   power = Φ(δ √(n / (v_c + v_t)) - z_α/2)

where v = p (1 - p) for a share, unpooled, and v = sd² in both arms for a mean (Fleiss, Levin & Paik 2003, section
4.2; Chow, Shao & Wang 2008, section 3.2). The power is that of rejecting towards the effect. Effects are relative
to the baseline: 0.1 = +10 %. With k comparisons each test is given α / k.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtr

from assay.errors import InvalidInput
from assay.stats.checks import is_finite, is_number
from assay.stats.distributions import normal_quantile

_BISECTIONS = 200
_MOST_UNITS = 10**12


@dataclass(frozen=True, slots=True)
class _Test:
    """Critical values of one test."""

    z_alpha: float
    z_power: float


def sample_size_proportion(
    baseline: float,
    relative_effect: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    n_comparisons: int = 1,
    two_sided: bool = True,
) -> int:
    """Units per variant to find a share of baseline · (1 + relative_effect). Raises InvalidInput."""
    test = _checked(alpha, power, n_comparisons, two_sided)
    treated = _treated_share(baseline, relative_effect)
    noise = math.sqrt(baseline * (1 - baseline) + treated * (1 - treated))
    least = _least(test, math.sqrt(2 * (1 - baseline) / baseline))
    return _needed(test, noise, treated - baseline, relative_effect, least)


def sample_size_mean(
    baseline: float,
    standard_deviation: float,
    relative_effect: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    n_comparisons: int = 1,
    two_sided: bool = True,
) -> int:
    """Units per variant to find a mean of baseline · (1 + relative_effect). Raises InvalidInput."""
    test = _checked(alpha, power, n_comparisons, two_sided)
    difference = _difference(baseline, standard_deviation, relative_effect)
    noise = math.sqrt(2) * standard_deviation
    return _needed(test, noise, difference, relative_effect, _least(test, noise / abs(baseline)))


def power_proportion(
    baseline: float,
    relative_effect: float,
    n_per_variant: int,
    *,
    alpha: float = 0.05,
    n_comparisons: int = 1,
    two_sided: bool = True,
) -> float:
    """Chance to find a share of baseline · (1 + relative_effect) with n_per_variant units. Raises InvalidInput."""
    test = _checked(alpha, 0.5, n_comparisons, two_sided)
    treated = _treated_share(baseline, relative_effect)
    noise = math.sqrt(baseline * (1 - baseline) + treated * (1 - treated))
    return _power(test, noise, treated - baseline, _units(n_per_variant))


def power_mean(
    baseline: float,
    standard_deviation: float,
    relative_effect: float,
    n_per_variant: int,
    *,
    alpha: float = 0.05,
    n_comparisons: int = 1,
    two_sided: bool = True,
) -> float:
    """Chance to find a mean of baseline · (1 + relative_effect) with n_per_variant units. Raises InvalidInput."""
    test = _checked(alpha, 0.5, n_comparisons, two_sided)
    difference = _difference(baseline, standard_deviation, relative_effect)
    return _power(test, math.sqrt(2) * standard_deviation, difference, _units(n_per_variant))


def minimum_effect_proportion(
    baseline: float,
    n_per_variant: int,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    n_comparisons: int = 1,
    two_sided: bool = True,
) -> float:
    """The smallest relative increase of a share found with this power.

    Raises InvalidInput, naming n_per_variant when not even a share of 1 would be found.
    """
    test = _checked(alpha, power, n_comparisons, two_sided)
    _check_share(baseline)
    variance, reach = baseline * (1 - baseline), (test.z_alpha + test.z_power) ** 2 / _units(n_per_variant)
    low, high = baseline, 1.0
    if reach * variance >= (1 - baseline) ** 2:
        raise InvalidInput("n_per_variant", n_per_variant, "enough units to find some share below 1")
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        found = (middle - baseline) ** 2 >= reach * (variance + middle * (1 - middle))
        low, high = (low, middle) if found else (middle, high)
    return _finite(high / baseline - 1, baseline)


def minimum_effect_mean(
    baseline: float,
    standard_deviation: float,
    n_per_variant: int,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    n_comparisons: int = 1,
    two_sided: bool = True,
) -> float:
    """The smallest relative change of a mean found with this power, without its sign. Raises InvalidInput."""
    test = _checked(alpha, power, n_comparisons, two_sided)
    _difference(baseline, standard_deviation, 1.0)
    reach = (test.z_alpha + test.z_power) * math.sqrt(2 / _units(n_per_variant))
    return _finite(reach * standard_deviation / abs(baseline), baseline)


def days_to_completion(
    n_per_variant: int,
    *,
    units_per_day: float,
    n_variants: int = 2,
    traffic_share: float = 1.0,
    smallest_weight: float | None = None,
) -> int:
    """Whole days until the smallest variant has n_per_variant units. Raises InvalidInput.

    units_per_day: new units that meet the audience. traffic_share: of them in the experiment, in (0, 1].
    smallest_weight: share of the experiment's units that the smallest variant gets; 1 / n_variants when None.
    """
    if n_variants < 2:
        raise InvalidInput("n_variants", n_variants, "a whole number of at least 2")
    if not (is_finite(units_per_day) and units_per_day > 0):
        raise InvalidInput("units_per_day", units_per_day, "a number above 0")
    if not (is_number(traffic_share) and 0 < traffic_share <= 1):
        raise InvalidInput("traffic_share", traffic_share, "a number above 0 and at most 1")
    weight = 1 / n_variants if smallest_weight is None else smallest_weight
    if not (is_number(weight) and 0 < weight <= 1 / n_variants):
        raise InvalidInput("smallest_weight", weight, f"a number above 0 and at most {1 / n_variants:g}")
    return math.ceil(round(_units(n_per_variant) / (units_per_day * traffic_share * weight), 9))


def _checked(alpha: float, power: float, n_comparisons: int, two_sided: bool) -> _Test:
    if not (is_number(alpha) and 0 < alpha < 0.5):
        raise InvalidInput("alpha", alpha, "a number above 0 and below 0.5")
    if not (is_number(power) and 0 < power < 1):
        raise InvalidInput("power", power, "a number above 0 and below 1")
    if not (is_finite(n_comparisons) and n_comparisons >= 1):
        raise InvalidInput("n_comparisons", n_comparisons, "a whole number of at least 1")
    tail = alpha / n_comparisons / (2 if two_sided else 1)
    if power <= tail:
        raise InvalidInput("power", power, f"a number above the chance of a false alarm, {tail:g}")
    return _Test(normal_quantile(tail), normal_quantile(1 - power))


def _check_share(baseline: float) -> None:
    if not (is_number(baseline) and 0 < baseline < 1):
        raise InvalidInput("baseline", baseline, "a share above 0 and below 1")


def _treated_share(baseline: float, relative_effect: float) -> float:
    _check_share(baseline)
    treated = baseline * (1 + relative_effect) if is_finite(relative_effect) else math.nan
    if relative_effect == 0 or not 0 < treated < 1:
        lowest, highest = -1.0, 1 / baseline - 1
        accepted = f"an effect other than 0, above {lowest:g} and below {highest:g}, so that the share stays in (0, 1)"
        raise InvalidInput("relative_effect", relative_effect, accepted)
    return treated


def _difference(baseline: float, standard_deviation: float, relative_effect: float) -> float:
    if not is_finite(baseline) or baseline == 0:
        raise InvalidInput("baseline", baseline, "a number other than 0")
    if not (is_finite(standard_deviation) and standard_deviation > 0):
        raise InvalidInput("standard_deviation", standard_deviation, "a number above 0")
    if not is_finite(relative_effect) or relative_effect == 0:
        raise InvalidInput("relative_effect", relative_effect, "an effect other than 0")
    if not math.isfinite(baseline * (1 + relative_effect)):
        raise InvalidInput("relative_effect", relative_effect, "an effect that keeps the mean a finite number")
    return baseline * relative_effect


def _units(n_per_variant: int) -> int:
    if not (is_finite(n_per_variant) and n_per_variant >= 2):
        raise InvalidInput("n_per_variant", n_per_variant, "a whole number of at least 2")
    return n_per_variant


def _finite(effect: float, baseline: float) -> float:
    if not is_finite(effect):
        raise InvalidInput("baseline", baseline, "a baseline that is not next to nothing beside its spread")
    return effect


def _least(test: _Test, relative_noise: float) -> float:
    """About the smallest relative effect that _MOST_UNITS find. relative_noise: √(2 v_c) / baseline."""
    return (test.z_alpha + test.z_power) * relative_noise / math.sqrt(_MOST_UNITS)


def _needed(test: _Test, noise: float, difference: float, relative_effect: float, least: float) -> int:
    """noise: √(v_c + v_t), kept as a root because its square may be beyond what a number holds."""
    root = (test.z_alpha + test.z_power) * (noise / abs(difference)) if difference else math.inf
    exact = root * root
    if not exact <= _MOST_UNITS:
        sizes = f"a size of about {least:.2g} or more" if math.isfinite(least) else "a larger one"
        accepted = f"{sizes}: it is too small to find with fewer than a trillion units"
        raise InvalidInput("relative_effect", relative_effect, accepted)
    return max(2, math.ceil(exact))


def _power(test: _Test, noise: float, difference: float, n: int) -> float:
    return float(ndtr(abs(difference) / noise * math.sqrt(n) - test.z_alpha))
