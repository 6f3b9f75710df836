"""From arrays to estimates: statistics, objective, solver, boundary, natural scale."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limeform.errors import DataError
from limeform.fit.boundary import settle
from limeform.fit.progress import Watch
from limeform.fit.setup import Setup
from limeform.fit.spread import check_spread
from limeform.fit.starts import default_lower, default_start, refined, value_or_infinity
from limeform.likelihood import (
    CrossedProducts,
    Modes,
    Objective,
    ResidualVariance,
    conditional_modes,
    crossed_modes,
    reduce_response,
)
from limeform.likelihood.grouped import Reduction
from limeform.solve import Problem, Solution, Solver, Status

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ActiveConstraint:
    """A constraint that holds the estimates back.

    Attributes
    ----------
    label : str
        The constraint as it is written.
    rows, of : int
        How many of its rows are at their limit, of how many.
    multiplier : float
        Largest of their multipliers: by how much the objective would fall if that limit were moved by one.
    equation : bool
        Whether it is an equation, which always holds.
    """

    label: str
    rows: int
    of: int
    multiplier: float
    equation: bool


@dataclass(frozen=True, eq=False)
class RestrictedFit:
    """What constraints, priors and a nonlinear mean did to a fit.

    Attributes
    ----------
    active : tuple of ActiveConstraint
        Equations, and inequalities at a limit.
    log_priors : tuple of (str, float)
        Each prior with its log density at the estimates, or minus the value of a penalty.
    covariance : ndarray, shape (p, p)
        Covariance of the mean's parameters if the active constraints were equations; NaN where the Hessian is singular.
    held : ndarray of bool, shape (p,)
        Parameters in an inequality that is active, or at the kink of a Laplace prior: no standard error is theirs.
    gauss_newton : bool
        Whether second derivatives of the mean were left out.
    starts, reached : int
        Number of starts, and how many of them ended at the best value.
    stricter : bool
        Whether the conditions that hold a shape may have held the curve back more than the shape does.
    """

    active: tuple[ActiveConstraint, ...]
    log_priors: tuple[tuple[str, float], ...]
    covariance: FloatArray
    held: NDArray[np.bool_]
    gauss_newton: bool = False
    starts: int = 1
    reached: int = 1
    stricter: bool = False

    @property
    def log_prior(self) -> float:
        """Sum of the log prior densities."""
        return float(sum(value for _, value in self.log_priors))


@dataclass(frozen=True)
class Estimates:
    """A fitted model in the user's units.

    Attributes
    ----------
    beta : ndarray, shape (p,)
        Fixed effects.
    beta_covariance : ndarray, shape (p, p)
        Their covariance at the estimated variances.
    gamma : ndarray, shape (k, k)
        Covariance of the random effects.
    residual_variance : ndarray, shape (s,)
        sigma², one a stratum; ones where the sampling variances are known.
    log_likelihood : float
        Maximum of the log-likelihood, or of the restricted one.
    reml : bool
        Which of them.
    singular : bool
        Whether Gamma has a zero eigenvalue.
    variables : ndarray, shape (q,)
        The solver's variables at the estimates, working coordinates.
    solution : Solution
        What the solver returned.
    newton_steps : int
        Iterations among the solver's that were Newton steps towards a start.
    restricted : RestrictedFit or None
        What constraints, priors and a nonlinear mean did; None for a fit without.
    """

    beta: FloatArray
    beta_covariance: FloatArray
    gamma: FloatArray
    residual_variance: FloatArray
    log_likelihood: float
    reml: bool
    singular: bool
    variables: FloatArray
    solution: Solution
    newton_steps: int = 0
    restricted: RestrictedFit | None = None


def estimate(
    setup: Setup,
    reml: bool,
    solver: Solver,
    start: FloatArray | None = None,
    lower: FloatArray | None = None,
    watch: Watch | None = None,
    refine: bool = False,
) -> Estimates:
    """Maximise the likelihood.

    Parameters
    ----------
    setup : Setup
        The model's statistics.
    reml : bool
        Restricted likelihood.
    solver : Solver
        The solver, used unless nothing is left to search.
    start : ndarray, shape (q,), optional
        Variance parameters to start from, working coordinates.
    lower : ndarray, shape (q,), optional
        Lower bounds of the variance parameters.
    watch : callable, optional
        Is told of every evaluation.
    refine : bool
        Take the default start near the optimum by a few Newton steps before the solver is called.

    Returns
    -------
    Estimates
    """
    objective = Objective.of(setup.products, setup.covariance, setup.residual, reml)
    objective.watch = watch
    first = default_start(objective) if start is None else start
    before = refined(objective, first) if refine and start is None and objective.n_parameters else None
    begin = first if before is None else before.x
    solution = settle(objective, begin, lambda at: _solve(objective, solver, at, lower))
    _refuse_perfect_fit(objective, solution)
    if before is None:
        return _natural_scale(objective, solution)
    return replace(_natural_scale(objective, _joined(before, solution)), newton_steps=before.iterations)


def _refuse_perfect_fit(objective: Objective, solution: Solution) -> None:
    """Refuse crossed effects on the way to a residual variance of zero, where the likelihood is infinite."""
    shared = objective.criterion.residual is ResidualVariance.SHARED
    if not shared or solution.success or solution.status is Status.INTERRUPTED:
        return
    if isinstance(objective.products, CrossedProducts) and objective.at(solution.x).profile.scale < 1e-6:
        raise DataError(
            "the fixed and random effects together reproduce the response exactly: there is no residual variance to "
            "estimate; leave a random term out, or give se= if the sampling errors are known"
        )


def estimate_again(
    setup: Setup, y: FloatArray, reml: bool, solver: Solver, start: FloatArray, lower: FloatArray | None = None
) -> tuple[Setup, Estimates]:
    """Fit the same design to another response, ``y`` less offset, shape (n,), starting from known variances."""
    again = replace(setup, products=reduce_response(setup.products, y, setup.rows))
    check_spread(again, y, "given")
    return again, estimate(again, reml, solver, _nearer(again, reml, start), lower)


def _nearer(setup: Setup, reml: bool, start: FloatArray) -> FloatArray:
    """Return the start with random effects as large, smaller or larger, whichever suits the new response best.

    A look at the value costs a third of the Newton step that it saves.
    """
    objective = Objective.of(setup.products, setup.covariance, setup.residual, reml)
    scaled = np.repeat(start[None, :], 3, axis=0)
    scaled[1:, : setup.covariance.n_parameters] *= np.array([[0.7], [1.4]])
    best = int(np.argmin([value_or_infinity(objective, x) for x in scaled]))
    return np.asarray(scaled[best], dtype=np.float64)


def _joined(before: Solution, after: Solution) -> Solution:
    """Return a solution that counts the Newton steps taken before the solver was called."""
    return replace(
        after,
        iterations=before.iterations + after.iterations,
        evaluations=before.evaluations + after.evaluations,
        history=(*before.history, *after.history),
    )


def _solve(objective: Objective, solver: Solver, start: FloatArray, lower: FloatArray | None) -> Solution:
    if objective.n_parameters == 0:
        value = objective.value(start)
        return Solution(start, value, start, Status.CONVERGED, "no variance parameters to search for", "closed form")
    bounds = default_lower(objective) if lower is None else lower
    return solver.minimize(Problem(start, objective.value, objective.gradient, objective.hessian, lower=bounds))


def _natural_scale(objective: Objective, solution: Solution) -> Estimates:
    """Return the estimates in the user's units."""
    point, coordinates = objective.at(solution.x), objective.products.coordinates
    scale, residual = point.profile.scale, objective.criterion.residual
    transform, root = coordinates.effects, coordinates.fixed @ point.profile.inverse_root
    psi = solution.x[objective.covariance.n_parameters :]
    stratified = residual is ResidualVariance.STRATA
    variances = np.exp(psi) if stratified else np.array([scale])
    gamma = scale * (transform @ point.covariance.gamma @ transform.T)
    return Estimates(
        beta=coordinates.origin + coordinates.fixed @ point.profile.beta,
        beta_covariance=scale * (root @ root.T),
        gamma=(gamma + gamma.T) / 2,
        residual_variance=coordinates.variance * variances,
        log_likelihood=-point.profile.value,
        reml=objective.criterion.reml,
        singular=_is_singular(objective.covariance.split(point.covariance.gamma)),
        variables=solution.x,
        solution=solution,
    )


