"""Estimates from the rows that are kept, their correction, and the choice of rows by reweighting."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import norm

from limeform.fit.estimate import Estimates, estimate
from limeform.fit.setup import Setup
from limeform.fit.trimming.consistency import truncated_variance
from limeform.fit.trimming.simplex import BoolArray, FloatArray
from limeform.fit.trimming.steps import Search
from limeform.likelihood import Objective, ResidualVariance, reduce_rows
from limeform.likelihood.contributions import Contributions, contributions
from limeform.solve import Solver


@dataclass(frozen=True)
class KeptFit:
    """A fit of the kept rows with the statistics behind it and what each row contributes."""

    setup: Setup
    estimates: Estimates
    rows: Contributions


def fit_kept(search: Search, weights: FloatArray, start: FloatArray, solver: Solver, shrink: float = 1.0) -> KeptFit:
    """Fit the rows of given weights; known error variances are multiplied by ``shrink``."""
    rows = replace(search.setup.rows, weights=weights, precision=search.setup.rows.precision / shrink)
    products = reduce_rows(search.y, rows, search.setup.products.coordinates)
    setup = replace(search.setup, rows=rows, products=products)
    estimates = estimate(setup, search.reml, solver, start, search.lower)
    objective = Objective.of(products, setup.covariance, setup.residual, search.reml)
    each = contributions(objective, objective.at(estimates.variables), search.y, rows)
    return KeptFit(setup, estimates, each)


def reweighted(
    rows: Contributions, factor: float, known: bool, probability: float, always: BoolArray
) -> tuple[FloatArray, float]:
    """Return weights that keep all rows within the normal quantile, and the factor g of that cut."""
    cut = float(norm.ppf(0.5 + probability / 2.0))
    true = np.abs(rows.standardized()) * (1.0 if known else np.sqrt(factor))
    weights = ((true <= cut) | always).astype(np.float64)
    return weights, truncated_variance(cut) if (weights < 0.5).any() else 1.0


def corrected(search: Search, fit: KeptFit, factor: float, solver: Solver) -> KeptFit:
    """Undo what trimming does to the variances, and to the covariance of the fixed effects."""
    if search.known:
        again = fit_kept(search, fit.rows.weights, fit.estimates.variables, solver, shrink=factor)
        estimates = replace(again.estimates, log_likelihood=fit.estimates.log_likelihood)
        variances, kept_variance = estimates.residual_variance, again.rows.variance
    else:
        estimates = fit.estimates
        variances, kept_variance = estimates.residual_variance / factor, fit.rows.variance
    covariance = _fixed_effects_covariance(search, fit.rows.weights, estimates.gamma, kept_variance / factor**2)
    return replace(fit, estimates=replace(estimates, residual_variance=variances, beta_covariance=covariance))


def _fixed_effects_covariance(
    search: Search, weights: FloatArray, gamma: FloatArray, variance: FloatArray
) -> FloatArray:
    """Return (X'PX)^-1 of the kept rows at given Gamma and error variances, shape (p, p)."""
    coordinates = search.setup.products.coordinates
    rows = replace(search.setup.rows, weights=weights, precision=coordinates.variance / variance)
    products = reduce_rows(search.y, rows, coordinates)
    objective = Objective.of(products, search.setup.covariance, ResidualVariance.KNOWN, False)
    back = np.linalg.solve(coordinates.effects, np.linalg.solve(coordinates.effects, gamma).T)
    root = coordinates.fixed @ objective.at(search.setup.covariance.parameters(back)).profile.inverse_root
    return np.asarray(root @ root.T, dtype=np.float64)
