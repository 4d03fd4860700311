"""What is believed before the data: of a rate, of a mean, of events per exposure, or of the effect itself.

Nothing here is chosen silently: every answer says which prior it used, in words.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from assay.errors import InvalidInput
from assay.stats.checks import is_finite, is_number


def _positive(value: float, name: str) -> None:
    if not (is_finite(value) and value > 0):
        raise InvalidInput(name, value, "a finite number above 0")


def _finite(value: float, name: str) -> None:
    if not is_finite(value):
        raise InvalidInput(name, value, "a finite number")


def _spread(value: float, name: str) -> None:
    if not (is_number(value) and value > 0):
        raise InvalidInput(name, value, "a number above 0, infinite for a flat prior")


class EffectScale(StrEnum):
    """absolute: treatment - control, in the metric's unit. relative: treatment / control - 1."""

    ABSOLUTE = "absolute"
    RELATIVE = "relative"


def scale_of(given: EffectScale | str, name: str = "scale") -> EffectScale:
    """A scale by its name. Raises InvalidInput for another."""
    try:
        return EffectScale(given)
    except ValueError:
        raise InvalidInput(name, given, "absolute or relative") from None


@dataclass(frozen=True, slots=True)
class BetaPrior:
    """Beta(a, b) for a share: as if a - 1 of a + b - 2 units had converted before a uniform start. a, b > 0."""

    a: float
    b: float

    def __post_init__(self) -> None:
        _positive(self.a, "a")
        _positive(self.b, "b")

    @property
    def words(self) -> str:
        """The prior in words."""
        if (self.a, self.b) == (1, 1):
            return "Beta(1, 1) on each share: every share equally likely"
        return f"Beta({self.a:g}, {self.b:g}) on each share: mean {self.a / (self.a + self.b):.3g}"


@dataclass(frozen=True, slots=True)
class GammaPrior:
    """Gamma(shape, rate) for events per unit of exposure: mean shape / rate. shape > 0; rate ≥ 0.

    rate 0 is improper (no exposure seen before); the posterior is proper as soon as there is exposure.
    """

    shape: float
    rate: float

    def __post_init__(self) -> None:
        _positive(self.shape, "shape")
        if not (is_finite(self.rate) and self.rate >= 0):
            raise InvalidInput("rate", self.rate, "a finite number, 0 or above")

    @property
    def words(self) -> str:
        """The prior in words."""
        if self.rate == 0:
            return f"Gamma({self.shape:g}, 0) on each rate: nearly flat (improper)"
        return f"Gamma({self.shape:g}, {self.rate:g}) on each rate: mean {self.shape / self.rate:.3g}"


@dataclass(frozen=True, slots=True)
class NormalPrior:
    """Normal(mean, sd) for each arm's mean, in the metric's unit; sd infinite: flat (improper)."""

    mean: float = 0.0
    sd: float = math.inf

    def __post_init__(self) -> None:
        _finite(self.mean, "mean")
        _spread(self.sd, "sd")

    @property
    def flat(self) -> bool:
        """Whether it says nothing."""
        return math.isinf(self.sd)

    @property
    def words(self) -> str:
        """The prior in words."""
        return "flat on each mean" if self.flat else f"Normal({self.mean:g}, {self.sd:g}) on each mean"


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectPrior:
    """Normal or Student's t for the effect of a treatment; the control itself has a flat prior.

    mean, sd: centre and scale of effects, absolute in the metric's unit or relative (0.05 is +5 %). With finite
    degrees_of_freedom it is a t with that scale: rare large effects are shrunk less. sd infinite: flat.
    """

    mean: float = 0.0
    sd: float = math.inf
    scale: EffectScale = EffectScale.RELATIVE
    degrees_of_freedom: float = math.inf

    def __post_init__(self) -> None:
        _finite(self.mean, "mean")
        _spread(self.sd, "sd")
        object.__setattr__(self, "scale", scale_of(self.scale))
        if not self.degrees_of_freedom >= 1:
            raise InvalidInput("degrees_of_freedom", self.degrees_of_freedom, "1 or above, infinite for a normal")

    @property
    def flat(self) -> bool:
        """Whether it says nothing."""
        return math.isinf(self.sd)

    @property
    def words(self) -> str:
        """The prior in words."""
        if self.flat:
            return "flat on the effect"
        student = math.isfinite(self.degrees_of_freedom)
        family = f"Student's t on {self.degrees_of_freedom:g} degrees of freedom, " if student else "Normal, "
        return f"{family}centre {self.mean:g} and scale {self.sd:g}, on the {self.scale.value} effect"


@dataclass(frozen=True, slots=True, kw_only=True)
class MixturePrior:
    """A mixture of Normals for the effect, as `learn_prior` finds it; the control itself has a flat prior.

    weights: above 0, together 1. means, sds: of the components, absolute in the metric's unit or relative.
    """

    weights: tuple[float, ...]
    means: tuple[float, ...]
    sds: tuple[float, ...]
    scale: EffectScale = EffectScale.RELATIVE

    def __post_init__(self) -> None:
        n = len(self.weights)
        if n == 0 or len(self.means) != n or len(self.sds) != n:
            raise InvalidInput("weights", f"{n} components", "one weight, mean and sd for each, at least one")
        if min(self.weights) <= 0 or abs(math.fsum(self.weights) - 1) > 1e-6:
            raise InvalidInput("weights", math.fsum(self.weights), "numbers above 0 that sum to 1")
        for mean, sd in zip(self.means, self.sds, strict=True):
            _finite(mean, "means")
            _positive(sd, "sds")
        object.__setattr__(self, "scale", scale_of(self.scale))

    @property
    def flat(self) -> bool:
        """Whether it says nothing: never."""
        return False

    @property
    def mean(self) -> float:
        """Mean of effects."""
        return math.fsum(w * m for w, m in zip(self.weights, self.means, strict=True))

    @property
    def sd(self) -> float:
        """Standard deviation of effects."""
        parts = zip(self.weights, self.means, self.sds, strict=True)
        return math.sqrt(math.fsum(w * (s * s + (m - self.mean) ** 2) for w, m, s in parts))

    @property
    def words(self) -> str:
        """The prior in words."""
        return f"learned, mean {self.mean:.3g} and standard deviation {self.sd:.3g}, on the {self.scale.value} effect"


Prior = BetaPrior | GammaPrior | NormalPrior | EffectPrior | MixturePrior

UNIFORM = BetaPrior(1.0, 1.0)
"""Default for shares."""
JEFFREYS_SHARE = BetaPrior(0.5, 0.5)
"""Jeffreys' prior of a share: invariant to how the share is written."""
JEFFREYS_EVENTS = GammaPrior(0.5, 0.0)
"""Default for events per exposure: Jeffreys' prior of a Poisson rate (improper)."""
FLAT = NormalPrior()
"""Default for means and ratios: flat (improper), so that the posterior is the likelihood."""
