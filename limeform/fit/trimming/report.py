"""What is made of the rows that a search kept: estimates, reweighting, correction, and the report."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from limeform.errors import DataError
from limeform.fit.estimate import Estimates
from limeform.fit.setup import Setup
from limeform.fit.trimming.consistency import consistency_factor
from limeform.fit.trimming.kept import KeptFit, KeptFits, corrected, reweighted
from limeform.fit.trimming.options import Trimming
from limeform.fit.trimming.search import Found
from limeform.fit.trimming.steps import Search
from limeform.likelihood import ResidualVariance, Rows
from limeform.likelihood.contributions import Contributions
from limeform.solve import EvaluationError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class TrimReport:
    """How rows were trimmed, and how far to trust it.

    Attributes
    ----------
    options : Trimming
        What was asked for.
    h, n : int
        Rows (or groups) kept, of how many.
    found : Found
        The search's result.
    weights : ndarray, shape (n rows,)
        Final weights of the rows, after reweighting if that was asked for.
    rows : Contributions
        Row by row at the estimates.
    factor : float
        g: variance of the kept errors over that of all good ones.
    raw : Estimates
        Estimates before reweighting and correction.
    trimmed : int
        Rows left out.
    lower : ndarray, shape (q,)
        Lower bounds of the variance parameters: a stratum's variance may not vanish.
    """

    options: Trimming
    h: int
    n: int
    found: Found
    weights: FloatArray = field(repr=False)
    rows: Contributions = field(repr=False)
    factor: float
    raw: Estimates = field(repr=False)
    trimmed: int
    lower: FloatArray = field(repr=False)

    @property
    def history(self) -> tuple[float, ...]:
        """Objective after each outer step of the best start; it never rises."""
        return self.found.best.history


def finish(
    search: Search, found: Found, fits: KeptFits, always: BoolArray, options: Trimming
) -> tuple[KeptFit, TrimReport]:
    """Fit the rows that a search kept, reweight and correct if that is asked for, and report.

    Parameters
    ----------
    search : Search
        What was searched.
    found : Found
        Its result.
    fits : KeptFits
        Fits the kept rows.
    always : ndarray of bool, shape (n,)
        Rows that are never trimmed.
    options : Trimming
        The user's options.

    Returns
    -------
    tuple of KeptFit and TrimReport

    Raises
    ------
    DataError
        If reweighting leaves rows that do not determine the model.
    """
    weights = search.row_weights(found.best.weights)
    fit = fits.fit(weights, found.best.x)
    raw, factor = fit.estimates, 1.0
    if options.level != "group":
        factor = consistency_factor(fit.rows.standardized(), weights, fits.known, always)
    if options.reweight is not None:
        weights, factor = reweighted(fit.rows, factor, fits.known, options.reweight, always)
        fit = _fit_reweighted(search, fits, weights, raw.variables, options)
    if options.correct:
        fit = corrected(fits, fit, factor)
    report = TrimReport(
        options=options,
        h=search.h,
        n=search.n_units,
        found=found,
        weights=weights,
        rows=fit.rows,
        factor=factor,
        raw=raw,
        trimmed=int((weights < 0.5).sum()),
        lower=search.lower,
    )
    return fit, report


def _fit_reweighted(
    search: Search, fits: KeptFits, weights: FloatArray, start: FloatArray, options: Trimming
) -> KeptFit:
    """Fit the rows that passed, or say that too few did."""
    kept, needed = int(weights.sum()), rows_needed(search.setup)
    refusal = DataError(
        f"reweight={options.reweight:g} leaves {kept} of {len(weights)} rows, which do not determine the model: the "
        f"{search.h} rows that the search kept fit too well to judge the others by; trim less, or raise reweight="
    )
    if kept < needed:
        raise refusal
    try:
        return fits.fit(weights, start)
    except (EvaluationError, np.linalg.LinAlgError) as error:
        raise refusal from error


def held_search(setup: Setup, y: NDArray[np.float64], reml: bool, report: TrimReport) -> Search:
    """Return the search that a refit with the same rows kept stands in for: its floors of variances, and no choice."""
    n = len(y)
    return Search(
        setup=setup,
        y=y,
        h=n - report.trimmed,
        always=np.zeros(n, dtype=bool),
        groups=None,
        reml=reml,
        power=False,
        lower=report.lower,
    )


def refit_held(fits: KeptFits, report: TrimReport, start: FloatArray) -> tuple[KeptFit, TrimReport]:
    """Fit the rows that a report keeps, with its correction, and report what they contribute."""
    fit = fits.fit(report.weights, start)
    raw = fit.estimates
    if report.options.correct:
        fit = corrected(fits, fit, report.factor)
    return fit, replace(report, rows=fit.rows, raw=raw)


def rows_needed(setup: Setup) -> int:
    """Return how many rows a model needs: one a parameter, and one a group where the residual variance is unknown."""
    needed = setup.products.n_fixed + setup.covariance.n_parameters
    if setup.residual is ResidualVariance.KNOWN:
        return needed
    groups = setup.rows.cells.n_groups if isinstance(setup.rows, Rows) and setup.covariance.size else 0
    return needed + len(setup.products.weight) + groups
