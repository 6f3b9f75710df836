"""Outer steps: a fit at given weights, concentration, and projected gradient steps.

The value v(w) = min over the parameters of the criterion with likelihood weights w is concave on the capped simplex
(MATH §2), so its minimum is at a vertex, and moving to any minimiser of the linearised criterion never raises it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from limeform.errors import LimeformError
from limeform.fit.setup import Setup
from limeform.fit.starts import default_start
from limeform.fit.trimming.simplex import BoolArray, FloatArray, project, smallest
from limeform.likelihood import Objective, Point, ResidualVariance, reduce_rows
from limeform.likelihood.contributions import Contributions, contributions
from limeform.likelihood.grouped import Reduction
from limeform.solve import Newton, Problem

IntArray = NDArray[np.int32]

LARGE = 10_000
"""Above this number of rows starts are ranked on a sample, and descents end with a step that gains next to nothing:
single rows no longer matter, and the last hundred steps would only move a few of them."""

NEXT_TO_NOTHING = 1e-3
"""In units of the log-likelihood."""

EXACT = Newton(tol=1e-8, max_iter=100)
"""Inner solver of all fits that are compared."""


@dataclass(frozen=True)
class Search:
    """What a search over weights works on. Units are rows, or groups.

    Attributes
    ----------
    setup : Setup
        The model's columns and statistics at full weights.
    y : ndarray, shape (n,)
        Response less offset.
    h : int
        Number of units kept.
    always : ndarray of bool, shape (units,)
        Units that are never trimmed.
    groups : ndarray of int32, shape (n,), or None
        Unit of each row if whole groups are trimmed.
    reml, power : bool
        Restricted likelihood; the paper's interpolation between weights zero and one.
    lower : ndarray, shape (q,)
        Lower bounds of the variance parameters.
    inner : callable or None
        What fits at given weights where the criterion is not the profiled one: (weights, start, history) to `Trimmed`.
    """

    setup: Setup
    y: FloatArray
    h: int
    always: BoolArray
    groups: IntArray | None
    reml: bool
    power: bool
    lower: FloatArray
    inner: Callable[[FloatArray, FloatArray, tuple[float, ...]], Trimmed] | None = None

    @property
    def n_units(self) -> int:
        """Number of rows, or of groups."""
        return len(self.always)

    @property
    def known(self) -> bool:
        """Whether the error variances are known."""
        return self.setup.residual is ResidualVariance.KNOWN

    def row_weights(self, weights: FloatArray) -> FloatArray:
        """Return the weight of each row, shape (n,), for weights of the units."""
        return weights if self.groups is None else weights[self.groups]


@dataclass(frozen=True)
class Trimmed:
    """A fit at fixed weights, with what each unit contributes to it.

    Attributes
    ----------
    weights : ndarray, shape (units,)
        w.
    x : ndarray, shape (q,)
        Variance parameters.
    value : float
        Criterion.
    slope : ndarray, shape (units,)
        Derivative of the criterion in each weight.
    predictive : ndarray, shape (units,)
        What leaving a kept unit out saves, or what taking a trimmed one in costs, the variances held.
    rows : Contributions
        Row by row.
    history : tuple of float
        Criterion after each outer step from the start.
    """

    weights: FloatArray = field(repr=False)
    x: FloatArray
    value: float
    slope: FloatArray = field(repr=False)
    predictive: FloatArray = field(repr=False)
    rows: Contributions = field(repr=False)
    history: tuple[float, ...] = field(repr=False)


def setup_at(setup: Setup, y: FloatArray, weights: FloatArray, power: bool) -> Setup:
    """Return the model at given weights of the rows, shape (n,).

    Under the paper's interpolation, lambda to the power w, the precision of a row is lambda^-w in place of w / lambda.
    """
    rows, coordinates = replace(setup.rows, weights=weights), setup.products.coordinates
    if power:
        variance = coordinates.variance / setup.rows.precision
        rows = replace(rows, precision=setup.rows.precision * variance ** (1.0 - weights))
    products = reduce_rows(y, rows, coordinates)
    if power:
        products = replace(products, log_precision=float(weights @ np.log(setup.rows.precision / coordinates.variance)))
    return replace(setup, rows=rows, products=products)


def objective_at(search: Search, weights: FloatArray) -> Objective:
    """Return the criterion at given weights of the units."""
    setup = setup_at(search.setup, search.y, search.row_weights(weights), search.power)
    return Objective.of(setup.products, setup.covariance, setup.residual, search.reml)


def fit_at(
    search: Search, weights: FloatArray, start: FloatArray, solver: Newton, history: tuple[float, ...] = ()
) -> Trimmed:
    """Fit at given weights from given variance parameters.

    Parameters
    ----------
    search : Search
        The model.
    weights : ndarray, shape (units,)
        w.
    start : ndarray, shape (q,)
        Variance parameters to start from.
    solver : Newton
        Inner solver; it never accepts a rise.
    history : tuple of float
        Criterion after earlier steps.

    Returns
    -------
    Trimmed
    """
    if search.inner is not None:
        return search.inner(weights, start, history)
    objective = objective_at(search, weights)
    x = _minimiser(search, objective, start, solver)
    return evaluate_at(search, objective, objective.at(x), weights, history)


def held_at(search: Search, weights: FloatArray, x: FloatArray) -> Trimmed:
    """Evaluate at given weights and variance parameters: only the fixed effects are fitted."""
    objective = objective_at(search, weights)
    return evaluate_at(search, objective, objective.at(x), weights)


def solve_at(search: Search, weights: FloatArray, start: FloatArray, solver: Newton) -> tuple[FloatArray, float]:
    """Return variance parameters and criterion of a fit, and nothing else; parameters as in `fit_at`."""
    if search.inner is not None:
        after = search.inner(weights, start, ())
        return after.x, after.value
    objective = objective_at(search, weights)
    x = _minimiser(search, objective, start, solver)
    return x, objective.value(x) - _unit_of_density(search, search.row_weights(weights))


def _minimiser(search: Search, objective: Objective, start: FloatArray, solver: Newton) -> FloatArray:
    if objective.n_parameters == 0:
        return start
    problem = Problem(start, objective.value, objective.gradient, objective.hessian, lower=search.lower)
    return solver.minimize(problem).x


def evaluate_at(
    search: Search, objective: Objective, point: Point, weights: FloatArray, history: tuple[float, ...] = ()
) -> Trimmed:
    """Collect what each unit contributes at a point."""
    w = search.row_weights(weights)
    rows = replace(search.setup.rows, weights=w)
    value = point.profile.value
    if search.groups is None:
        each = contributions(objective, point, search.y, rows)
        slope = row_slope(search, each)
        return Trimmed(weights, point.x, value, slope, each.predictive(), each, (*history, value))
    full = objective_at(search, np.ones(search.n_units))
    reduction = full.reduction_at(point)
    assert isinstance(reduction, Reduction)
    whole = replace(point, reduction=reduction)
    each = contributions(full, whole, search.y, replace(rows, weights=np.ones(len(w))))
    return of_groups(search, weights, point.x, value, each, reduction.log_dets, history)


def of_groups(
    search: Search,
    weights: FloatArray,
    x: FloatArray,
    value: float,
    each: Contributions,
    log_dets: FloatArray,
    history: tuple[float, ...],
) -> Trimmed:
    """Collect what each group contributes from its rows and log-determinant at full weights, at parameters ``x``."""
    assert search.groups is not None
    w = search.row_weights(weights)
    sizes = np.bincount(search.groups, minlength=search.n_units)
    slope = each.by_group(search.groups, log_dets, search.reml)
    slope = slope - 0.5 * typical_log_variance(search) * sizes
    value -= _unit_of_density(search, w)
    return Trimmed(weights, x, value, slope, slope, replace(each, weights=w), (*history, value))


def _unit_of_density(search: Search, row_weights: FloatArray) -> float:
    """Return the constant that makes criteria of different numbers of rows comparable; zero if rows are trimmed."""
    if search.groups is None:
        return 0.0
    return 0.5 * (typical_log_variance(search) + float(np.log(2 * np.pi))) * float(row_weights.sum())


def typical_log_variance(search: Search) -> float:
    """Return the log of a typical error variance of the data.

    Groups of different size are compared by densities in this unit, so that a change of the units of y changes nothing.
    """
    products = search.setup.products
    return -products.log_precision / float(products.weight.sum())


def row_slope(search: Search, rows: Contributions) -> FloatArray:
    """Return the derivative in the weight of each row; dv/dw = lambda^-w (1 - w ln lambda) in the paper's form."""
    if not search.power:
        return rows.slope(search.reml)
    log_variance = np.log(rows.variance)
    speed = np.exp(-rows.weights * log_variance) * (1.0 - rows.weights * log_variance)
    return np.asarray(0.5 * speed * rows.spread(search.reml) + 0.5 * log_variance, dtype=np.float64)


