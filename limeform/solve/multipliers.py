"""Multipliers of bounds and constraints at a point, for solvers that do not tell them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

from limeform.solve.constraints import constraint_jacobian, constraint_limits, constraint_values
from limeform.solve.problem import BoolArray, FloatArray, Problem


class Multipliers(NamedTuple):
    """Multipliers that come nearest to balancing the gradient.

    Attributes
    ----------
    lower, upper : array (n,)
        Of the bounds; not negative.
    constraints : array (m,)
        Of the constraints; positive at an upper limit, negative at a lower one.
    residual : array (n,)
        What they leave of the gradient: zero at an optimum.
    """

    lower: FloatArray
    upper: FloatArray
    constraints: FloatArray
    residual: FloatArray


def balancing_multipliers(problem: Problem, x: FloatArray, gradient: FloatArray, near: float) -> Multipliers:
    """Return the multipliers of the limits that are active at x, by nonnegative least squares.

    Parameters
    ----------
    problem : Problem
    x, gradient : array (n,)
    near : float
        A limit nearer than this, relative to its size where that is above one, counts as active.

    Returns
    -------
    Multipliers
    """
    at_lower = _near(x, problem.lower, near)
    at_upper = _near(x, problem.upper, near)
    if not problem.constrained:
        lower = np.where(at_lower, np.maximum(gradient, 0.0), 0.0)
        upper = np.where(at_upper, np.maximum(-gradient, 0.0), 0.0)
        return Multipliers(lower, upper, np.empty(0), gradient - lower + upper)
    values = constraint_values(problem, x)
    jacobian = constraint_jacobian(problem, x)
    limits = constraint_limits(problem)
    row_at_lower, row_at_upper = _near(values, limits[0], near), _near(values, limits[1], near)
    identity = np.eye(x.size)
    pieces = [identity[at_lower], -identity[at_upper], jacobian[row_at_lower], -jacobian[row_at_upper]]
    # At an optimum the gradient is a nonnegative combination of these directions, each pointing into the allowed set.
    directions = np.concatenate(pieces)
    weights = nnls(directions.T, gradient)[0] if directions.size else np.empty(0)
    shares = np.split(weights, np.cumsum([len(piece) for piece in pieces])[:-1])
    return Multipliers(
        lower=_spread(shares[0], at_lower),
        upper=_spread(shares[1], at_upper),
        constraints=_spread(shares[3], row_at_upper) - _spread(shares[2], row_at_lower),
        residual=gradient - weights @ directions,
    )


def _near(values: FloatArray, limits: FloatArray, near: float) -> BoolArray:
    with np.errstate(invalid="ignore"):
        return np.isfinite(limits) & (np.abs(values - limits) <= near * np.maximum(1.0, np.abs(values)))


def _spread(values: FloatArray, where: BoolArray) -> FloatArray:
    full = np.zeros(where.size)
    full[where] = values
    return full
