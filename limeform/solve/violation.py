"""A point that meets all constraints, or that breaks them least: nonlinear least squares on what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from limeform.solve.constraints import constraint_jacobian, constraint_limits, constraint_values
from limeform.solve.problem import EVALUATION_FAILURES, FloatArray, Problem

MET = 1e-8
"""A row is met if it is missed by no more than this in the variables, to first order, or relative to its limit."""
ROOM = 1e-3
"""How far inside of their limits rows are sought at first: an interior-point method starts better from there."""


@dataclass(frozen=True, eq=False)
class NearestPoint:
    """The point of least violation that was found.

    Attributes
    ----------
    x : ndarray, shape (n,)
        The point.
    missing : ndarray, shape (m,)
        By how much each row is missed, in its own units; 0 where it is met, nan where it has no value.
    starts : int
        How many starts were followed.
    """

    x: FloatArray
    missing: FloatArray
    starts: int

    @property
    def met(self) -> bool:
        """Whether all rows are met."""
        return not self.missing.any()


def missing_at(problem: Problem, x: FloatArray) -> FloatArray:
    """Return by how much each row is missed at x, shape (m,); 0 where it is met, nan where it has no value."""
    rows = _rows(problem, x)
    if rows is None:
        return np.full(len(constraint_limits(problem)[0]), np.nan)
    values, jacobian = rows
    lower, upper = constraint_limits(problem)
    with np.errstate(invalid="ignore"):
        missing = np.maximum(np.maximum(lower - values, values - upper), 0.0)
        limit = np.where(values < lower, np.abs(lower), np.abs(upper))
        tolerance = MET * np.fmax(np.linalg.norm(jacobian, axis=1), np.where(np.isfinite(limit), limit, 0.0))
    return np.where(np.isnan(values), np.nan, np.where(missing <= tolerance, 0.0, missing))


def nearest_point(
    problem: Problem, starts: Iterable[FloatArray], defined: Callable[[FloatArray], bool]
) -> NearestPoint:
    """Look for a point that meets all constraints, from one start after another until there is one.

    Parameters
    ----------
    problem : Problem
        Of which the constraints are used; its bounds and its objective are not.
    starts : iterable of ndarray, each shape (n,)
        Where to begin.
    defined : callable
        Whether the objective has a value at a point.

    Returns
    -------
    NearestPoint
        The first one that meets all; else the one of the least sum of squared violations, in units of the variables.
    """
    best, least, followed = None, np.inf, 0
    for start in starts:
        followed += 1
        for room in (ROOM, 0.0):
            found = _descend(problem, start, room)
            if found is None:
                break
            x, cost = found
            missing = missing_at(problem, x)
            if not missing.any() and defined(x):
                return NearestPoint(x, missing, followed)
            if room == 0.0 and cost < least:
                best, least = NearestPoint(x, missing, followed), cost
    if best is None:
        return NearestPoint(problem.start, missing_at(problem, problem.start), followed)
    return NearestPoint(best.x, best.missing, followed)


def _rows(problem: Problem, x: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    """Return values and Jacobian of all rows; None where there are none."""
    try:
        with np.errstate(all="ignore"):
            return constraint_values(problem, x), constraint_jacobian(problem, x)
    except EVALUATION_FAILURES:
        return None


def _descend(problem: Problem, start: FloatArray, room: float) -> tuple[FloatArray, float] | None:
    """Return a local minimum of the sum of squares of what is missing, and that sum; None if it has no value."""
    first = _rows(problem, start)
    if first is None or not (np.isfinite(first[0]).all() and np.isfinite(first[1]).all()):
        return None
    lower, upper = constraint_limits(problem)
    scale = np.linalg.norm(first[1], axis=1)
    scale = np.where(scale > 1e-8, scale, np.maximum(np.abs(first[0]), 1.0))
    inside = np.minimum(room * scale, 0.25 * (upper - lower))
    low, high = lower + inside, upper - inside

    def residual(x: FloatArray) -> FloatArray:
        rows = _rows(problem, x)
        if rows is None:
            return np.full(len(low), np.nan)
        over = np.minimum(rows[0] - low, 0.0) + np.maximum(rows[0] - high, 0.0)
        return np.asarray(over / scale, dtype=np.float64)

    def jacobian(x: FloatArray) -> FloatArray:
        rows = _rows(problem, x)
        assert rows is not None
        broken = (rows[0] < low) | (rows[0] > high)
        return np.nan_to_num(rows[1] / scale[:, None]) * broken[:, None]

    found = least_squares(residual, start, jacobian, method="trf", xtol=1e-12, ftol=1e-12, gtol=1e-12, max_nfev=200)
    return np.asarray(found.x, dtype=np.float64), float(found.cost)
