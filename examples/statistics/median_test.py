"""Additions of one's own: a test, a filter, a transformation and an aggregation.

Install them beside Assay (`pip install examples/statistics`) and name them:

    assay analyze visits.csv --unit user --variant arm --control old --metric mean:seconds \\
        --test seconds=mood_median --filter no_bots --transform seconds=log2 --aggregate seconds=second_largest
"""

from __future__ import annotations

from typing import Any

from assay.model.result import NoEstimate
from assay.model.table import Snippet
from assay.stats.fixed.core import two_proportion_z
from assay.stats.outcome import Outcome


class MoodMedian:
    """Mood's median test: the shares of units above the median of all units, compared by a z-test (Mood 1954)."""

    title = "Mood's median test"
    needs = "value_counts"
    kinds = ("count", "sum", "mean")

    def compare(self, treatment: Any, control: Any, *, alpha: float, alternative: Any) -> Outcome:
        """The difference is of shares above the common median; there is no lift of the values themselves."""
        both = treatment.merge(control)
        passed, middle = 0, 0.0
        for value, count in zip(both.values, both.counts, strict=True):
            passed += count
            middle = value
            if 2 * passed >= both.n:
                break
        shares = [
            (sum(c for v, c in zip(arm.values, arm.counts, strict=True) if v > middle), arm.n)
            for arm in (treatment, control)
        ]
        outcome = two_proportion_z(shares[0], shares[1], alpha=alpha, alternative=alternative)
        why = NoEstimate("shares_above_median", "Mood's test compares shares above the median, not the values")
        return outcome._replace(test="mood_median", relative=why, relative_interval=why)


NO_BOTS = Snippet("no_bots", "agent NOT LIKE '%bot%'", "without bots")
LOG2 = Snippet("log2", "log2(1 + value)", "log2 of 1 + value")
SECOND_LARGEST = Snippet("second_largest", "list_sort(list(value), 'DESC')[2]", "second largest")
