"""Tests against a relative margin: how often they show what is not so, and that they show what is."""

from __future__ import annotations

import numpy as np
import pytest

from assay.model.metric import Hypothesis
from assay.stats.fixed.margins import mean_margin_test, share_margin_test
from tests.sim.claims import REPLICATIONS, error_kept, exact, found, in_parts, percent
from tests.sim.everyday_rates import (
    ALPHA,
    ARMS,
    SHARES,
    VALUES,
    Flags,
    Pair,
    Rates,
    all_moments,
    at_its_rate,
    judged_shares,
    rejected,
    up_to,
    z_rates,
)

pytestmark = pytest.mark.slow
MARGIN = 0.4
EDGES = [
    (Hypothesis.SUPERIORITY, True, MARGIN),
    (Hypothesis.SUPERIORITY, False, -MARGIN),
    (Hypothesis.NON_INFERIORITY, True, -MARGIN),
    (Hypothesis.NON_INFERIORITY, False, MARGIN),
    (Hypothesis.EQUIVALENCE, True, -MARGIN),
    (Hypothesis.EQUIVALENCE, True, MARGIN),
]
"""What is tested, whether higher is better, and the true lift at which it is only just not so."""


def side_of(hypothesis: Hypothesis, higher: bool, edge: float) -> int:
    """The place in Rates of the side that errs at this edge."""
    if hypothesis is Hypothesis.EQUIVALENCE:
        return 1 if edge < 0 else 2
    return 1 if higher else 2


def words(hypothesis: Hypothesis, higher: bool, edge: float) -> str:
    return f"{hypothesis.value} by 40 %, {'higher' if higher else 'lower'} is better, shown at {percent(edge, '+')}"


@pytest.mark.parametrize(("hypothesis", "higher", "edge"), EDGES)
@pytest.mark.parametrize(("share", "arms"), ARMS)
@pytest.mark.parametrize(("p", "n"), SHARES)
def test_shares(p: float, n: int, share: float, arms: str, hypothesis: Hypothesis, higher: bool, edge: float) -> None:
    n_t = round(n * share)
    pair = Pair((1 + edge) * p, n_t, p, n - n_t)
    outcomes = judged_shares(
        np.random.default_rng(951),
        pair,
        REPLICATIONS,
        share_margin_test,
        hypothesis=hypothesis,
        margin=MARGIN,
        higher_is_better=higher,
    )
    rate = z_rates(pair, ratio=1 + edge)[side_of(hypothesis, higher, edge)]
    where = f"shares of {percent(p)}, {n:,} units, {arms}"
    claim = f"{where}: {words(hypothesis, higher, edge)}"
    if hypothesis is Hypothesis.EQUIVALENCE:
        # The other side must be shown too, which with few conversions is not sure: the error is at most this.
        error_kept(claim if rate <= 0.0505 else f"{claim} (5 % meant)", rejected(outcomes), max(rate, ALPHA))
    else:
        at_its_rate(claim, rejected(outcomes), rate)


@pytest.mark.parametrize(("share", "arms"), ARMS)
@pytest.mark.parametrize(("p", "n"), SHARES)
def test_what_is_so_is_shown_of_shares(p: float, n: int, share: float, arms: str) -> None:
    rng, n_t = np.random.default_rng(952), round(n * share)
    for hypothesis, lift in ((Hypothesis.NON_INFERIORITY, 0.0), (Hypothesis.SUPERIORITY, 1.0)):
        pair = Pair((1 + lift) * p, n_t, p, n - n_t)
        options = {"hypothesis": hypothesis, "margin": MARGIN}
        shown = rejected(judged_shares(rng, pair, REPLICATIONS, share_margin_test, **options))
        edge = MARGIN if hypothesis is Hypothesis.SUPERIORITY else -MARGIN
        claim = f"shares of {percent(p)}, {n:,} units, {arms}: {hypothesis.value} by 40 % shown at {percent(lift, '+')}"
        exact(claim, shown, z_rates(pair, ratio=1 + edge).greater)


KEPT = Rates(0.0, 0.05, 0.05)
EVEN = {"normal": KEPT, "lognormal": Rates(0.0, 0.0525, 0.0525), "revenue, 5 % buy": KEPT}
SMALL = {"normal": KEPT, "lognormal": Rates(0.0, 0.05, 0.09), "revenue, 5 % buy": Rates(0.0, 0.05, 0.137)}
"""What Welch's t keeps with 200 units treated of 2,000."""


@pytest.mark.parametrize(("hypothesis", "higher", "edge"), EDGES)
@pytest.mark.parametrize(("share", "arms"), ARMS)
@pytest.mark.parametrize("name", list(VALUES))
def test_means(name: str, share: float, arms: str, hypothesis: Hypothesis, higher: bool, edge: float) -> None:
    draw, n_t, rng = VALUES[name], round(2_000 * share), np.random.default_rng(953)
    options = {"hypothesis": hypothesis, "margin": MARGIN, "higher_is_better": higher}

    def flags(rows: int) -> Flags:
        arms = all_moments((1 + edge) * draw(rng, (rows, n_t))), all_moments(draw(rng, (rows, 2_000 - n_t)))
        return rejected([mean_margin_test(t, c, **options) for t, c in zip(*arms, strict=True)])

    rates = EVEN[name] if share == 0.5 else SMALL[name] if share < 0.5 else SMALL[name].swapped()
    claim = f"{name}, 2,000 units, {arms}: {words(hypothesis, higher, edge)}"
    wrong = in_parts(flags, REPLICATIONS // 2, part=500)
    rate = rates[side_of(hypothesis, higher, edge)]
    if hypothesis is Hypothesis.EQUIVALENCE:
        error_kept(claim if rate == ALPHA else f"{claim} (5 % meant)", wrong, rate)
    else:
        up_to(claim, wrong, rate)


@pytest.mark.parametrize("name", ["normal", "lognormal"])
def test_what_is_so_is_shown_of_means(name: str) -> None:
    rng = np.random.default_rng(954)
    for hypothesis in (Hypothesis.NON_INFERIORITY, Hypothesis.EQUIVALENCE):

        def flags(rows: int, hypothesis: Hypothesis = hypothesis) -> Flags:
            arms = (all_moments(VALUES[name](rng, (rows, 1_000))) for _ in range(2))
            tested = zip(*arms, strict=True)
            return rejected([mean_margin_test(t, c, hypothesis=hypothesis, margin=MARGIN) for t, c in tested])

        what = f"{name}, 2,000 units, even arms: {hypothesis.value} by 40 % shown of an equal treatment"
        found(what, in_parts(flags, REPLICATIONS // 2, part=500), 0.95)
