"""From arrays to estimates: statistics, objective, solver, boundary, natural scale."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from limeform.covariance import STRUCTURES, BlockDiagonal
from limeform.design import Design
from limeform.errors import DataError
from limeform.fit.boundary import settle
from limeform.fit.progress import Watch
from limeform.fit.rows import crossed_rows, grouped_rows
from limeform.fit.start import crossed_start
from limeform.likelihood import (
    CrossedProducts,
    CrossedRows,
    CrossProducts,
    Modes,
    Objective,
    ResidualVariance,
    Rows,
    choose_coordinates,
    conditional_modes,
    crossed_modes,
    make_cells,
    mode_slopes,
    reduce_response,
    reduce_rows,
)
from limeform.likelihood.batched import cholesky
from limeform.likelihood.coordinates import chunks
from limeform.likelihood.grouped import Reduction
from limeform.solve import EvaluationError, Newton, Problem, Solution, Solver, Status

FloatArray = NDArray[np.float64]


QUICK = Newton(tol=1e-2, max_iter=5)
"""Takes the start near the optimum."""


FACTORS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Standard deviations tried for a start, as multiples of the moment estimate."""

FLOOR = 1e-10
"""Smallest residual variance of a stratum, as a fraction of the overall one: with rows that the random effects
reproduce exactly, the likelihood would grow without limit as it falls."""


