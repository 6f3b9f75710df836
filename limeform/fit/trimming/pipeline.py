"""A trimmed fit from a model's statistics to estimates and a report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from limeform.errors import DataError, OptionError
from limeform.fit.estimate import Estimates
from limeform.fit.setup import Setup, with_common_variance
from limeform.fit.trimming.exchange import exchange
from limeform.fit.trimming.kept import ProfiledFits
from limeform.fit.trimming.near import find_near, near_options
from limeform.fit.trimming.options import Trimming
from limeform.fit.trimming.report import TrimReport, finish, held_search, refit_held, rows_needed
from limeform.fit.trimming.search import Found, find
from limeform.fit.trimming.steps import EXACT, Search, concentrate, fit_at, objective_at
from limeform.likelihood import CrossedRows, ResidualVariance, choose_coordinates, reduce_rows
from limeform.solve import EvaluationError, Solver

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

GROSS = 1e4
"""Values this many median deviations from the median do not choose the units of the arithmetic."""

SMALLEST_RATIO = 0.01
"""With a variance per stratum, none may fall below this fraction of the common one of the kept rows: a stratum that
is left with rows it fits exactly would otherwise take the likelihood to infinity."""


def fit_trimmed(
    setup: Setup,
    y: FloatArray,
    always: BoolArray,
    options: Trimming,
    reml: bool,
    solver: Solver,
    scores: FloatArray | None = None,
    near: bool = False,
) -> tuple[Setup, Estimates, TrimReport]:
    """Search for the rows to keep, and estimate from them.

    Parameters
    ----------
    setup : Setup
        The model at full weights.
    y : ndarray, shape (n,)
        Response less offset.
    always : ndarray of bool, shape (n,)
        Rows that are never trimmed.
    options : Trimming
        The user's options.
    reml : bool
        Restricted likelihood.
    solver : Solver
        Fits the rows that are kept.
    scores : ndarray, shape (units,), optional
        Scores of the units from another fit: one more start.
    near : bool
        Whether that is a fit of nearly the same model with the same share trimmed: fewer other starts are taken.

    Returns
    -------
    tuple of Setup, Estimates and TrimReport
    """
    options = near_options(options) if near else options
    calm = in_units_of_most_rows(setup, y)
    with rows_suffice(options):
        search, found = _find(make_search(calm, y, always, options, reml), options, scores, near)
        by_row = replace(search, groups=None, always=always, power=False)
        fit, report = finish(search, found, ProfiledFits(by_row, solver), always, options)
    return fit.setup, fit.estimates, report


@contextmanager
def rows_suffice(options: Trimming) -> Iterator[None]:
    """Turn a fit that breaks down on the rows that are left into an error that says what to do."""
    try:
        yield
    except EvaluationError as error:
        raise DataError(
            f"trim={options.fraction:g} leaves rows that do not determine all fixed effects: trim less, or name rows "
            "that a coefficient needs, such as those of a rare level, in keep="
        ) from error


def refit_trimmed(
    setup: Setup, y: FloatArray, start: Estimates, report: TrimReport, solver: Solver
) -> tuple[Setup, Estimates, TrimReport]:
    """Fit another response with the same rows kept, and the same correction.

    Parameters
    ----------
    setup : Setup
        As `fit_trimmed` returned it.
    y : ndarray, shape (n,)
        New response less offset.
    start : Estimates
        Estimates to start from.
    report : TrimReport
        Of the fit whose rows are kept.
    solver : Solver
        Solver.

    Returns
    -------
    tuple of Setup, Estimates and TrimReport
    """
    search = held_search(setup, y, start.reml, report)
    fit, report = refit_held(ProfiledFits(search, solver), report, start.variables)
    return fit.setup, fit.estimates, report


def in_units_of_most_rows(setup: Setup, y: FloatArray) -> Setup:
    """Return the model in working coordinates that gross values have no part in.

    The statistics of the rows that are kept would lose all digits in the units of an outlier 1e8 times their size.

    Parameters
    ----------
    setup : Setup
        The model.
    y : ndarray, shape (n,)
        Response less offset.

    Returns
    -------
    Setup
        The same unless a response or column has values further than `GROSS` median deviations from its median.
    """
    rows = setup.rows
    columns = np.column_stack([y, rows.x])
    deviation = np.abs(columns - np.median(columns, axis=0))
    typical = np.median(deviation, axis=0)
    calm = ~((deviation > GROSS * typical) & (typical > 0)).any(axis=1)
    if calm.all() or np.linalg.matrix_rank(rows.x[calm]) < rows.x.shape[1] or not rows.z[calm].any(axis=0).all():
        return setup
    known = setup.residual is ResidualVariance.KNOWN
    coordinates = choose_coordinates(y[calm], rows.x[calm], rows.z[calm], rows.precision[calm], setup.covariance, known)
    return replace(setup, products=reduce_rows(y, rows, coordinates))


def make_search(setup: Setup, y: FloatArray, always: BoolArray, options: Trimming, reml: bool) -> Search:
    """Check that the options fit the data, and set the search up.

    Raises
    ------
    OptionError
        If too few rows would be kept, or more must be kept than may.
    """
    grouped = options.level == "group"
    if grouped and isinstance(setup.rows, CrossedRows):
        raise OptionError('level="group" needs one grouping factor; with several, trim observations')
    cells = None if isinstance(setup.rows, CrossedRows) else setup.rows.cells
    groups = cells.group[cells.codes] if grouped and cells is not None else None
    if grouped and setup.covariance.size == 0:
        raise OptionError('level="group" needs a random term: without one there are no groups to trim')
    units = cells.n_groups if grouped and cells is not None else len(y)
    held = np.bincount(groups[always], minlength=units) > 0 if groups is not None else always
    h = options.kept(units)
    known = setup.residual is ResidualVariance.KNOWN
    needed = 2 if grouped else rows_needed(setup)
    unit = "groups" if grouped else "rows"
    if h < needed:
        raise OptionError(f"trim={options.fraction:g} keeps {h} of {units} {unit}; the model needs at least {needed}")
    if held.sum() > h:
        raise OptionError(f"keep= names {int(held.sum())} {unit}, but only {h} of {units} are kept: lower the fraction")
    if options.interpolation == "power" and (not known or grouped):
        raise OptionError('interpolation="power" needs known standard errors and level="observation"')
    return Search(
        setup=setup,
        y=y,
        h=h,
        always=held,
        groups=groups,
        reml=reml,
        power=options.interpolation == "power",
        lower=np.full(setup.covariance.n_parameters, -np.inf),
    )


def search_from(search: Search, options: Trimming, scores: FloatArray | None, near: bool) -> Found:
    """Search from many starts, or, near another fit, from its end and a few others."""
    if near and scores is not None and search.h < search.n_units:
        return find_near(search, options, scores)
    return find(search, options, scores)


def _find(search: Search, options: Trimming, scores: FloatArray | None, near: bool) -> tuple[Search, Found]:
    """Search; with a variance per stratum first with a common one, which cannot degenerate, then on from there."""
    setup = search.setup
    if setup.residual is not ResidualVariance.STRATA:
        return search, search_from(search, options, scores, near)
    common = replace(search, setup=with_common_variance(setup, search.y), lower=search.lower)
    found = search_from(common, options, scores, near)
    objective = objective_at(common, found.best.weights)
    scale = objective.at(found.best.x).profile.scale
    gamma = scale * objective.at(found.best.x).covariance.gamma
    strata = np.full(len(setup.products.weight), np.log(scale))
    start = np.concatenate([setup.covariance.parameters(gamma), strata])
    bounded = replace(search, lower=np.concatenate([search.lower, strata + np.log(SMALLEST_RATIO)]))
    begin = concentrate(bounded, fit_at(bounded, found.best.weights, start, EXACT), EXACT, options.max_outer)
    best, optimal = exchange(bounded, begin, options.max_outer)
    return bounded, replace(found, best=best, exchange_optimal=optimal)
