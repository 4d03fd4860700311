"""Hypotheses with a margin, in words."""

from __future__ import annotations

from assay import wording
from assay.model.metric import Hypothesis
from assay.model.result import Comparison, MetricResult


def claim(item: Comparison) -> str:
    """What a comparison is to show, to follow "is": 'not worse than the control by 2.00 %'."""
    margin = wording.percent(item.margin or 0.0)
    if item.hypothesis is Hypothesis.SUPERIORITY:
        return f"better than the control by more than {margin}"
    if item.hypothesis is Hypothesis.NON_INFERIORITY:
        return f"not worse than the control by {margin}"
    return f"within {margin} of the control"


def question(metric: MetricResult) -> str:
    """What is not told from chance while nothing is shown: a difference, or the hypothesis with its margin."""
    item = next(iter(metric.comparisons), None)
    if item is None or item.hypothesis is Hypothesis.DIFFERENCE:
        return f"no difference on {metric.title} can be told from chance"
    return f"it is not shown on {metric.title} that a treatment is {claim(item)}"


def shown(metric: MetricResult) -> list[Comparison]:
    """Treatments that are shown to be as good as the control asks, though not better."""
    kinds = (Hypothesis.NON_INFERIORITY, Hypothesis.EQUIVALENCE)
    return [item for item in metric.comparisons if item.significant and item.hypothesis in kinds]
