"""What looking again and again costs when nobody allows for it."""

from __future__ import annotations

from functools import lru_cache

from assay.errors import InvalidInput
from assay.stats.distributions import normal_quantile
from assay.stats.group_sequential.boundaries import crossings, looks_of
from assay.stats.group_sequential.process import MOST_LOOKS
from assay.stats.group_sequential.spending import sides_of
from assay.stats.inputs import check_alpha
from assay.stats.outcome import Alternative, alternative_of


def error_of_repeated_looks(
    looks: int, alpha: float = 0.05, *, alternative: Alternative | str = Alternative.TWO_SIDED
) -> float:
    """The chance that a test at level alpha, made anew at each of some equally spaced looks, ever rejects wrongly.

    5 looks at 5 % err in 14.2 % of experiments without any effect, 20 looks in 24.8 % (Armitage, McPherson & Rowe
    1969, "Repeated significance tests on accumulating data", JRSS A 132:235–244, table 2). looks: 1 to 1,000 (about
    half a second for the largest).
    """
    if isinstance(looks, bool) or not isinstance(looks, int) or not 1 <= looks <= MOST_LOOKS:
        raise InvalidInput("looks", looks, f"a whole number from 1 to {MOST_LOOKS}")
    return _error(looks, check_alpha(alpha), alternative_of(alternative))


@lru_cache(maxsize=256)
def _error(looks: int, alpha: float, side: Alternative) -> float:
    bound = normal_quantile(alpha / sides_of(side))
    return min(1.0, sides_of(side) * sum(crossings(looks_of(looks), [bound] * looks, side)))
