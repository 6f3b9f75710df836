"""Trimming of fits with constraints, priors or a nonlinear mean.

Constraints and priors do not involve the weights, so that v(w) is concave in them as before (MATH §2), and the same
concentration steps and exchanges apply; only the inner fit is another one, warm-started from the last.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limeform.fit.estimate import Estimates
from limeform.fit.restricted import JointModel, first_start
from limeform.fit.trimming.exchange import exchange, improves
from limeform.fit.trimming.joint_fits import JointFits
from limeform.fit.trimming.linearised import PROMISING, Linearised, NonlinearStart
from limeform.fit.trimming.near import near_options
from limeform.fit.trimming.options import Trimming
from limeform.fit.trimming.pipeline import SMALLEST_RATIO, make_search, rows_suffice, search_from
from limeform.fit.trimming.report import TrimReport, finish, held_search, refit_held
from limeform.fit.trimming.search import Found
from limeform.fit.trimming.simplex import smallest
from limeform.fit.trimming.steps import EXACT, Search, Trimmed, concentrate, descend, fit_at
from limeform.fit.trimming.within_groups import group_swap
from limeform.likelihood import ResidualVariance
from limeform.mean import OutsideDomainError
from limeform.solve import EvaluationError, Solver

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


ONE_SWAP = 2.0
"""Starts that differ from an end by one swap have met it: the exchanges try those."""


def fit_trimmed_joint(
    model: JointModel,
    always: BoolArray,
    options: Trimming,
    solver: Solver,
    scores: FloatArray | None = None,
    near: bool = False,
) -> tuple[JointModel, Estimates, TrimReport]:
    """Search for the rows to keep within the constraints, and estimate from them.

    Parameters
    ----------
    model : JointModel
        The model at full weights.
    always : ndarray of bool, shape (n,)
        Rows that are never trimmed.
    options : Trimming
        The user's options.
    solver : Solver
        Fits the rows that are kept.
    scores : ndarray, shape (units,), optional
        Scores of the units from another fit: one more start.
    near : bool
        Whether that is a fit of nearly the same model with the same share trimmed: fewer other starts are taken.

    Returns
    -------
    tuple of JointModel, Estimates and TrimReport
    """
    options = near_options(options) if near else options
    plain = make_search(model.setup, model.y, always, options, model.reml)
    with rows_suffice(options):
        joint = _JointSearch.of(model, plain, options, solver)
        joint, found = _find(joint, scores, near)
        fit, report = finish(joint.search, found, joint.fits, always, options)
    return replace(model, setup=fit.setup), fit.estimates, report


def refit_trimmed_joint(
    model: JointModel, start: Estimates, report: TrimReport, solver: Solver
) -> tuple[JointModel, Estimates, TrimReport]:
    """Fit a model of another response with the same rows kept, and the same correction.

    Parameters
    ----------
    model : JointModel
        Of the new response.
    start : Estimates
        Estimates to start from.
    report : TrimReport
        Of the fit whose rows are kept.
    solver : Solver
        Solver.

    Returns
    -------
    tuple of JointModel, Estimates and TrimReport
    """
    plain = held_search(model.setup, model.y, model.reml, report)
    fits = JointFits(model.with_floor(report.lower), solver, plain)
    fit, report = refit_held(fits, report, start.variables)
    return replace(model, setup=fit.setup), fit.estimates, report


@dataclass(frozen=True)
class _JointSearch:
    """A search with its inner fits, and the same search without constraints, by the profiled likelihood."""

    model: JointModel
    plain: Search
    options: Trimming
    fits: JointFits
    search: Search

    @classmethod
    def of(cls, model: JointModel, plain: Search, options: Trimming, solver: Solver) -> _JointSearch:
        """Set the search up."""
        fits = JointFits(model, solver, plain)
        return cls(model, plain, options, fits, replace(plain, inner=fits))

    def concentrated(self, weights: FloatArray, x: FloatArray) -> Trimmed:
        """Follow weights of the units to where concentration stands still."""
        return concentrate(self.search, fit_at(self.search, weights, x, EXACT), EXACT, self.options.max_outer)


def _find(joint: _JointSearch, scores: FloatArray | None, near: bool) -> tuple[_JointSearch, Found]:
    """Search; with a variance per stratum first with a common one, which cannot degenerate, then on from there."""
    model, plain, options = joint.model, joint.plain, joint.options
    if plain.setup.residual is not ResidualVariance.STRATA:
        return joint, _found(joint, scores, near)
    common_model = model.with_common_variance()
    common = _JointSearch.of(common_model, replace(plain, setup=common_model.setup), options, joint.fits.solver)
    found = _found(common, scores, near)
    q, n_strata = model.setup.covariance.n_parameters, len(plain.setup.products.weight)
    x = found.best.x
    strata = np.full(n_strata, x[q])
    lower = np.concatenate([plain.lower, strata + np.log(SMALLEST_RATIO)])
    bounded = _JointSearch.of(model.with_floor(lower), replace(plain, lower=lower), options, joint.fits.solver)
    begin = bounded.concentrated(found.best.weights, np.concatenate([x[:q], strata, x[q + 1 :]]))
    best, optimal = _exchanged(bounded, begin)
    return bounded, replace(found, best=best, exchange_optimal=optimal)


def _found(joint: _JointSearch, scores: FloatArray | None, near: bool) -> Found:
    """Search from uniform weights, from the best ones without constraints (linear mean), or from subsets if need be."""
    search, options, linear = joint.search, joint.options, joint.model.mean is None
    start = first_start(joint.model)
    if search.h == search.n_units:
        return _ended(joint, [_uniform(joint, start)], 1)
    ends = [] if near else [_uniform(joint, start)]
    tried = len(ends) + (scores is not None)
    if scores is not None:
        with suppress(EvaluationError, OutsideDomainError):  # those rows may not determine this model
            ends.append(joint.concentrated(smallest(scores, search.h, search.always), ends[0].x if ends else start))
    if not ends:
        ends, tried = [_uniform(joint, start)], tried + 1
    x = ends[0].x
    if options.starts and linear:
        weights, more = _unconstrained_weights(joint, scores, near)
        tried += more
        met = next((end for end in ends if weights is not None and np.array_equal(end.weights, weights)), None)
        if met is not None:
            ends.append(met)
        elif weights is not None:
            ends.append(joint.concentrated(weights, x))
    elif options.starts:
        more_ends, more = _nonlinear_ends(joint, min(ends, key=lambda end: end.value), start)
        ends, tried = [*ends, *more_ends], tried + more
    return _ended(joint, ends, tried)


def _nonlinear_ends(joint: _JointSearch, first: Trimmed, start: FloatArray) -> tuple[list[Trimmed], int]:
    """Follow the promising ones of random starts near the user's start, near a first end, and near a better one.

    Returns
    -------
    list of Trimmed
        Their ends.
    int
        Number of starts tried.
    """
    options, linear = joint.options, Linearised(joint.model, joint.plain)
    generator = np.random.default_rng(0 if options.rng is None else options.rng)
    *children, last = generator.spawn(options.starts + 1)
    beta, half = joint.model.objective().beta, len(children) // 2
    some, others = children[:half], children[half:]
    starts = linear.starts(beta(start), some, last) + linear.starts(beta(first.x), others, last, first.weights)
    ends = _promising(joint, linear, starts, [first])
    best = min([first, *ends], key=lambda end: end.value)
    if not improves(best, first):
        return ends, len(children)
    starts = linear.starts(beta(best.x), others, last, best.weights)
    return [*ends, *_promising(joint, linear, starts, [best, first, *ends])], len(children) + len(others)


def _promising(
    joint: _JointSearch, linear: Linearised, starts: list[NonlinearStart], known: list[Trimmed]
) -> list[Trimmed]:
    """Follow starts that are nearly as good as the first of the ends that are known, and have not met any of them."""
    level, ends = linear.level(known[0].weights, known[0].x), list(known)
    for begin in sorted(starts, key=lambda begin: begin.value):
        if begin.value > level + PROMISING:
            break
        met = next((end for end in ends if np.abs(end.weights - begin.weights).sum() <= ONE_SWAP), None)
        try:
            ends.append(joint.concentrated(begin.weights, begin.x) if met is None else met)
        except (EvaluationError, OutsideDomainError):
            continue
    return ends[len(known) :]


def _uniform(joint: _JointSearch, start: FloatArray) -> Trimmed:
    """Descend from weights that treat all units alike."""
    search, options = joint.search, joint.options
    if search.groups is not None:
        at = fit_at(search, np.ones(search.n_units), start, EXACT)
        return joint.concentrated(smallest(at.slope, search.h, search.always), at.x)
    share = (search.h - search.always.sum()) / max(int((~search.always).sum()), 1)
    at = fit_at(search, np.where(search.always, 1.0, share), start, EXACT)
    if np.isfinite(options.step):
        at = descend(search, at, options.step, options.max_outer)
    return concentrate(search, at, EXACT, options.max_outer)


def _ended(joint: _JointSearch, ends: list[Trimmed], tried: int) -> Found:
    """Exchange from the best of several ends, and report."""
    search = joint.search
    best, optimal = min(ends, key=lambda end: end.value), True
    if search.h < search.n_units:
        best, optimal = _exchanged(joint, best)
    agreeing = int(sum(end.value <= best.value + 1e-6 for end in ends))
    fixed = bool(np.array_equal(smallest(best.slope, search.h, search.always), best.weights))
    return Found(best, tried, len(ends), agreeing, fixed, optimal)


def _exchanged(joint: _JointSearch, at: Trimmed) -> tuple[Trimmed, bool]:
    """Exchange units, of one group too, until no considered swap is better."""
    search, most = joint.search, joint.options.max_outer
    at, optimal = exchange(search, at, most)
    while search.groups is None and joint.model.setup.covariance.size:
        swap = _swap_within_group(search, at, joint.model)
        after = None if swap is None else fit_at(search, swap, at.x, EXACT, at.history)
        if after is None or not improves(after, at):
            break
        at, optimal = exchange(search, concentrate(search, after, EXACT, most), most)
    return at, optimal


def _swap_within_group(search: Search, at: Trimmed, model: JointModel) -> FloatArray | None:
    """Return the weights after the best swap within a group at the present parameters; None if there is none."""
    setup = model.setup
    effects = setup.products.coordinates.effects
    gamma = effects @ setup.covariance.covariance(at.x[: setup.covariance.n_parameters]).gamma @ effects.T
    cells = model.rows.cells
    swap = group_swap(
        at.rows.marginal, at.rows.variance, setup.rows.z, gamma, cells.group[cells.codes], at.weights, search.always
    )
    if swap is None:
        return None
    weights = at.weights.copy()
    weights[swap[0]], weights[swap[1]] = 0.0, 1.0
    return weights


def _unconstrained_weights(joint: _JointSearch, scores: FloatArray | None, near: bool) -> tuple[FloatArray | None, int]:
    """Return the best weights of the model without constraints and priors, and how many starts were tried."""
    try:
        found = search_from(joint.plain, joint.options, scores if near else None, near)
    except (EvaluationError, np.linalg.LinAlgError):
        return None, 1
    return found.best.weights, found.starts
