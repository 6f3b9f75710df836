"""Put a solution exactly on the bounds and constraints that hold there.

Interior-point methods end within a hair of the limits that are active at the optimum, on one side or the other.
A variance that is zero has to be zero, though, and a curve that passes through a point has to pass through it.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace

import numpy as np

from limeform.solve.constraints import constraint_jacobian, constraint_limits, constraint_values, violation
from limeform.solve.evaluation import Evaluations
from limeform.solve.newton import Newton
from limeform.solve.problem import EVALUATION_FAILURES, BoolArray, FloatArray, Problem
from limeform.solve.solution import Solution, Status

NEAR = 1e-4
"""A limit nearer than this, relative to its size where that is above one, is tried."""
LEVEL = 1e-8
"""A variable stays on its bound unless the objective falls faster than this (relative to its size) away from it."""
NO_OPTIMUM = (Status.ITERATION_LIMIT, Status.UNBOUNDED)
"""Ends of Newton's method that show that the solution was none."""
SATISFIED = 1e-8
"""By how much constraints may be broken afterwards where they were met before."""


def put_on_active_limits(
    problem: Problem, evaluations: Evaluations, solution: Solution, refine: bool = True
) -> Solution:
    """Return the solution moved onto the limits it is nearest to, if that is no worse.

    Where second derivatives are known and at most bounds restrict the variables, `Newton` goes on from the solution:
    none or two steps are usual, more where the solver ended at a saddle. Otherwise variables near a bound are moved
    onto it, and the others follow by one Newton step, or by the shortest way. That move is kept only where the
    objective rises by no more than the multipliers say it has to, and all constraints are met as before.

    Parameters
    ----------
    problem : Problem
    evaluations : Evaluations
        Of the same problem; counts what is done here.
    solution : Solution
        With the multipliers of the bounds and constraints.
    refine : bool
        Whether Newton steps may be taken; without, the point is only moved the shortest way.

    Returns
    -------
    Solution
        The one given, or the same with another x and value; after Newton steps also with these among its iterations,
        with their multipliers, and with their status where they found no optimum.
    """
    if refine and problem.hessian is not None and not problem.constrained:
        return _by_newton(problem, evaluations, solution)
    held = _near_bounds(problem, solution.x)
    try:
        rows, missing = _near_constraints(problem, solution.x)
        for _ in range(2):
            x = np.where(held, _nearer_bound(problem, solution.x), solution.x)
            if np.array_equal(x, solution.x) and not missing.any():
                return solution
            allowed = _announced_rise(solution, x, missing) + 1e-12 * max(1.0, abs(solution.value))
            candidate = _candidate(problem, evaluations, solution, x, rows, refine and problem.has_hessian)
            pulled = held & _pulled_inside(problem, evaluations, solution, candidate)
            if not pulled.any():
                return _if_no_worse(problem, evaluations, solution, candidate, allowed)
            held &= ~pulled
    except EVALUATION_FAILURES:
        pass
    return solution


def _by_newton(problem: Problem, evaluations: Evaluations, solution: Solution) -> Solution:
    """Return the solution after Newton steps, which stay within the bounds and never raise the objective."""
    end = Newton().minimize(replace(problem, start=solution.x))
    # The solution had been evaluated before.
    evaluations.count += end.evaluations - 1
    if end.status is Status.INTERRUPTED:
        raise KeyboardInterrupt
    if math.isnan(end.value):
        return solution
    return replace(
        solution,
        x=end.x,
        value=end.value,
        status=end.status if end.status in NO_OPTIMUM else solution.status,
        iterations=solution.iterations + end.iterations,
        history=(*solution.history, *end.history[1:]),
        lower_multipliers=end.lower_multipliers,
        upper_multipliers=end.upper_multipliers,
    )


def _if_no_worse(
    problem: Problem, evaluations: Evaluations, solution: Solution, candidate: FloatArray, allowed: float
) -> Solution:
    """Return the solution at the candidate, if its value and the constraints allow it."""
    value = evaluations.value(candidate)
    met = violation(problem, candidate) <= max(SATISFIED, violation(problem, solution.x))
    return replace(solution, x=candidate, value=value) if met and value - solution.value <= allowed else solution


def _nearer_bound(problem: Problem, x: FloatArray) -> FloatArray:
    return np.where(x - problem.lower <= problem.upper - x, problem.lower, problem.upper)


