"""Linear and nonlinear constraints of a problem as one list of rows, the linear ones first."""

from __future__ import annotations

import numpy as np

from limeform.solve.problem import FloatArray, Problem


def constraint_limits(problem: Problem) -> tuple[FloatArray, FloatArray]:
    """Return the lower and the upper limits (m,) of all constraints."""
    parts = [part for part in (problem.linear, problem.nonlinear) if part is not None]
    empty = np.empty(0)
    return np.concatenate([empty, *(part.lower for part in parts)]), np.concatenate(
        [empty, *(part.upper for part in parts)]
    )


def constraint_values(problem: Problem, x: FloatArray) -> FloatArray:
    """Return the values (m,) of all constraints at x."""
    parts = [np.empty(0)]
    if problem.linear is not None:
        parts.append(problem.linear.matrix @ x)
    if problem.nonlinear is not None:
        parts.append(np.asarray(problem.nonlinear.function(x), dtype=np.float64))
    return np.concatenate(parts)


def constraint_jacobian(problem: Problem, x: FloatArray) -> FloatArray:
    """Return the derivatives (m, n) of all constraints at x."""
    parts = [np.empty((0, x.size))]
    if problem.linear is not None:
        parts.append(problem.linear.matrix)
    if problem.nonlinear is not None:
        parts.append(np.asarray(problem.nonlinear.jacobian(x), dtype=np.float64))
    return np.concatenate(parts)


def violation(problem: Problem, x: FloatArray) -> float:
    """Return by how much x breaks the constraint it breaks most; 0 where it meets all, bounds not looked at."""
    if not problem.constrained:
        return 0.0
    values = constraint_values(problem, x)
    lower, upper = constraint_limits(problem)
    if not values.size:
        return 0.0
    return float(np.maximum(np.maximum(lower - values, values - upper), 0.0).max())