@dataclass(frozen=True)
class Setup:
    """A design made ready for the likelihood.

    Attributes
    ----------
    rows : Rows
        Columns, precisions, weights and cells.
    covariance : BlockDiagonal
        Structures of the random effects.
    residual : ResidualVariance
        What is known of the error variances.
    products : CrossProducts
        Sufficient statistics of the response.
    """

    rows: Rows | CrossedRows
    covariance: BlockDiagonal
    residual: ResidualVariance
    products: CrossProducts | CrossedProducts


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
    """

    active: tuple[ActiveConstraint, ...]
    log_priors: tuple[tuple[str, float], ...]
    covariance: FloatArray
    held: NDArray[np.bool_]
    gauss_newton: bool = False
    starts: int = 1
    reached: int = 1

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


def prepare(design: Design) -> Setup:
    """Reduce a design to sufficient statistics.

    Parameters
    ----------
    design : Design
        Arrays of the model.

    Returns
    -------
    Setup

    Raises
    ------
    DataError
        If the fixed effects reproduce the response exactly and the residual variance is unknown.
    """
    y, errors, known = design.shifted, design.errors, design.errors.variance is not None
    covariance = BlockDiagonal(
        tuple(STRUCTURES[term.covariance](len(term.names)) for factor in design.factors for term in factor.terms)
    )
    rows = crossed_rows(design) if len(design.factors) > 1 else grouped_rows(design)
    coordinates = choose_coordinates(y, rows.x, rows.z, rows.precision, covariance, known)
    residual = ResidualVariance.STRATA if errors.strata is not None else ResidualVariance.SHARED
    setup = Setup(
        rows=rows,
        covariance=covariance,
        residual=ResidualVariance.KNOWN if known else residual,
        products=reduce_rows(y, rows, coordinates),
    )
    check_spread(setup, y, repr(design.response))
    return setup


def check_spread(setup: Setup, y: FloatArray, name: str) -> None:
    """Refuse a response that the model reproduces exactly, so that an unknown residual variance would be zero.

    Parameters
    ----------
    setup : Setup
        The model's statistics.
    y : ndarray, shape (n,)
        Response less offset.
    name : str
        What the message calls the response.

    Raises
    ------
    DataError
    """
    products = setup.products
    if setup.residual is ResidualVariance.KNOWN:
        return
    size = float(sum(setup.rows.precision[rows] @ y[rows] ** 2 for rows in chunks(len(y))))
    negligible = 1e-24 * size / products.coordinates.variance
    fixed = products.coordinates.excess * max(len(y) - products.n_fixed, 1) <= negligible
    if fixed or (
        isinstance(products, CrossProducts)
        and _within_residual(products) <= negligible
        and _within_degrees(products) > 0
    ):
        which = "the fixed effects reproduce" if fixed else "the fixed and random effects together reproduce"
        raise DataError(
            f"{which} the response {name} exactly (is it constant?): there is no residual variance to estimate"
        )


def _within_residual(products: CrossProducts) -> float:
    """Return the sum of squares that regression on all fixed and random columns leaves of the response."""
    within = products.within.sum(axis=2)
    columns, crossed = within[:-1, :-1], within[:-1, -1]
    small = 1e-12 * float(products.weight.sum())  # the columns are normalised: what is smaller is rounding
    best = np.linalg.solve(columns + small * np.eye(len(columns)), crossed)
    return float(within[-1, -1] - crossed @ best)


def _within_degrees(products: CrossProducts) -> int:
    """Return the number of rows less the rank of all fixed and random columns."""
    k = np.arange(len(products.gram))
    random = np.count_nonzero(cholesky(products.gram)[k, k])
    fixed = np.linalg.matrix_rank(products.within[:-1, :-1].sum(axis=2), tol=1e-10)
    return int(products.weight.sum()) - int(random) - int(fixed)


def with_common_variance(setup: Setup, y: FloatArray) -> Setup:
    """Return the model with one residual variance in place of one per stratum; ``y`` is the response less offset."""
    rows: Rows | CrossedRows
    if isinstance(setup.rows, CrossedRows):
        rows = replace(setup.rows, strata=None, n_strata=1)
    else:
        cells = setup.rows.cells
        rows = replace(setup.rows, cells=make_cells(cells.group[cells.codes], cells.n_groups, None, 1))
    products = reduce_rows(y, rows, setup.products.coordinates)
    return replace(setup, rows=rows, residual=ResidualVariance.SHARED, products=products)


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
    before = _refined(objective, first) if refine and start is None and objective.n_parameters else None
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
    setup: Setup, y: FloatArray, reml: bool, solver: Solver, start: FloatArray
) -> tuple[Setup, Estimates]:
    """Fit the same design to another response, ``y`` less offset, shape (n,), starting from known variances."""
    again = replace(setup, products=reduce_response(setup.products, y, setup.rows))
    check_spread(again, y, "given")
    return again, estimate(again, reml, solver, start)


def _joined(before: Solution, after: Solution) -> Solution:
    """Return a solution that counts the Newton steps taken before the solver was called."""
    return replace(
        after,
        iterations=before.iterations + after.iterations,
        evaluations=before.evaluations + after.evaluations,
        history=(*before.history, *after.history),
    )


def default_start(objective: Objective) -> FloatArray:
    """Return the best of several starts around a first moment estimate.

    The likelihood of a variance can have several maxima: where the scan has several dips, each is followed a few steps.
    """
    if isinstance(objective.products, CrossedProducts):
        return crossed_start(objective, objective.products)
    dips = _dips(objective)
    if len(dips) == 1:
        return dips[0]
    return min((_refined(objective, dip) for dip in dips), key=lambda solution: solution.value).x


def _refined(objective: Objective, start: FloatArray) -> Solution:
    problem = Problem(start, objective.value, objective.gradient, objective.hessian, lower=default_lower(objective))
    solution = QUICK.minimize(problem)
    if solution.status is Status.INTERRUPTED:
        raise KeyboardInterrupt
    return solution


def _dips(objective: Objective) -> list[FloatArray]:
    """Return the local minima of the criterion along scans of the size of the random effects."""
    share = _moment_estimate(objective)
    found = []
    for psi in _stratum_starts(objective):
        for shape in _shapes(objective):
            scan = [np.concatenate([objective.covariance.parameters((share * f) ** 2 * shape), psi]) for f in FACTORS]
            walls = [np.inf, *(_value_or_infinity(objective, x) for x in scan), np.inf]
            found += [x for i, x in enumerate(scan) if walls[i] > walls[i + 1] <= walls[i + 2]]
    fallback = [np.concatenate([objective.covariance.start(share), psi]) for psi in _stratum_starts(objective)]
    return found or fallback


def _shapes(objective: Objective) -> list[FloatArray]:
    """Return the covariances that scans enlarge and shrink: all effects alike, in a meta-analysis others as well.

    Known error variances of very different size are what gives the likelihood of several variances several maxima.
    """
    k = objective.covariance.size
    shapes = [np.eye(k)] if k else []
    if objective.criterion.residual is ResidualVariance.KNOWN and 1 < k <= 4:
        shapes += [np.diag(np.where(np.arange(k) == j, 1.0, 1e-4)) for j in range(k)]
        for i, j in combinations(range(k), 2):
            pair = np.eye(k)
            pair[i, j] = pair[j, i] = 0.98
            shapes += [pair, 2.0 * np.eye(k) - pair]
    return shapes


def _moment_estimate(objective: Objective) -> float:
    """Return a standard deviation at which random effects and errors share the variance as first moments say."""
    products = objective.products
    assert isinstance(products, CrossProducts)
    if objective.criterion.residual is ResidualVariance.KNOWN:
        ratio = products.coordinates.excess
    else:
        k = np.arange(len(products.gram))
        rank = np.count_nonzero(products.gram[k, k] > 0)
        free = max(float(products.weight.sum()) - rank, 1.0)
        within = float(products.within[-1, -1].sum()) / free
        ratio = 1.0 / within if within > 1e-4 else 1.0
    return float(np.sqrt(np.clip(ratio - 1.0, 0.1, 1e4) / max(objective.covariance.size, 1)))


def _stratum_starts(objective: Objective) -> list[FloatArray]:
    """Return log residual variances to start from: all alike, and by the residuals within cells of each stratum."""
    alike = np.zeros(objective.n_strata)
    if not objective.n_strata:
        return [alike]
    products = objective.products
    assert isinstance(products, CrossProducts)
    mean = np.maximum(products.within[-1, -1], 0.0) / np.maximum(products.weight, 1.0)
    return [alike, np.log(np.clip(mean, 1e-3, 1e3))]


def default_lower(objective: Objective) -> FloatArray:
    """Return lower bounds of the variables: a residual variance of its own per stratum cannot go below `FLOOR`."""
    free = np.full(objective.covariance.n_parameters, -np.inf)
    return np.concatenate([free, np.full(objective.n_strata, np.log(FLOOR))])


def _value_or_infinity(objective: Objective, x: FloatArray) -> float:
    try:
        return objective.value(x)
    except EvaluationError:
        return np.inf


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
    if isinstance(point.reduction, Reduction):
        return (conditional_modes(point.reduction, point.covariance, point.profile, coordinates),)
    return crossed_modes(point.reduction, point.covariance, point.profile, coordinates)


def mode_slopes_of(setup: Setup, estimates: Estimates) -> FloatArray:
    """Return by how much the conditional modes fall with the fixed effects, shape (m, k, p)."""
    objective = Objective.of(setup.products, setup.covariance, setup.residual, estimates.reml)
    point = objective.at(estimates.variables)
    assert isinstance(point.reduction, Reduction)
    return mode_slopes(point.reduction, point.covariance, setup.products.coordinates)


def cochran_q(setup: Setup) -> float:
    """Return the weighted residual sum of squares of the fit without random effects, Cochran's Q in a meta-analysis."""
    objective = Objective.of(setup.products, setup.covariance, setup.residual, reml=False)
    return objective.at(setup.covariance.parameters(np.zeros((setup.covariance.size,) * 2))).profile.quadratic
