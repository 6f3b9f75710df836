"""One run of scipy.optimize.minimize on a problem."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import optimize

from limeform.solve.active_set import NEAR, put_on_active_limits
from limeform.solve.constraints import violation
from limeform.solve.evaluation import FEASIBLE, Evaluations
from limeform.solve.multipliers import balancing_multipliers
from limeform.solve.problem import FloatArray, Problem
from limeform.solve.scipy_constraints import as_dictionaries, as_objects
from limeform.solve.scipy_methods import METHODS
from limeform.solve.solution import Solution, Status
from limeform.solve.trust_region import free_variables, step_in_box

ON_LIMIT = 1e-9
"""A limit nearer than this counts as active once the solution has been put on its limits."""
GOOD, FAIR = 1e-9, 1e-6
"""What a quadratic model may still promise, relative to the objective, at a converged and at an acceptable point."""
GOOD_SLOPE, FAIR_SLOPE = 1e-5, 1e-3
"""The same for the slopes, where there are no second derivatives."""


class ScipyRun:
    """A run of one method, from the start of a problem to a judged solution.

    Parameters
    ----------
    problem : Problem
        One that the method can take.
    method : str
        A key of `METHODS`.
    tol : float
    max_iter : int, optional
    """

    def __init__(self, problem: Problem, method: str, tol: float, max_iter: int | None) -> None:
        self.problem = problem
        self.method_name = method
        self.method = METHODS[method]
        self.tol = tol
        self.max_iter = self.method.max_iter if max_iter is None else max_iter
        self.evaluations = Evaluations(problem)
        self.history: list[float] = []

    def solution(self) -> Solution:
        """Run the method and judge where it ended."""
        evaluations = self.evaluations
        try:
            status, message = self._minimize()
        except KeyboardInterrupt:
            status, message = Status.INTERRUPTED, f"interrupted in iteration {len(self.history)}"
        except np.linalg.LinAlgError as error:
            status, message = Status.FAILED, f"SciPy met a matrix that it could not factorise: {error}"
        size = self.problem.size
        solution = Solution(
            x=evaluations.best,
            value=evaluations.best_value,
            gradient=np.full(size, math.nan),
            status=status,
            message=message,
            solver=f"SciPy {self.method_name}",
            iterations=max(len(self.history) - 1, 0),
            evaluations=evaluations.count,
            lower_multipliers=np.zeros(size),
            upper_multipliers=np.zeros(size),
            history=tuple(self.history),
        )
        if status is Status.INTERRUPTED or math.isnan(evaluations.best_value):
            return solution
        return judged(self.problem, evaluations, solution)

    def _minimize(self) -> tuple[Status, str]:
        """Run the method; return what its return code means and its message. The evaluations keep the best point."""
        start = self.evaluations.best.copy()
        value = self.evaluations.value(start)
        if math.isnan(value) or not np.isfinite(self.evaluations.gradient(start)).all():
            return Status.NOT_EVALUABLE, "the objective or its gradient is not finite at the start"
        self._note()
        problem, method = self.problem, self.method
        arguments: dict[str, Any] = {
            "options": method.options(self.tol, self.tol * max(1.0, abs(value)), self.max_iter)
        }
        if method.gradient:
            arguments["jac"] = self._gradient
        if method.hessian != "none" and problem.hessian is not None:
            arguments["hess"] = self._hessian
        if problem.bounded:
            arguments["bounds"] = optimize.Bounds(problem.lower, problem.upper)
        if problem.constrained:
            arguments["constraints"] = (as_dictionaries if self.method_name == "SLSQP" else as_objects)(problem)
        result = optimize.minimize(self._value, start, method=self.method_name, callback=self._note, **arguments)
        return method.statuses.get(int(result.status), Status.FAILED), str(result.message)

    def _value(self, x: FloatArray) -> float:
        """Return the objective; where it has none, a number above the best so far that shortens the method's step."""
        value = self.evaluations.value(x)
        if math.isnan(value):
            best = self.evaluations.best_value
            return best + self.method.barrier * max(1.0, abs(best))
        return value

    def _gradient(self, x: FloatArray) -> FloatArray:
        gradient = self.evaluations.gradient(x)
        return gradient if np.isfinite(gradient).all() else np.zeros(x.size)

    def _hessian(self, x: FloatArray) -> FloatArray:
        hessian = self.evaluations.hessian(x)
        return hessian if np.isfinite(hessian).all() else np.eye(x.size)

    def _note(self, *_: object) -> None:
        self.history.append(self.evaluations.best_value)


def judged(problem: Problem, evaluations: Evaluations, solution: Solution) -> Solution:
    """Put a solution on its active limits, add multipliers, and judge whether it is an optimum.

    Parameters
    ----------
    problem : Problem
    evaluations : Evaluations
    solution : Solution
        With the status that the method gave itself.

    Returns
    -------
    Solution
        Complete. What the method called converged or stalled is judged by `remaining`; a limit that was reached or a
        failure stays, unless the point is an optimum all the same.
    """
    solution = _with_multipliers(problem, evaluations, solution, NEAR)
    if problem.bounded or problem.constrained:
        solution = put_on_active_limits(problem, evaluations, solution)
        solution = _with_multipliers(problem, evaluations, solution, ON_LIMIT)
    if violation(problem, solution.x) > FEASIBLE:
        return replace(solution, status=Status.INFEASIBLE)
    good, fair = _grade(problem, evaluations, solution)
    status = solution.status
    if status in (Status.CONVERGED, Status.STALLED):
        status = Status.CONVERGED if good else Status.ACCEPTABLE if fair else Status.STALLED
    elif good:
        status = Status.ACCEPTABLE
    return replace(solution, status=status, evaluations=evaluations.count)


def _with_multipliers(problem: Problem, evaluations: Evaluations, solution: Solution, near: float) -> Solution:
    gradient = evaluations.gradient(solution.x)
    multipliers = balancing_multipliers(problem, solution.x, gradient, near)
    return replace(
        solution,
        gradient=gradient,
        lower_multipliers=multipliers.lower,
        upper_multipliers=multipliers.upper,
        constraint_multipliers=multipliers.constraints,
    )


def _grade(problem: Problem, evaluations: Evaluations, solution: Solution) -> tuple[bool, bool]:
    """Say whether the point is a good and whether it is a fair optimum.

    Where second derivatives are known and only bounds restrict the variables, the measure is how far the quadratic
    model still falls, which does not depend on the units of the variables; else it is the largest slope left over.
    """
    scale = max(1.0, abs(solution.value))
    if problem.hessian is None or problem.constrained:
        residual = balancing_multipliers(problem, solution.x, solution.gradient, ON_LIMIT).residual
        slope = float(np.abs(residual).max())
        return slope <= GOOD_SLOPE * scale, slope <= FAIR_SLOPE * scale
    promise = _promised_fall(problem, evaluations.hessian(solution.x), solution)
    return promise <= GOOD * scale, promise <= FAIR * scale


def _promised_fall(problem: Problem, hessian: FloatArray, solution: Solution) -> float:
    """Return how far the quadratic model at the solution falls within the bounds; inf where it is not convex."""
    if not np.isfinite(hessian).all():
        return math.inf
    low, high = problem.lower - solution.x, problem.upper - solution.x
    free = free_variables(solution.gradient, low, high)
    scale = np.sqrt(np.maximum(np.abs(hessian.diagonal()), 1e-300))
    return step_in_box(hessian, solution.gradient, scale, math.inf, low, high, free).decrement
