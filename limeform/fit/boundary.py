"""Variances at zero: end exactly there, and make sure that it is a minimum.

The solver sees Gamma = L L', in which the gradient vanishes at a zero column of L by symmetry. So a solution with a
nearly zero eigenvalue is tried with that eigenvalue at zero, and where the derivative of the criterion in the missing
direction of Gamma is negative the search is taken up again from a point that has some variance there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from limeform.covariance import Covariance
from limeform.likelihood import Objective
from limeform.likelihood.gaussian import gradient
from limeform.likelihood.objective import derivatives_in_gamma
from limeform.solve import EvaluationError, Solution, Status

FloatArray = NDArray[np.float64]

NEARLY_ZERO = 1e-5
"""Eigenvalues of Gamma, in working units, that are tried at zero."""

RESTARTS = 3


def settle(objective: Objective, start: FloatArray, solve: Callable[[FloatArray], Solution]) -> Solution:
    """Solve, put nearly zero variances to zero where that is no worse, and leave boundary points that are no minimum.

    Parameters
    ----------
    objective : Objective
        The criterion.
    start : ndarray, shape (q,)
        Variance parameters to start from.
    solve : callable
        Takes a start, returns a `Solution`.

    Returns
    -------
    Solution
        With variance parameters in canonical form.
    """
    solution = solve(start)
    if solution.status is Status.INTERRUPTED:
        return solution
    at_boundary = not smallest_eigenvalue(objective, solution.x) > NEARLY_ZERO
    solution = _settled(objective, solution, at_boundary)
    for _ in range(RESTARTS if at_boundary else 0):
        escape = _escape(objective, solution.x)
        if escape is None:
            break
        again = solve(escape)
        again = _settled(objective, again, not smallest_eigenvalue(objective, again.x) > NEARLY_ZERO)
        if again.value >= solution.value - 1e-9 * (1 + abs(solution.value)):
            break
        solution = again
    return solution


def smallest_eigenvalue(objective: Objective, x: FloatArray) -> float:
    """Return the smallest eigenvalue of the blocks of Gamma in working units; infinite without random effects."""
    gamma = objective.covariance.covariance(x[: objective.covariance.n_parameters]).gamma
    return min((float(np.linalg.eigvalsh(block)[0]) for block in objective.covariance.split(gamma)), default=np.inf)


def _settled(objective: Objective, solution: Solution, at_boundary: bool) -> Solution:
    """Give the factor of Gamma its canonical signs, and zero to eigenvalues that are better or as good at zero."""
    q = objective.covariance.n_parameters
    if q == 0 or not np.isfinite(solution.value):
        return solution
    candidates = [objective.covariance.canonical(solution.x[:q])]
    if at_boundary:
        clipped = _clipped(objective, objective.covariance.covariance(solution.x[:q]).gamma)
        candidates.insert(0, objective.covariance.parameters(clipped))
    for theta in candidates:
        x = np.concatenate([theta, solution.x[q:]])
        if np.array_equal(x, solution.x):
            return solution
        try:
            value = objective.value(x)
        except EvaluationError:
            continue
        if value <= solution.value + 1e-10 * (1 + abs(solution.value)):
            return replace(solution, x=x, value=value, gradient=objective.gradient(x))
    return solution


def _clipped(objective: Objective, gamma: FloatArray) -> FloatArray:
    """Return Gamma with its nearly zero eigenvalues at zero."""
    clipped = np.zeros_like(gamma)
    start = 0
    for block in objective.covariance.split(gamma):
        values, vectors = np.linalg.eigh(block)
        values = np.where(values < NEARLY_ZERO, 0.0, values)
        stop = start + len(block)
        clipped[start:stop, start:stop] = (vectors * values) @ vectors.T
        start = stop
    return clipped


def _escape(objective: Objective, x: FloatArray) -> FloatArray | None:
    """Return a point with variance in the steepest missing direction of Gamma, or None at a minimum."""
    q = objective.covariance.n_parameters
    if q == 0 or smallest_eigenvalue(objective, x) > NEARLY_ZERO:
        return None
    gamma = objective.covariance.covariance(x[:q]).gamma
    blocks = objective.covariance.split(gamma)
    slopes = objective.covariance.split(gamma_gradient(objective, x))
    moved, start, found = gamma.copy(), 0, False
    for structure, block, slope in zip(objective.covariance.structures, blocks, slopes, strict=True):
        stop = start + len(block)
        allowed = structure.covariance(structure.start(1.0)).first.any(axis=0)
        values, vectors = np.linalg.eigh(block)
        missing = vectors[:, values <= NEARLY_ZERO]
        if missing.shape[1]:
            steepest, directions = np.linalg.eigh(missing.T @ np.where(allowed, slope, 0.0) @ missing)
            if steepest[0] < -1e-6:
                direction = missing @ directions[:, 0]
                step = np.where(allowed, np.outer(direction, direction), 0.0)
                moved[start:stop, start:stop] += 0.01 * max(1.0, float(values[-1])) * step
                found = True
        start = stop
    return np.concatenate([objective.covariance.parameters(moved), x[q:]]) if found else None


def gamma_gradient(objective: Objective, x: FloatArray) -> FloatArray:
    """Return the derivative of the criterion in the entries of Gamma at ``x``, shape (k, k), symmetric."""
    point = objective.at(x)
    k = len(point.covariance.gamma)
    rows, columns = np.tril_indices(k)
    basis = np.zeros((len(rows), k, k))
    basis[np.arange(len(rows)), rows, columns] += 0.5
    basis[np.arange(len(rows)), columns, rows] += 0.5
    entries = Covariance(point.covariance.gamma, basis, np.zeros((len(rows), len(rows), k, k)))
    slope = gradient(objective.criterion, point.profile, derivatives_in_gamma(point.reduction, entries), np.zeros(0))
    full = np.zeros((k, k))
    full[rows, columns] = slope
    full[columns, rows] = slope
    return full