def _is_singular(blocks: list[FloatArray], tolerance: float = 1e-8) -> bool:
    """Return whether a block has an eigenvalue that is zero, in units of the error variance and the columns' size."""
    return any(np.linalg.eigvalsh(block)[0] < tolerance for block in blocks)


def modes_of(setup: Setup, estimates: Estimates) -> tuple[Modes, ...]:
    """Return the conditional modes of the random effects at the estimates, one for each grouping factor."""
    objective = Objective.of(setup.products, setup.covariance, setup.residual, estimates.reml)
    point, coordinates = objective.at(estimates.variables), setup.products.coordinates
    # After a correction of known variances the fixed effects are not those that suit these statistics best.
    beta = np.asarray(np.linalg.solve(coordinates.fixed, estimates.beta - coordinates.origin), dtype=np.float64)
    profile = replace(point.profile, beta=beta)
    if isinstance(point.reduction, Reduction):
        return (conditional_modes(point.reduction, point.covariance, profile, coordinates),)
    return crossed_modes(point.reduction, point.covariance, profile, coordinates)


def cochran_q(setup: Setup) -> float:
    """Return the weighted residual sum of squares of the fit without random effects, Cochran's Q in a meta-analysis."""
    objective = Objective.of(setup.products, setup.covariance, setup.residual, reml=False)
    return objective.at(setup.covariance.parameters(np.zeros((setup.covariance.size,) * 2))).profile.quadratic
