"""Wrong arguments of every public function: InvalidInput that names one, an answer, or a reason; never NaN."""

from __future__ import annotations

import inspect
import math
import pickle
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np
import pytest

from assay import stats
from assay.errors import AssayError, InvalidInput
from assay.model.moments import COVARIATE, DENOMINATOR, VALUE, Moments
from assay.stats.arguments import with_named_arguments, wrong_argument

FUNCTIONS = sorted(name for name in stats.__all__ if inspect.isfunction(getattr(stats, name)))
SECONDS = 20


def mean_of(n: int, mean: float, sd: float) -> Moments:
    return Moments(n, (VALUE,), (mean,), (max(0, n - 1) * sd * sd,))


def two_columns(n: int, second: str, y: float) -> Moments:
    return Moments(n, (VALUE, second), (y, 5.0), (3.0 * n, 1.0 * n, 2.0 * n))


RNG = np.random.default_rng(5)
PAIRS: list[tuple[Any, Any]] = [
    ((5, 100), (7, 90)),
    (mean_of(100, 10, 2), mean_of(90, 11, 2)),
    (two_columns(100, DENOMINATOR, 10.0), two_columns(90, DENOMINATOR, 11.0)),
    (two_columns(100, COVARIATE, 10.0), two_columns(90, COVARIATE, 11.0)),
    (RNG.normal(10, 2, 30), RNG.normal(11, 2, 25)),
    (RNG.poisson(2, 30), RNG.poisson(3, 25)),
    (0.5, 0.5),
    (10, 12),
    ([0.01, 0.02, 0.3], [0.2, 0.3, 0.5]),
    ([10, 20, 30], [10, 20, 30]),
]
NEEDED: dict[str, dict[str, Any]] = {
    "mean_margin_test": {"hypothesis": "superiority", "margin": 0.1},
    "share_margin_test": {"hypothesis": "superiority", "margin": 0.1},
    "msprt": {"tau": 1.0},
    "rate_sequence": {"tuning_exposure": 10.0},
    "two_rate_sequence": {"tuning_exposure": 10.0},
    "shrunk_effect": {"prior_sd": 1.0},
    "sprt_means": {"hypothesis": 0.0, "alternative": 1.0, "standard_deviation": 2.0},
    "sprt_shares": {"hypothesis": 0.1, "alternative": 0.2},
    "wang_tsiatis_boundaries": {"delta": 0.25},
    "estimate_from_clusters": {"kind": "mean"},
}
WRONG_KINDS = [None, "x", "", {}, [None], ["a"], object(), [[1, 2], [3]]]
BAD_NUMBERS = [math.nan, math.inf, -math.inf, -1]


@contextmanager
def bounded() -> Iterator[None]:
    """Nothing wrong may take long."""

    def late(_: int, __: FrameType | None) -> None:
        raise TimeoutError(f"{SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def asked(function: Callable[..., Any], arguments: list[Any], options: dict[str, Any]) -> Exception | None:
    """What escaped; None for an answer without NaN, or an error of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with bounded():
                answer = function(*arguments, **options)
        except AssayError:
            return None
        except Exception as error:
            return error
    return ValueError("NaN in the answer") if has_nan(answer) else None


def has_nan(value: Any, depth: int = 0) -> bool:
    if isinstance(value, float):
        return math.isnan(value)
    if depth > 3 or isinstance(value, (str, bytes, np.ndarray)):
        return False
    if hasattr(value, "__dataclass_fields__"):
        return any(has_nan(getattr(value, name), depth + 1) for name in value.__dataclass_fields__)
    return isinstance(value, (list, tuple)) and any(has_nan(item, depth + 1) for item in value)


def fitting(function: Callable[..., Any], required: int, needed: dict[str, Any]) -> list[Any]:
    """Arguments that the function takes, or some that are refused by name."""
    for pair in PAIRS:
        given = [pair[i % 2] for i in range(required)]
        if asked(function, given, needed) is None:
            return given
    return [0.5] * required


@pytest.mark.parametrize("name", FUNCTIONS)
def test_wrong_arguments_are_named(name: str) -> None:
    function = getattr(stats, name)
    parameters = list(inspect.signature(function).parameters.values())
    free = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    required = [p for p in free if p.kind is not p.KEYWORD_ONLY and p.default is p.empty]
    needed = NEEDED.get(name, {})
    given = fitting(function, len(required), needed)
    escaped = {}
    for value in (*WRONG_KINDS, *BAD_NUMBERS):
        for i, parameter in enumerate(required):
            changed = [*given[:i], value, *given[i + 1 :]]
            escaped[parameter.name, repr(value)] = asked(function, changed, needed)
        for parameter in free:
            if parameter not in required:
                escaped[parameter.name, repr(value)] = asked(function, given, {**needed, parameter.name: value})
    assert {where: error for where, error in escaped.items() if error is not None} == {}


def test_the_argument_at_fault_is_the_one_that_is_named() -> None:
    for call, field, accepted in (
        (lambda: stats.welch_t([1, 2, 3], [2, 3, 4], alpha=None), "alpha", "a number"),  # type: ignore[arg-type]
        (lambda: stats.welch_t([1, 2, 3], [2, 3, 4], null=math.nan), "null", "a number"),
        (lambda: stats.adjust([0.1, None], "holm"), "p_values", "numbers from 0 to 1"),  # type: ignore[list-item]
        (lambda: stats.tuned_rho_squared(0, 0.05), "tuning_units", "a number above 0"),
        (lambda: stats.sample_ratio_p([5, 6], [0.5]), "shares", "2 planned shares above 0 that sum to 1"),
        (lambda: stats.ratio_t(mean_of(5, 1, 1), mean_of(5, 1, 1)), "columns", "denominator"),
        (lambda: stats.false_positive_risk_at(0.5, 0.5, degrees_of_freedom=1e-300), "degrees_of_freedom", "at least 1"),
    ):
        with pytest.raises(InvalidInput) as raised:
            call()  # type: ignore[no-untyped-call]
        assert raised.value.field == field
        assert accepted in raised.value.accepted


def test_an_error_that_no_argument_explains_stays_as_it_is() -> None:
    def broken(x: float, *, names: tuple[str, ...] = ()) -> float:
        raise ZeroDivisionError("a mistake of ours")

    with pytest.raises(ZeroDivisionError, match="a mistake of ours"):
        with_named_arguments(broken, "assay.stats", "broken")(1.0, names=("a",))
    with pytest.raises(TypeError, match="unexpected keyword"):
        stats.welch_t([1, 2], [1, 2], alhpa=0.05)  # type: ignore[call-arg]
    found = wrong_argument(broken, [1.0], {"names": ("a", 3)})
    assert found is not None
    assert (found.field, found.accepted) == ("names", "a tuple, each text")


def test_public_functions_can_be_handed_to_other_processes() -> None:
    for name in FUNCTIONS:
        assert pickle.loads(pickle.dumps(getattr(stats, name))) is getattr(stats, name)