def _near_bounds(problem: Problem, x: FloatArray) -> BoolArray:
    """Say which variables (n,) are near a bound."""
    bound = _nearer_bound(problem, x)
    return np.isfinite(bound) & (np.abs(x - bound) <= NEAR * np.maximum(1.0, np.abs(x)))


def _pulled_inside(problem: Problem, evaluations: Evaluations, solution: Solution, x: FloatArray) -> BoolArray:
    """Say which variables (n,) lower the Lagrangian when they leave the bound that they are on."""
    slope = evaluations.gradient(x) + constraint_jacobian(problem, x).T @ solution.constraint_multipliers
    level = LEVEL * max(1.0, abs(solution.value), float(np.abs(slope).max()))
    return ((x <= problem.lower) & (slope < -level)) | ((x >= problem.upper) & (slope > level))


def _near_constraints(problem: Problem, x: FloatArray) -> tuple[BoolArray, FloatArray]:
    """Say which constraints are near a limit, and what they lack to it (0 where none is near); both (m,)."""
    values = constraint_values(problem, x)
    lower, upper = constraint_limits(problem)
    missing = np.where(np.abs(lower - values) <= np.abs(upper - values), lower - values, upper - values)
    near = np.isfinite(missing) & (np.abs(missing) <= NEAR * np.maximum(1.0, np.abs(values)))
    return near, np.where(near, missing, 0.0)


def _announced_rise(solution: Solution, x: FloatArray, missing: FloatArray) -> float:
    """Return by how much the objective rises on the way to the limits, by the multipliers (twice, for safety)."""
    bounds = np.abs(solution.lower_multipliers) + np.abs(solution.upper_multipliers)
    constraints = np.abs(solution.constraint_multipliers).dot(np.abs(missing))
    return 2.0 * float(bounds.dot(np.abs(x - solution.x)) + constraints)


def _candidate(
    problem: Problem, evaluations: Evaluations, solution: Solution, x: FloatArray, rows: BoolArray, newton: bool
) -> FloatArray:
    """Return x with its free variables moved to the near constraints: by a Newton step, or by the shortest way.

    Parameters
    ----------
    x : array (n,)
        The solution with its variables on their near bounds.
    rows : array (m,) of bool
        Constraints near a limit.
    newton : bool
        Which of the two.
    """
    free = (x > problem.lower) & (x < problem.upper)
    if not free.any():
        return x
    missing = _near_constraints(problem, x)[1][rows]
    jacobian = constraint_jacobian(problem, x)[np.ix_(rows, free)]
    shift = np.linalg.lstsq(jacobian, missing)[0] if rows.any() else np.zeros(int(free.sum()))
    if newton:
        with suppress(*EVALUATION_FAILURES):
            shift = _newton_shift(problem, evaluations, solution, x, free, jacobian, missing)
    moved = x.copy()
    moved[free] += shift
    if rows.any():  # where multipliers are large, what rounding left of the constraints is worth more than the step
        left = _near_constraints(problem, moved)[1][rows]
        moved[free] += np.linalg.lstsq(jacobian, left)[0]
    return np.minimum(np.maximum(moved, problem.lower), problem.upper)


def _newton_shift(
    problem: Problem,
    evaluations: Evaluations,
    solution: Solution,
    x: FloatArray,
    free: BoolArray,
    jacobian: FloatArray,
    missing: FloatArray,
) -> FloatArray:
    """Return the Newton step (f,) of the f free variables that meets the k near constraints as equations.

    Parameters
    ----------
    jacobian : array (k, f)
    missing : array (k,)
        What each of the constraints lacks to its limit.
    """
    hessian = evaluations.hessian(x)
    nonlinear = problem.nonlinear
    if nonlinear is not None and nonlinear.hessian is not None:
        count = nonlinear.lower.size
        hessian = hessian + nonlinear.hessian(x, solution.constraint_multipliers[-count:])
    count = missing.size
    system = np.block([[hessian[np.ix_(free, free)], jacobian.T], [jacobian, np.zeros((count, count))]])
    right = np.concatenate([-evaluations.gradient(x)[free], missing])
    shift: FloatArray = np.linalg.solve(system, right)[: int(free.sum())]
    return shift
