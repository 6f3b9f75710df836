"""Estimates from the rows that are kept, their correction, and the choice of rows by reweighting."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import norm

from limeform.fit.estimate import Estimates, estimate
from limeform.fit.setup import Setup, with_common_variance
from limeform.fit.trimming.consistency import truncated_variance
from limeform.fit.trimming.simplex import BoolArray, FloatArray
from limeform.fit.trimming.steps import Search, setup_at
from limeform.likelihood import Objective, ResidualVariance, reduce_rows
from limeform.likelihood.contributions import Contributions, contributions
from limeform.solve import Solver


@dataclass(frozen=True)
class KeptFit:
    """A fit of the kept rows with the statistics behind it and what each row contributes."""

    setup: Setup
    estimates: Estimates
    rows: Contributions


class KeptFits(ABC):
    """Fits the rows of given weights; one class for each way to maximise the likelihood.

    Attributes
    ----------
    known : bool
        Whether the error variances are known.
    """

    known: bool

    @abstractmethod
    def fit(self, weights: FloatArray, start: FloatArray, shrink: float = 1.0) -> KeptFit:
        """Fit the rows of given weights; known error variances are multiplied by ``shrink``."""

    @abstractmethod
    def widened(self, fit: KeptFit, estimates: Estimates, variance: FloatArray) -> Estimates:
        """Return estimates with the covariance of the mean's parameters at the error variances ``variance``, (n,)."""


@dataclass(frozen=True)
class ProfiledFits(KeptFits):
    """Fits with the fixed effects profiled out: linear means that nothing restricts."""

    search: Search
    solver: Solver

    @property
    def known(self) -> bool:  # type: ignore[override]
        """Whether the error variances are known."""
        return self.search.known

    def fit(self, weights: FloatArray, start: FloatArray, shrink: float = 1.0) -> KeptFit:
        """Fit the rows of given weights; known error variances are multiplied by ``shrink``."""
        setup = shrunk(self.search.setup, self.search.y, weights, shrink)
        estimates = estimate(setup, self.search.reml, self.solver, start, self.search.lower)
        objective = Objective.of(setup.products, setup.covariance, setup.residual, self.search.reml)
        each = contributions(objective, objective.at(estimates.variables), self.search.y, setup.rows)
        return KeptFit(setup, estimates, each)

    def widened(self, fit: KeptFit, estimates: Estimates, variance: FloatArray) -> Estimates:
        """Return estimates with (X'PX)^-1 of the kept rows at their Gamma and the error variances ``variance``."""
        setup = with_common_variance(self.search.setup, self.search.y)  # the variances are in the precisions
        coordinates = setup.products.coordinates
        rows = replace(setup.rows, weights=fit.rows.weights, precision=coordinates.variance / variance)
        products = reduce_rows(self.search.y, rows, coordinates)
        objective = Objective.of(products, setup.covariance, ResidualVariance.KNOWN, False)
        back = np.linalg.solve(coordinates.effects, np.linalg.solve(coordinates.effects, estimates.gamma).T)
        root = coordinates.fixed @ objective.at(setup.covariance.parameters(back)).profile.inverse_root
        return replace(estimates, beta_covariance=root @ root.T)


def shrunk(setup: Setup, y: FloatArray, weights: FloatArray, shrink: float) -> Setup:
    """Return the model at given weights of the rows with its error variances multiplied by ``shrink``."""
    rows = replace(setup.rows, precision=setup.rows.precision / shrink)
    return setup_at(replace(setup, rows=rows), y, weights, False)


def reweighted(
    rows: Contributions, factor: float, known: bool, probability: float, always: BoolArray
) -> tuple[FloatArray, float]:
    """Return weights that keep all rows within the normal quantile, and the factor g of that cut."""
    cut = float(norm.ppf(0.5 + probability / 2.0))
    true = np.abs(rows.standardized()) * (1.0 if known else np.sqrt(factor))
    weights = ((true <= cut) | always).astype(np.float64)
    return weights, truncated_variance(cut) if (weights < 0.5).any() else 1.0


def corrected(fits: KeptFits, fit: KeptFit, factor: float) -> KeptFit:
    """Undo what trimming does to the variances, and to the covariance of the fixed effects."""
    if fits.known:
        again = fits.fit(fit.rows.weights, fit.estimates.variables, shrink=factor)
        estimates = replace(again.estimates, log_likelihood=fit.estimates.log_likelihood)
        variances, kept_variance = estimates.residual_variance, again.rows.variance
    else:
        estimates = fit.estimates
        variances, kept_variance = estimates.residual_variance / factor, fit.rows.variance
    estimates = fits.widened(fit, estimates, kept_variance / factor**2)
    return replace(fit, estimates=replace(estimates, residual_variance=variances))
