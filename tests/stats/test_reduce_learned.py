"""A learned covariate: every unit predicted by a model that never saw it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import InvalidInput
from assay.model.metric import MetricKind
from assay.model.result import NoEstimate
from assay.stats.inputs import Floats
from assay.stats.reduction.learned import LearnedCovariate, LeastSquares, learned_covariate
from assay.stats.reduction.reduced import reduced_arms
from assay.stats.reduction.report import Reduced, Reduction
from assay.stats.reduction.rows import unit_moments


class NearestNeighbours:
    """A small flexible regressor: fit and predict as scikit-learn has them; k neighbours by the first feature."""

    def __init__(self, k: int) -> None:
        self.k = k
        self._x = self._sums = np.zeros(0)

    def fit(self, features: Floats, value: Floats) -> NearestNeighbours:
        order = np.argsort(features[:, 0], kind="stable")
        self._x = features[order, 0]
        self._sums = np.concatenate([[0.0], np.cumsum(value[order])])
        return self

    def predict(self, features: Floats) -> Floats:
        """The window of k sorted neighbours that begins where its ends are equally far."""
        x, k = features[:, 0], self.k
        last = len(self._x) - k
        start = np.clip(np.searchsorted(self._x, x) - k // 2 - 1, 0, last)
        best, nearest = start, np.full(x.shape, np.inf)
        for step in range(-k, k + 1):
            at = np.clip(start + step, 0, last)
            farthest = np.maximum(np.abs(self._x[at] - x), np.abs(self._x[at + k - 1] - x))
            best, nearest = np.where(farthest < nearest, at, best), np.minimum(farthest, nearest)
        found: Floats = (self._sums[best + k] - self._sums[best]) / k
        return found


def learned(*args: Any, **more: Any) -> LearnedCovariate:
    found = learned_covariate(*args, **more)
    assert isinstance(found, LearnedCovariate)
    return found


class Remembers:
    """Predicts 1 for rows it was fitted on, else 0."""

    def __init__(self) -> None:
        self.seen: set[float] = set()
        self.fitted = 0

    def fit(self, features: Floats, value: Floats) -> None:
        self.fitted += 1
        assert self.fitted == 1, "a copy is fitted once"
        assert len(features) == len(value)
        self.seen = set(features[:, 0].tolist())

    def predict(self, features: Floats) -> list[float]:
        return [float(row in self.seen) for row in features[:, 0].tolist()]


def test_no_unit_is_predicted_by_a_model_that_saw_it() -> None:
    given_model = Remembers()
    found = learned(np.arange(103.0), np.zeros(103), given_model, n_folds=4)
    assert not found.values.any()
    assert given_model.fitted == 0, "the caller's object is left alone"


@given(n=st.integers(10, 200), n_folds=st.integers(2, 10), seed=st.integers(0, 99))
def test_folds_are_of_one_size_and_come_back_with_the_seed(n: int, n_folds: int, seed: int) -> None:
    x = np.random.default_rng(n).standard_normal((n, 1))
    one, again = (learned(x, x[:, 0], n_folds=n_folds, seed=seed) for _ in range(2))
    sizes = np.bincount(one.folds, minlength=n_folds)
    assert sizes.max() - sizes.min() <= 1
    assert np.array_equal(one.folds, again.folds)
    assert np.array_equal(one.values, again.values)


def test_another_seed_deals_other_folds() -> None:
    x = np.arange(50.0)
    assert not np.array_equal(learned(x, x, seed=1).folds, learned(x, x, seed=2).folds)


def test_clusters_stay_together() -> None:
    rng = np.random.default_rng(1)
    clusters = rng.choice([f"shop-{i}" for i in range(30)], 400)
    found = learned(clusters == "x", rng.standard_normal(400), clusters=clusters)
    for name in set(clusters):
        assert len(set(found.folds[clusters == name])) == 1
    assert len(set(found.folds)) == 5


def test_least_squares_finds_a_line_and_survives_collinear_and_constant_features() -> None:
    rng = np.random.default_rng(2)
    x = rng.standard_normal((200, 2))
    features = np.column_stack([x, x[:, 0] * 3, np.full(200, 1e8), 1e8 + x[:, 1]])
    y = 4 + 2 * x[:, 0] - x[:, 1]
    assert learned(features, y).values == pytest.approx(y, abs=1e-6)
    assert learned(features, y).share_explained == pytest.approx(1)
    fitted = LeastSquares().fit(np.ones((3, 1)), np.array([1.0, 2.0, 6.0]))
    assert fitted.predict(np.ones((2, 1))) == pytest.approx([3, 3])


def test_one_feature_may_be_a_plain_list() -> None:
    x = [float(i) for i in range(20)]
    assert learned(x, [2 * value + 1 for value in x]).values == pytest.approx([2 * value + 1 for value in x])


def test_a_flexible_learner_removes_what_a_line_cannot() -> None:
    rng = np.random.default_rng(3)
    x = rng.uniform(-2, 2, (2_000, 1))
    y = x[:, 0] ** 2 + 0.3 * rng.standard_normal(2_000)
    treated = rng.random(2_000) < 0.5
    shares = []
    for model in (None, NearestNeighbours(15)):
        g = learned(x, y, model).values
        arms = {name: unit_moments(y[who], covariates=[g[who]]) for name, who in (("t", treated), ("c", ~treated))}
        found = reduced_arms(MetricKind.MEAN, arms)
        assert isinstance(found, Reduced)
        reduction = found.reduction("t", "c")
        assert isinstance(reduction, Reduction)
        shares.append(reduction.share_removed)
    assert shares[0] < 0.05
    assert shares[1] > 0.85


def test_share_explained_is_what_is_removed() -> None:
    rng = np.random.default_rng(4)
    x = rng.standard_normal((4_000, 3))
    y = x.sum(axis=1) + rng.standard_normal(4_000)
    found = learned(x, y)
    assert found.share_explained == pytest.approx(0.75, abs=0.03)
    assert learned(x, np.ones(4_000)).share_explained == 0


def test_too_few_units_or_clusters() -> None:
    for found in (
        learned_covariate(np.zeros((3, 1)), [1, 2, 3]),
        learned_covariate(np.zeros((0, 1)), []),
        learned_covariate(np.zeros((9, 1)), range(9), clusters=["a", "b", "c"] * 3),
    ):
        assert isinstance(found, NoEstimate)
        assert found.no_estimate == "too_few_units_to_learn"


class Fails:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def fit(self, features: Any, value: Any) -> None:
        pass

    def predict(self, features: Any) -> Any:
        return self.answer


X, Y = np.arange(20.0), np.arange(20.0)


@pytest.mark.parametrize(
    ("args", "more", "field"),
    [
        ((X[:5], Y), {}, "features"),
        ((np.zeros((20, 0)), Y), {}, "features"),
        ((np.zeros((20, 2, 2)), Y), {}, "features"),
        ((["a"] * 20, Y), {}, "features"),
        ((np.full(20, np.nan), Y), {}, "features"),
        ((X, np.full(20, np.nan)), {}, "value"),
        ((X, Y), {"n_folds": 1}, "n_folds"),
        ((X, Y), {"n_folds": 2.5}, "n_folds"),
        ((X, Y, object()), {}, "regressor"),
        ((X, Y, Fails([1.0])), {}, "regressor"),
        ((X, Y, Fails(np.full(4, np.nan))), {}, "regressor"),
        ((X, Y), {"clusters": ["a"]}, "clusters"),
    ],
)
def test_wrong_arguments_are_named(args: tuple[Any, ...], more: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        learned_covariate(*args, **more)
    assert caught.value.field == field


def test_missing_features_are_the_learner_s_own_affair() -> None:
    assert not learned(np.full(20, np.nan), Y, Fails(np.zeros(4))).values.any()


def test_a_scikit_learn_regressor() -> None:
    ensemble = pytest.importorskip("sklearn.ensemble")
    rng = np.random.default_rng(5)
    x = rng.uniform(-2, 2, (500, 2))
    y = x[:, 0] ** 2 + 0.3 * rng.standard_normal(500)
    model = ensemble.GradientBoostingRegressor(random_state=0)
    assert learned(x, y, model).share_explained > 0.8
    assert not hasattr(model, "estimators_")
