"""A problem in other units: for solvers that measure steps and slopes in the units of the variables."""

from __future__ import annotations

import numpy as np

from limeform.solve.evaluation import Evaluations
from limeform.solve.problem import FloatArray, LinearConstraints, NonlinearConstraints, Problem


def natural_scale(problem: Problem) -> FloatArray:
    """Return factors (n,), powers of two, that bring the curvature in each variable at the start near one.

    Powers of two, so that no number is rounded when it is multiplied. Ones where there is no Hessian.
    """
    ones = np.ones(problem.size)
    if problem.hessian is None:
        return ones
    evaluations = Evaluations(problem)
    curvature = np.abs(evaluations.hessian(evaluations.best).diagonal())
    usable = np.isfinite(curvature) & (curvature > 0.0)
    exponents = np.zeros(problem.size)
    exponents[usable] = np.round(0.5 * np.log2(curvature[usable]))
    return np.exp2(np.clip(exponents, -100, 100)) if usable.all() else ones


def rescaled(problem: Problem, scale: FloatArray) -> Problem:
    """Return the problem in the variables ``scale * x``.

    Parameters
    ----------
    problem : Problem
    scale : array (n,)
        Positive.

    Returns
    -------
    Problem
    """
    hessian, linear = problem.hessian, problem.linear
    square = scale[:, None] * scale
    return Problem(
        start=problem.start * scale,
        value=lambda u: problem.value(u / scale),
        gradient=lambda u: problem.gradient(u / scale) / scale,
        hessian=None if hessian is None else lambda u: hessian(u / scale) / square,
        lower=problem.lower * scale,
        upper=problem.upper * scale,
        linear=None if linear is None else LinearConstraints(linear.matrix / scale, linear.lower, linear.upper),
        nonlinear=None if problem.nonlinear is None else _rescaled_constraints(problem.nonlinear, scale),
        names=problem.names,
    )


def _rescaled_constraints(constraints: NonlinearConstraints, scale: FloatArray) -> NonlinearConstraints:
    hessian = constraints.hessian
    square = scale[:, None] * scale
    return NonlinearConstraints(
        function=lambda u: constraints.function(u / scale),
        jacobian=lambda u: constraints.jacobian(u / scale) / scale,
        lower=constraints.lower,
        upper=constraints.upper,
        hessian=None if hessian is None else lambda u, multipliers: hessian(u / scale, multipliers) / square,
    )
