"""The comparisons every library is given: arms of shares, means, ratios and adjusted means, as plain numbers.

Only the standard library, so that a peer's own Python can read it.
"""

from __future__ import annotations

import random

KINDS = ("share", "mean", "ratio", "cuped")
N_ARMS = 64


def arms(seed: int = 1) -> list[dict[str, list[float]]]:
    """For each of N_ARMS pairs of arms and each kind: the numbers of both arms.

    share: n, converted. mean: n, mean, squares. ratio and cuped: n, two means, and three centred sums of products.
    """
    rng = random.Random(seed)
    return [{kind: [*_arm(kind, rng), *_arm(kind, rng)] for kind in KINDS} for _ in range(N_ARMS)]


def _arm(kind: str, rng: random.Random) -> list[float]:
    n = rng.randrange(5_000, 50_000)
    if kind == "share":
        return [n, round(n * rng.uniform(0.04, 0.06))]
    mean = rng.uniform(9.5, 10.5)
    squares = n * rng.uniform(80, 120)
    if kind == "mean":
        return [n, mean, squares]
    second = rng.uniform(4.8, 5.2)
    seconds = n * rng.uniform(15, 25)
    both = 0.6 * (squares * seconds) ** 0.5
    return [n, mean, second, squares, both, seconds]
