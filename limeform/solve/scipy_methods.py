"""What the methods of scipy.optimize.minimize can do, what they are told, and what their return codes mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from limeform.solve.solution import Status


@dataclass(frozen=True)
class Method:
    """One method of scipy.optimize.minimize.

    Parameters
    ----------
    gradient : bool
        Whether it uses first derivatives.
    hessian : str
        "none", "optional" or "required".
    bounds, constraints : bool
        Whether it can take them.
    max_iter : int
        Most iterations, unless the user says otherwise.
    statuses : mapping of int to Status
        What its return codes mean; any other code is a failure.
    options : callable
        (tol, max_iter) to the method's options.
    interior : bool
        Whether it is an interior-point method: it evaluates points outside the bounds, and ends near those that are
        active, not on them.
    barrier : float
        How far above the best value a point without a value is said to lie, in units of that value; inf where the
        method copes with it.
    """

    gradient: bool
    hessian: str
    bounds: bool
    constraints: bool
    max_iter: int
    statuses: Mapping[int, Status]
    options: Callable[[float, int], dict[str, Any]]
    interior: bool = False
    barrier: float = np.inf


METHODS: Mapping[str, Method] = {
    "trust-exact": Method(
        gradient=True,
        hessian="required",
        bounds=False,
        constraints=False,
        max_iter=500,
        statuses={0: Status.CONVERGED, 1: Status.ITERATION_LIMIT, 2: Status.STALLED},
        options=lambda tol, max_iter: {"gtol": tol, "max_trust_radius": 1e10, "maxiter": max_iter},
    ),
    "trust-constr": Method(
        gradient=True,
        hessian="optional",
        bounds=True,
        constraints=True,
        max_iter=1000,
        statuses={0: Status.ITERATION_LIMIT, 1: Status.CONVERGED, 2: Status.CONVERGED, 4: Status.INFEASIBLE},
        options=lambda tol, max_iter: {
            # It stops at a small slope however much is left of its barrier, so that the radius has to end the run.
            "gtol": 0.0,
            "xtol": 1e-4 * tol,
            "barrier_tol": tol,
            "maxiter": max_iter,
        },
        interior=True,
    ),
    "L-BFGS-B": Method(
        gradient=True,
        hessian="none",
        bounds=True,
        constraints=False,
        max_iter=1000,
        statuses={0: Status.CONVERGED, 1: Status.ITERATION_LIMIT, 2: Status.STALLED},
        options=lambda tol, max_iter: {
            "gtol": tol,
            "ftol": 1e-15,
            "maxiter": max_iter,
            "maxfun": 20 * max_iter,
        },
        barrier=10.0,
    ),
    "SLSQP": Method(
        gradient=True,
        hessian="none",
        bounds=True,
        constraints=True,
        max_iter=1000,
        statuses={
            0: Status.CONVERGED,
            2: Status.INFEASIBLE,
            4: Status.INFEASIBLE,
            8: Status.STALLED,
            9: Status.ITERATION_LIMIT,
        },
        options=lambda tol, max_iter: {"ftol": 1e-4 * tol, "maxiter": max_iter},
        barrier=10.0,
    ),
    "Nelder-Mead": Method(
        gradient=False,
        hessian="none",
        bounds=True,
        constraints=False,
        max_iter=5000,
        statuses={0: Status.CONVERGED, 1: Status.ITERATION_LIMIT, 2: Status.ITERATION_LIMIT},
        options=lambda tol, max_iter: {
            "xatol": tol,
            "fatol": tol,
            "adaptive": True,
            "maxiter": max_iter,
            "maxfev": 2 * max_iter,
        },
    ),
}
"""The methods that limeform offers."""
