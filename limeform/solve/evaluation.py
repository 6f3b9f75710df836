"""How solvers call a problem's functions: failures become nan, calls are counted, the best point is kept."""

from __future__ import annotations

import math

import numpy as np

from limeform.solve.constraints import constraint_limits, violation
from limeform.solve.problem import EVALUATION_FAILURES, FloatArray, Problem
from limeform.solve.solution import Solution, Status

FEASIBLE = 1e-6
"""A point breaking its constraints by no more than this counts as meeting them when the best point is chosen."""


class Evaluations:
    """The functions of one problem during one run of a solver.

    Parameters
    ----------
    problem : Problem
    leaves_bounds : bool
        Whether the solver may evaluate points outside the bounds; then those do not count as the best.

    Attributes
    ----------
    count : int
        Evaluations of the objective so far.
    best, best_value : array (n,) and float
        The best point so far: least violation of the constraints beyond `FEASIBLE`, then least value.
    """

    def __init__(self, problem: Problem, leaves_bounds: bool = False) -> None:
        self.problem = problem
        self.count = 0
        self.best = start_within_bounds(problem)
        self.best_value = math.nan
        self._best_violation = math.inf
        self._leaves_bounds = leaves_bounds and problem.bounded
        self._constrained = problem.constrained or self._leaves_bounds

    def value(self, x: FloatArray) -> float:
        """Return the objective at x; nan where it has no finite value."""
        self.count += 1
        try:
            value = float(self.problem.value(x))
        except EVALUATION_FAILURES:
            return math.nan
        if not math.isfinite(value):
            return math.nan
        broken = self._excess(x) if self._constrained else 0.0
        if broken < self._best_violation or (broken == self._best_violation and value < self.best_value):
            self.best, self.best_value, self._best_violation = x.copy(), value, broken
        return value

    def gradient(self, x: FloatArray) -> FloatArray:
        """Return a copy of the gradient (n,) at x; nan where it cannot be computed."""
        try:
            gradient = np.array(self.problem.gradient(x), dtype=np.float64)
        except EVALUATION_FAILURES:
            return np.full(x.size, math.nan)
        if gradient.shape != x.shape:
            raise ValueError(f"the gradient of {x.size} variables has shape {gradient.shape}")
        return gradient

    def hessian(self, x: FloatArray) -> FloatArray:
        """Return a copy of the Hessian (n, n) at x; nan where it cannot be computed."""
        assert self.problem.hessian is not None
        size = x.size
        try:
            hessian = np.array(self.problem.hessian(x), dtype=np.float64)
        except EVALUATION_FAILURES:
            return np.full((size, size), math.nan)
        if hessian.shape != (size, size):
            raise ValueError(f"the Hessian of {size} variables has shape {hessian.shape}")
        return hessian

    def _excess(self, x: FloatArray) -> float:
        try:
            broken = violation(self.problem, x)
        except EVALUATION_FAILURES:
            return math.inf
        if self._leaves_bounds:
            outside = np.maximum(self.problem.lower - x, x - self.problem.upper).max()
            broken = max(broken, float(outside))
        return broken if broken > FEASIBLE else 0.0


def start_within_bounds(problem: Problem) -> FloatArray:
    """Return the start, moved onto the bounds it breaks: a fresh array (n,)."""
    return np.minimum(np.maximum(problem.start, problem.lower), problem.upper)


def only_point(problem: Problem, name: str) -> Solution | None:
    """Return the solution of a problem in which no variable can move (n = 0, or every lower bound equals its upper)."""
    if not (problem.lower == problem.upper).all():
        return None
    evaluations = Evaluations(problem)
    x = start_within_bounds(problem)
    value = evaluations.value(x)
    gradient = evaluations.gradient(x)
    status = Status.CONVERGED
    if not math.isfinite(value):
        status = Status.NOT_EVALUABLE
    elif violation(problem, x) > FEASIBLE:
        status = Status.INFEASIBLE
    return Solution(
        x=x,
        value=value,
        gradient=gradient,
        status=status,
        message="no variable is free to move",
        solver=name,
        evaluations=1,
        lower_multipliers=np.maximum(gradient, 0.0),
        upper_multipliers=np.maximum(-gradient, 0.0),
        constraint_multipliers=np.zeros(constraint_limits(problem)[0].size),
        history=(value,),
    )
