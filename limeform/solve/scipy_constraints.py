"""Constraints of a problem in the two forms that SciPy's methods take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import optimize

from limeform.solve.constraints import constraint_jacobian, constraint_limits, constraint_values
from limeform.solve.problem import EVALUATION_FAILURES, BoolArray, FloatArray, Problem


def as_objects(problem: Problem) -> list[Any]:
    """Return the constraints for trust-constr."""
    # SciPy's stubs do not let keywords be left out by a dictionary.
    nonlinear_constraint: Any = optimize.NonlinearConstraint
    constraints: list[Any] = []
    linear, nonlinear = problem.linear, problem.nonlinear
    if linear is not None:
        constraints.append(optimize.LinearConstraint(linear.matrix, linear.lower, linear.upper))
    if nonlinear is not None:
        known = {} if nonlinear.hessian is None else {"hess": nonlinear.hessian}
        constraints.append(
            nonlinear_constraint(
                _nan_where_it_fails(nonlinear.function, (nonlinear.lower.size,)),
                nonlinear.lower,
                nonlinear.upper,
                jac=_nan_where_it_fails(nonlinear.jacobian, (nonlinear.lower.size, problem.size)),
                **known,
            )
        )
    return constraints


def as_dictionaries(problem: Problem) -> list[dict[str, Any]]:
    """Return the constraints for SLSQP: equations ``f(x) = 0`` and inequalities ``f(x) >= 0``."""
    lower, upper = constraint_limits(problem)
    equal = lower == upper
    return [
        _dictionary(problem, kind, rows, limits, sign)
        for kind, rows, limits, sign in (
            ("eq", equal, lower, 1.0),
            ("ineq", ~equal & np.isfinite(lower), lower, 1.0),
            ("ineq", ~equal & np.isfinite(upper), upper, -1.0),
        )
        if rows.any()
    ]


def _dictionary(problem: Problem, kind: str, rows: BoolArray, limits: FloatArray, sign: float) -> dict[str, Any]:
    def distance(x: FloatArray) -> FloatArray:
        return sign * (constraint_values(problem, x)[rows] - limits[rows])

    def jacobian(x: FloatArray) -> FloatArray:
        return sign * constraint_jacobian(problem, x)[rows]

    count = int(rows.sum())
    return {
        "type": kind,
        "fun": _nan_where_it_fails(distance, (count,)),
        "jac": _nan_where_it_fails(jacobian, (count, problem.size)),
    }


def _nan_where_it_fails(
    function: Callable[[FloatArray], FloatArray], shape: tuple[int, ...]
) -> Callable[[FloatArray], FloatArray]:
    def guarded(x: FloatArray) -> FloatArray:
        try:
            return function(x)
        except EVALUATION_FAILURES:
            return np.full(shape, np.nan)

    return guarded
