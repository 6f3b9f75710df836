"""Models that no data could estimate, refused before the fit with the reason."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from limeform.design import Design, GroupedEffects
from limeform.design.fixed import independent_columns
from limeform.errors import DataError

FloatArray = NDArray[np.float64]


def check_design(design: Design) -> None:
    """Refuse a design whose parameters are not identifiable.

    Parameters
    ----------
    design : Design
        Arrays of the model.

    Raises
    ------
    DataError
        If there are fewer rows than parameters, a grouping factor has one level, the random effects are as many as the
        rows while the residual variance is unknown, or random-effects columns are linearly dependent.
    """
    n, p = len(design.y), len(design.names)
    unknown = design.errors.variance is None
    if n < p + (unknown or bool(design.factors)):
        extra = " and a residual variance" if unknown else " and a variance between groups" * (n >= p)
        raise DataError(f"{n} complete rows are too few for {p} fixed effects" + extra)
    for random in design.factors:
        _check_levels(random)
        _check_columns(random, design.errors.precision)
        _check_absorbed(random, design)
        if unknown:
            _check_residual(random, n)
    for one, other in combinations(design.factors, 2):
        _check_confounded(one, other)


def _check_columns(random: GroupedEffects, precision: FloatArray) -> None:
    """Refuse columns with a full covariance of which one is a combination of the others: it would not be unique."""
    start = 0
    for term in random.terms:
        k = len(term.names)
        z = random.z[:, start : start + k]
        start += k
        if term.covariance == "diagonal" or k == 1:
            kept = [j for j in range(k) if z[:, j].any()]
        else:
            kept = independent_columns(z, precision)
        left = [name for j, name in enumerate(term.names) if j not in kept]
        if left:
            raise DataError(
                f"in the random term on {random.factor!r} other columns explain {', '.join(left)} (or it is zero), "
                "so its variance cannot be estimated: leave it out of the random term"
            )


def _check_levels(random: GroupedEffects) -> None:
    if len(random.levels) < 2:
        raise DataError(
            f"grouping factor {random.factor!r} has one level ({random.levels.tolist()[0]!r}): "
            "the variance between levels cannot be estimated; leave the random term out"
        )


def _check_confounded(one: GroupedEffects, other: GroupedEffects) -> None:
    """Refuse two factors with the same levels under other names: their variances could not be told apart."""
    shared = [name for name in one.names if name in other.names]
    if not shared or len(one.levels) != len(other.levels):
        return
    partner = np.zeros(len(one.levels), np.int32)
    partner[one.codes] = other.codes
    if np.array_equal(partner[one.codes], other.codes):
        example = f"{one.levels.tolist()[0]!r} of the one is {other.levels.tolist()[int(partner[0])]!r} of the other"
        raise DataError(
            f"grouping factors {one.factor!r} and {other.factor!r} divide the rows alike ({len(one.levels)} levels "
            f"each; {example}), so the variances of {', '.join(shared)} cannot be told apart: leave one of them out"
        )


def _check_absorbed(random: GroupedEffects, design: Design) -> None:
    """Refuse random effects that the fixed effects reproduce: nothing is left to learn their variance from."""
    m, k = len(random.levels), random.z.shape[1]
    p = design.x.shape[1]
    if m * k > p or len(design.y) == 0:
        return
    indicators = np.zeros((len(design.y), m * k))
    for j in range(k):
        indicators[np.arange(len(design.y)), random.codes * k + j] = random.z[:, j]
    together = independent_columns(np.hstack([design.x, indicators]), design.errors.precision)
    if len(together) == p:
        raise DataError(
            f"the fixed effects reproduce the random effects of {random.factor!r}, so their variance cannot be "
            "estimated: leave one of the two out"
        )


def _check_residual(random: GroupedEffects, n: int) -> None:
    """Refuse random effects that could reproduce every row, leaving nothing to estimate the residual variance from."""
    m, start = len(random.levels), 0
    for term in random.terms:
        k = len(term.names)
        constant = _constant_within(random.z[:, start : start + k], random.codes, m)
        start += k
        if m * k >= n and (k > 1 or constant):
            raise DataError(
                f"{random.factor!r} has {m} levels and {k} random effect{'s' * (k > 1)} each for {n} rows, so the "
                "residual variance cannot be told from that of the random effects: "
                "give se= if the sampling errors are known, or use fewer random effects"
            )


def _constant_within(z: FloatArray, codes: NDArray[np.int32], m: int) -> bool:
    """Return whether the single column ``z`` is the same up to sign in every row."""
    return bool(np.ptp(np.abs(z)) == 0) and len(np.unique(codes)) == m
