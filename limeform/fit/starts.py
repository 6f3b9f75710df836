"""Where the search for the variance parameters begins, and how far down it may go."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from limeform.fit.crossed_start import crossed_start
from limeform.likelihood import (
    CrossedProducts,
    CrossProducts,
    Objective,
    ResidualVariance,
)
from limeform.solve import EvaluationError, Newton, Problem, Solution, Status

FloatArray = NDArray[np.float64]

QUICK = Newton(tol=1e-2, max_iter=5)
"""Takes the start near the optimum."""

FACTORS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Standard deviations tried for a start, as multiples of the moment estimate."""

FLOOR = 1e-10
"""Smallest residual variance of a stratum, as a fraction of the overall one: with rows that the random effects
reproduce exactly, the likelihood would grow without limit as it falls."""


def default_start(objective: Objective) -> FloatArray:
    """Return the best of several starts around a first moment estimate.

    The likelihood of a variance can have several maxima: where the scan has several dips, each is followed a few steps.
    """
    if isinstance(objective.products, CrossedProducts):
        return crossed_start(objective, objective.products)
    dips = _dips(objective)
    if len(dips) == 1:
        return dips[0]
    return min((refined(objective, dip) for dip in dips), key=lambda solution: solution.value).x


def refined(objective: Objective, start: FloatArray) -> Solution:
    """Return where a few quick Newton steps from a start lead."""
    problem = Problem(start, objective.value, objective.gradient, objective.hessian, lower=default_lower(objective))
    solution = QUICK.minimize(problem)
    if solution.status is Status.INTERRUPTED:
        raise KeyboardInterrupt
    return solution


def _dips(objective: Objective) -> list[FloatArray]:
    """Return the local minima of the criterion along scans of the size of the random effects."""
    share = _moment_estimate(objective)
    found = []
    for psi in _stratum_starts(objective):
        for shape in _shapes(objective):
            scan = [np.concatenate([objective.covariance.parameters((share * f) ** 2 * shape), psi]) for f in FACTORS]
            walls = [np.inf, *(value_or_infinity(objective, x) for x in scan), np.inf]
            found += [x for i, x in enumerate(scan) if walls[i] > walls[i + 1] <= walls[i + 2]]
    fallback = [np.concatenate([objective.covariance.start(share), psi]) for psi in _stratum_starts(objective)]
    return found or fallback


def _shapes(objective: Objective) -> list[FloatArray]:
    """Return the covariances that scans enlarge and shrink: all effects alike, in a meta-analysis others as well.

    Known error variances of very different size are what gives the likelihood of several variances several maxima.
    """
    k = objective.covariance.size
    shapes = [np.eye(k)] if k else []
    if objective.criterion.residual is ResidualVariance.KNOWN and 1 < k <= 4:
        shapes += [np.diag(np.where(np.arange(k) == j, 1.0, 1e-4)) for j in range(k)]
        for i, j in combinations(range(k), 2):
            pair = np.eye(k)
            pair[i, j] = pair[j, i] = 0.98
            shapes += [pair, 2.0 * np.eye(k) - pair]
    return shapes


def _moment_estimate(objective: Objective) -> float:
    """Return a standard deviation at which random effects and errors share the variance as first moments say."""
    products = objective.products
    assert isinstance(products, CrossProducts)
    if objective.criterion.residual is ResidualVariance.KNOWN:
        ratio = products.coordinates.excess
    else:
        k = np.arange(len(products.gram))
        rank = np.count_nonzero(products.gram[k, k] > 0)
        free = max(float(products.weight.sum()) - rank, 1.0)
        within = float(products.within[-1, -1].sum()) / free
        ratio = 1.0 / within if within > 1e-4 else 1.0
    return float(np.sqrt(np.clip(ratio - 1.0, 0.1, 1e4) / max(objective.covariance.size, 1)))


def _stratum_starts(objective: Objective) -> list[FloatArray]:
    """Return log residual variances to start from: all alike, and by the residuals within cells of each stratum."""
    alike = np.zeros(objective.n_strata)
    if not objective.n_strata:
        return [alike]
    products = objective.products
    assert isinstance(products, CrossProducts)
    mean = np.maximum(products.within[-1, -1], 0.0) / np.maximum(products.weight, 1.0)
    return [alike, np.log(np.clip(mean, 1e-3, 1e3))]


def default_lower(objective: Objective) -> FloatArray:
    """Return lower bounds of the variables: a residual variance of its own per stratum cannot go below `FLOOR`."""
    free = np.full(objective.covariance.n_parameters, -np.inf)
    return np.concatenate([free, np.full(objective.n_strata, np.log(FLOOR))])


def value_or_infinity(objective: Objective, x: FloatArray) -> float:
    """Return the criterion at ``x``, shape (q,); infinite where it has no value."""
    try:
        return objective.value(x)
    except EvaluationError:
        return np.inf