def concentrate(search: Search, at: Trimmed, solver: Newton, max_outer: int) -> Trimmed:
    """Keep the h units of least derivative and fit again, until they stay the same.

    Parameters
    ----------
    search : Search
        The model.
    at : Trimmed
        Where to begin.
    solver : Newton
        Inner solver.
    max_outer : int
        Most steps.

    Returns
    -------
    Trimmed
    """
    for _ in range(max_outer):
        weights = smallest(at.slope, search.h, search.always)
        if np.array_equal(weights, at.weights):
            break
        after = fit_at(search, weights, at.x, solver, at.history)
        if not search.power:
            check_descent(at, after)
        gain, at = at.value - after.value, after
        if len(search.y) > LARGE and gain < NEXT_TO_NOTHING:
            break
    return at


def descend(search: Search, at: Trimmed, step: float, max_outer: int) -> Trimmed:
    """Take projected gradient steps of finite length (the paper's Algorithm 1) until the weights stand still.

    Parameters are those of `concentrate`; ``step`` is the length alpha of proj(w - alpha dv/dw).
    """
    for _ in range(max_outer):
        free = ~search.always
        weights = np.ones(search.n_units)
        weights[free] = project(at.weights[free] - step * at.slope[free], search.h - int(search.always.sum()))
        if np.abs(weights - at.weights).max() < 1e-6:
            break
        after = fit_at(search, weights, at.x, EXACT, at.history)
        if not search.power:
            check_descent(at, after)
        at = after
    return at


def check_descent(before: Trimmed, after: Trimmed) -> None:
    """Make sure that an outer step did not raise the criterion: a rise would be a defect of this package."""
    if after.value > before.value + 1e-7 * (1.0 + abs(before.value)):
        raise LimeformError(
            f"the trimming objective rose from {before.value!r} to {after.value!r}: please report this as a defect"
        )


def start_of(search: Search) -> FloatArray:
    """Return default variance parameters of the model at full weights."""
    setup = search.setup
    return default_start(Objective.of(setup.products, setup.covariance, setup.residual, search.reml))
