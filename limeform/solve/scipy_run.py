"""One run of scipy.optimize.minimize on a problem."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import optimize

from limeform.solve.active_set import NEAR, put_on_active_limits
from limeform.solve.constraints import constraint_limits, violation
from limeform.solve.evaluation import FEASIBLE, Evaluations
from limeform.solve.interruption import pass_on
from limeform.solve.multipliers import balancing_multipliers
from limeform.solve.problem import FloatArray, Problem
from limeform.solve.scaling import natural_scale, rescaled
from limeform.solve.scipy_constraints import as_dictionaries, as_objects
from limeform.solve.scipy_methods import METHODS
from limeform.solve.solution import Solution, Status
from limeform.solve.trust_region import free_variables, step_in_box

ON_LIMIT = 1e-9
"""A limit nearer than this counts as active once the solution has been put on its limits."""
FAR_AWAY = 1e20
"""A variable beyond this shows that the objective falls without limit."""
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
        self.original = problem
        self.scale = natural_scale(problem)
        self.problem = rescaled(problem, self.scale) if (self.scale != 1.0).any() else problem
        self.method_name = method
        self.method = METHODS[method]
        self.tol = tol
        self.max_iter = self.method.max_iter if max_iter is None else max_iter
        self.evaluations = Evaluations(self.problem, leaves_bounds=self.method.interior)
        self.history: list[float] = []
        self.reached: FloatArray | None = None

    def solution(self) -> Solution:
        """Run the method and judge where it ended."""
        try:
            status, message = self._minimize()
        except KeyboardInterrupt as interruption:
            pass_on(interruption)
            status, message = Status.INTERRUPTED, f"interrupted in iteration {len(self.history)}"
        except np.linalg.LinAlgError as error:
            status, message = Status.FAILED, f"SciPy met a matrix that it could not factorise: {error}"
        unjudged = self._unjudged(status, message)
        if status is Status.INTERRUPTED or math.isnan(unjudged.value):
            return unjudged
        try:
            return judged(self.original, unjudged, self.method.interior)
        except KeyboardInterrupt as interruption:
            pass_on(interruption)
            return replace(unjudged, status=Status.INTERRUPTED)

    def _unjudged(self, status: Status, message: str) -> Solution:
        """Return the end, or else the best point, in the original variables, without derivatives and multipliers."""
        size, original = self.problem.size, self.original
        nothing = np.zeros(size)
        end = self.evaluations.best if self.reached is None else self.reached
        return Solution(
            x=np.minimum(np.maximum(end / self.scale, original.lower), original.upper),
            value=self.evaluations.best_value,
            gradient=np.full(size, math.nan),
            status=status,
            message=message,
            solver=f"SciPy {self.method_name}",
            iterations=max(len(self.history) - 1, 0),
            evaluations=self.evaluations.count,
            lower_multipliers=nothing,
            upper_multipliers=nothing,
            constraint_multipliers=np.zeros(constraint_limits(original)[0].size),
            history=tuple(self.history),
        )

    def _minimize(self) -> tuple[Status, str]:
        """Run the method; return what its return code means and its message. The evaluations keep the best point."""
        start = self.evaluations.best.copy()
        if math.isnan(self.evaluations.value(start)) or not np.isfinite(self.evaluations.gradient(start)).all():
            return Status.NOT_EVALUABLE, "the objective or its gradient is not finite at the start"
        self._note()
        minimize: Any = optimize.minimize
        with warnings.catch_warnings():
            # What SciPy would warn of is in the status and the message.
            warnings.filterwarnings("ignore", module=r"scipy\.")
            result = minimize(self._value, start, method=self.method_name, callback=self._note, **self._arguments())
        status = self.method.statuses.get(int(result.status), Status.FAILED)
        if status is Status.CONVERGED:
            # The best point may have gained its lead by breaking a constraint a little.
            self.reached = result.x
        return status, str(result.message)

    def _arguments(self) -> dict[str, Any]:
        """Return what scipy.optimize.minimize is told besides the objective and the start."""
        problem, method = self.problem, self.method
        arguments: dict[str, Any] = {"options": method.options(self.tol, self.max_iter)}
        if method.gradient:
            arguments["jac"] = self._gradient
        if method.hessian != "none" and problem.hessian is not None:
            arguments["hess"] = self._hessian
        if problem.bounded:
            arguments["bounds"] = optimize.Bounds(problem.lower, problem.upper)
        if problem.constrained:
            arguments["constraints"] = (as_dictionaries if self.method_name == "SLSQP" else as_objects)(problem)
        return arguments

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


def judged(problem: Problem, solution: Solution, interior: bool) -> Solution:
    """Put a solution on its active limits, add derivatives and multipliers, and judge whether it is an optimum.

    Parameters
    ----------
    problem : Problem
    solution : Solution
        With the status that the method gave itself.
    interior : bool
        Whether it comes from an interior-point method: then, if that converged, Newton steps lead to the active limits.

    Returns
    -------
    Solution
        Complete. Whatever the method called converged or stalled is judged by the derivatives; a limit that was
        reached or a failure stays, unless the point is an optimum all the same.
    """
    evaluations = Evaluations(problem)
    solution = replace(solution, value=evaluations.value(solution.x))
    if math.isnan(solution.value):
        return replace(solution, status=Status.NOT_EVALUABLE)
    solution = _with_multipliers(problem, evaluations, solution, NEAR)
    if problem.constrained or problem.bounded:
        refine = interior and solution.status is Status.CONVERGED
        solution = put_on_active_limits(problem, evaluations, solution, refine)
    solution = _with_multipliers(problem, evaluations, solution, ON_LIMIT)
    solution = replace(solution, evaluations=solution.evaluations + evaluations.count)
    if violation(problem, solution.x) > FEASIBLE:
        return replace(solution, status=Status.INFEASIBLE)
    if np.abs(solution.x).max() > FAR_AWAY:
        return replace(solution, status=Status.UNBOUNDED)
    good, fair = _grade(problem, evaluations, solution)
    status = solution.status
    if status in (Status.CONVERGED, Status.STALLED):
        status = Status.CONVERGED if good else Status.ACCEPTABLE if fair else Status.STALLED
    elif good:
        status = Status.ACCEPTABLE
    return replace(solution, status=status)


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
