"""Problems with known answers, and a problem that misbehaves on request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import scipy.optimize

from limeform.solve import LinearConstraints, NonlinearConstraints, Problem
from limeform.solve.problem import FloatArray


def rosenbrock(size: int, **limits: FloatArray | float) -> Problem:
    """The banana valley from its usual start; its lowest point is (1, ..., 1)."""
    return Problem(
        np.tile([-1.2, 1.0], size)[:size],
        scipy.optimize.rosen,
        scipy.optimize.rosen_der,
        scipy.optimize.rosen_hess,
        **limits,
    )


def quadratic(hessian: FloatArray, slope: FloatArray, start: FloatArray | None = None, **limits: object) -> Problem:
    """``x @ hessian @ x / 2 - slope @ x``."""
    return Problem(
        np.zeros(len(slope)) if start is None else start,
        lambda x: float(0.5 * x @ hessian @ x - slope @ x),
        lambda x: hessian @ x - slope,
        lambda x: hessian,
        **limits,
    )


def random_quadratic(size: int, seed: int, **limits: object) -> Problem:
    """A convex quadratic; without bounds its lowest point is that of the normal equations."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(size, size))
    return quadratic(root @ root.T + 0.1 * np.eye(size), 3.0 * rng.normal(size=size), **limits)


def hock_schittkowski_71(with_hessian: bool = True) -> Problem:
    """Problem 71 of Hock & Schittkowski (1981): its value is 17.0140173 at (1, 4.7429994, 3.8211503, 1.3794082)."""

    def value(x: FloatArray) -> float:
        return float(x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2])

    def gradient(x: FloatArray) -> FloatArray:
        total = x[0] + x[1] + x[2]
        return np.array([x[3] * (x[0] + total), x[0] * x[3], x[0] * x[3] + 1.0, x[0] * total])

    def hessian(x: FloatArray) -> FloatArray:
        half = np.zeros((4, 4))
        half[0] = [x[3], x[3], x[3], 2 * x[0] + x[1] + x[2]]
        half[1, 3] = half[2, 3] = x[0]
        return half + half.T

    def curvature(x: FloatArray, multipliers: FloatArray) -> FloatArray:
        product = np.prod(x) / np.outer(x, x)
        np.fill_diagonal(product, 0.0)
        return multipliers[0] * product + 2.0 * multipliers[1] * np.eye(4)

    return Problem(
        start=np.array([1.0, 5.0, 5.0, 1.0]),
        value=value,
        gradient=gradient,
        hessian=hessian if with_hessian else None,
        lower=1.0,
        upper=5.0,
        nonlinear=NonlinearConstraints(
            function=lambda x: np.array([np.prod(x), x @ x]),
            jacobian=lambda x: np.array([np.prod(x) / x, 2.0 * x]),
            lower=np.array([25.0, 40.0]),
            upper=np.array([np.inf, 40.0]),
            hessian=curvature if with_hessian else None,
        ),
    )


HS71 = np.array([1.0, 4.7429996, 3.8211500, 1.3794083])


def minus_logarithm(size: int = 3, start: float = 10.0) -> Problem:
    """``sum(5 x - log(x))``, without a value where an x is not positive; lowest at 1/5, which full steps overshoot."""

    def value(x: FloatArray) -> float:
        return float(np.sum(5.0 * x - np.log(x))) if (x > 0).all() else np.nan

    return Problem(np.full(size, start), value, lambda x: 5.0 - 1.0 / x, lambda x: np.diag(x**-2.0))


def simplex_quadratic() -> Problem:
    """The point with ``x >= 0, sum(x) = 1, x1 + 2 x2 <= 0.7`` nearest to (0.5, 0.8, -0.4).

    It is (8/15, 1/12, 23/60), by the normal equations of the two rows, with multipliers -47/60 and 3/4.
    """
    target = np.array([0.5, 0.8, -0.4])
    return quadratic(
        np.eye(3),
        target,
        start=np.full(3, 1.0 / 3.0),
        lower=0.0,
        linear=LinearConstraints(
            np.array([[1.0, 1.0, 1.0], [1.0, 2.0, 0.0]]), np.array([1.0, -np.inf]), np.array([1.0, 0.7])
        ),
    )


def disturbed(problem: Problem, disturb: Callable[[int, FloatArray], None]) -> Problem:
    """The problem with ``disturb(count, x)`` called before each evaluation of the objective."""
    count = 0

    def value(x: FloatArray) -> float:
        nonlocal count
        count += 1
        disturb(count, x)
        return problem.value(x)

    return replace(problem, value=value)
