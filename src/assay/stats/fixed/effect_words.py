"""Effect sizes: one answer for all of them, and the words for how large one is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from assay.model.result import Interval, NoEstimate, Validity

WORDS = ("negligible", "small", "medium", "large")


class Thresholds(NamedTuple):
    """From which size on an effect is called small, medium and large, and who says so."""

    small: float
    medium: float
    large: float
    source: str

    def word(self, size: float) -> str:
        """The word for a size of at least 0."""
        return WORDS[sum(bool(size >= least) for least in (self.small, self.medium, self.large))]

    def scaled(self, factor: float) -> Thresholds:
        """The same thresholds on another scale."""
        return Thresholds(self.small * factor, self.medium * factor, self.large * factor, self.source)


COHEN_D = Thresholds(0.2, 0.5, 0.8, "Cohen 1988, Statistical Power Analysis, section 2.2.4")
COHEN_H = Thresholds(0.2, 0.5, 0.8, "Cohen 1988, Statistical Power Analysis, section 6.2.3")
COHEN_W = Thresholds(0.1, 0.3, 0.5, "Cohen 1988, Statistical Power Analysis, section 7.2.3")
COHEN_ETA_SQUARED = Thresholds(0.0099, 0.0588, 0.1379, "Cohen 1988, Statistical Power Analysis, section 8.2.3")
CLIFF = Thresholds(0.147, 0.33, 0.474, "Romano, Kromrey, Coraggio & Skowronek 2006, from Cohen's d")
RISK_RATIO = Thresholds(1.22, 1.86, 3.0, "Olivier, May & Bell 2017: Cohen's phi 0.1, 0.3, 0.5 with equal margins")
ODDS_RATIO = Thresholds(1.49, 3.45, 9.0, "Olivier & Bell 2013: Cohen's phi 0.1, 0.3, 0.5 with equal margins")


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectEstimate:
    """How large an effect is, with its interval and a word.

    value: on the scale that the function's docstring says. interval: None where the method has none. words:
    negligible, small, medium or large, of the size whatever its direction; None where there is no value. thresholds:
    those of the words, on the scale of the value unless `source` names another. level: 1 - alpha of the interval.
    """

    name: str
    value: float | NoEstimate
    interval: Interval | NoEstimate | None
    words: str | None
    thresholds: tuple[float, float, float]
    source: str
    level: float = 0.95
    validity: Validity = Validity.FIXED
    warnings: tuple[str, ...] = ()


def effect(
    name: str,
    value: float | NoEstimate,
    interval: Interval | NoEstimate | None,
    by: Thresholds,
    alpha: float,
    *,
    size: float | None = None,
    warnings: tuple[str, ...] = (),
) -> EffectEstimate:
    """An effect with its word. size: what the word is for, the value's absolute size if left out."""
    words = None
    if not isinstance(value, NoEstimate):
        words = by.word(abs(value) if size is None else size)
    return EffectEstimate(
        name=name,
        value=value,
        interval=interval,
        words=words,
        thresholds=(by.small, by.medium, by.large),
        source=by.source,
        level=1 - alpha,
        warnings=warnings,
    )


def of_ratio(ratio: float) -> float:
    """The size of a ratio whatever its direction: 2 and 1/2 are as large."""
    return math.inf if ratio == 0 else max(ratio, 1 / ratio)
