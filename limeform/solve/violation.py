"""A point that meets all constraints, or that breaks them least: nonlinear least squares on what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from limeform.solve.constraints import constraint_jacobian, constraint_limits, constraint_values
from limeform.solve.problem import EVALUATION_FAILURES, FloatArray, Problem

MET = 1e-8
"""A row is met if it is missed by no more than this in the variables, to first order, or relative to its limit."""
ROOM = 1e-3
"""How far inside of their limits rows are sought at first: an interior-point method starts better from there."""
UNDERFLOW = 1e-36
"""A sum of squares smaller than this is not made smaller: far out, the exponential of anything meets anything."""
LONGEST = 30.0
"""Longest step, in the units of the variables."""
STEPS = 200
"""Most steps from one start."""


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
    return _missing(problem, *rows)


def _missing(problem: Problem, values: FloatArray, jacobian: FloatArray) -> FloatArray:
    lower, upper = constraint_limits(problem)
    with np.errstate(all="ignore"):
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
    """Return a local minimum of the sum of squares of what is missing, and that sum; None if it has no value.

    Levenberg's and Marquardt's method, which ends where all rows are met with room, or as far as rounding goes.
    """
    x, rows = start, _rows(problem, start)
    if rows is None or not _finite(rows):
        return None
    limits = _inner_limits(problem, *rows, room)
    cost, damping = _cost(rows[0], *limits), 1e-3
    for _ in range(STEPS):
        if cost < UNDERFLOW or (room == 0.0 and not _missing(problem, *rows).any()):
            break
        over = _over(rows[0], *limits)
        step = _step(over, rows[1] / limits[2][:, None] * (over != 0)[:, None], damping)
        moved = _rows(problem, x + step)
        new = np.inf if moved is None or not _finite(moved) else _cost(moved[0], *limits)
        if moved is not None and new < cost:
            small = cost - new <= 1e-12 * cost
            x, rows, cost, damping = x + step, moved, new, damping / 10
            if small:
                break
        else:
            damping *= 10
            if damping > 1e8:
                break
    return x, cost


def _finite(rows: tuple[FloatArray, FloatArray]) -> bool:
    return bool(np.isfinite(rows[0]).all() and np.isfinite(rows[1]).all())


def _step(over: FloatArray, slope: FloatArray, damping: float) -> FloatArray:
    n = slope.shape[1]
    scale = damping * max(float(np.linalg.norm(slope)), 1e-12)
    found = np.linalg.lstsq(np.vstack([slope, scale * np.eye(n)]), np.append(over, np.zeros(n)), rcond=None)
    return np.asarray(-found[0] * min(1.0, LONGEST / max(float(np.linalg.norm(found[0])), 1e-300)), dtype=np.float64)


def _inner_limits(
    problem: Problem, values: FloatArray, jacobian: FloatArray, room: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return limits moved inwards by some room, and the units in which rows are compared; each shape (m,)."""
    lower, upper = constraint_limits(problem)
    with np.errstate(over="ignore"):
        scale = np.linalg.norm(jacobian, axis=1)
    scale = np.where((scale > 1e-8) & np.isfinite(scale), scale, np.maximum(np.abs(values), 1.0))
    inside = np.minimum(room * scale, 0.25 * (upper - lower))
    return lower + inside, upper - inside, scale


def _over(values: FloatArray, low: FloatArray, high: FloatArray, scale: FloatArray) -> FloatArray:
    """Return by how much each row lies below or above its limits, with its sign, in units of the variables."""
    with np.errstate(over="ignore"):
        return np.asarray((np.minimum(values - low, 0.0) + np.maximum(values - high, 0.0)) / scale, dtype=np.float64)


def _cost(values: FloatArray, low: FloatArray, high: FloatArray, scale: FloatArray) -> float:
    over = _over(values, low, high, scale)
    with np.errstate(over="ignore"):
        return float(over @ over)
