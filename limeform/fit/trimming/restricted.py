"""Trimming of fits with constraints, priors or a nonlinear mean.

Constraints and priors do not involve the weights, so that v(w) is concave in them as before (MATH §2), and the same
concentration steps and exchanges apply; only the inner fit is another one, warm-started from the last.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from limeform.errors import OptionError
from limeform.fit.estimate import Estimates
from limeform.fit.restricted import JointModel, estimate_joint, estimates_at, first_start, joint_covariance, solve_joint
from limeform.fit.trimming.consistency import consistency_factor, truncated_variance
from limeform.fit.trimming.exchange import exchange, improves
from limeform.fit.trimming.options import Trimming
from limeform.fit.trimming.pipeline import TrimReport, make_search
from limeform.fit.trimming.search import Found, find
from limeform.fit.trimming.simplex import smallest
from limeform.fit.trimming.steps import EXACT, Search, Trimmed, concentrate, descend, fit_at
from limeform.fit.trimming.within_groups import group_swap
from limeform.likelihood import JointObjective, Objective, Point, Profile
from limeform.likelihood.contributions import Contributions, contributions
from limeform.likelihood.joint import JointPoint
from limeform.solve import EvaluationError, Solution, Solver

FloatArray = NDArray[np.float64]

SUBSETS = 3
"""Random starts of a nonlinear mean."""
BoolArray = NDArray[np.bool_]


def fit_trimmed_joint(
    model: JointModel, always: BoolArray, options: Trimming, solver: Solver, warm: FloatArray | None = None
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
    warm : ndarray, shape (units,), optional
        Weights to start from in place of uniform ones: those of a similar model.

    Returns
    -------
    tuple of JointModel, Estimates and TrimReport

    Raises
    ------
    OptionError
        If an option has no meaning for such a model.
    """
    if options.interpolation == "power":
        raise OptionError('interpolation="power" is for linear means without constraints and priors; leave it out')
    if options.correct:
        raise OptionError("correct=True is for linear means without constraints and priors: compare with reweight=")
    plain = make_search(model.setup, model.y, always, options, model.reml)
    inner = _Inner(model, solver, plain)
    search = replace(plain, inner=inner)
    found = _found(search, plain, options, model, warm)
    weights = search.row_weights(found.best.weights)
    kept = model.with_weights(weights)
    estimates = estimates_at(kept, inner.solutions[weights.tobytes()], solver)
    rows = row_contributions(kept, estimates.variables)
    raw, grouped = estimates, options.level == "group"
    factor = 1.0 if grouped else consistency_factor(rows.standardized(), weights, plain.known, always)
    if options.reweight is not None:
        cut = float(norm.ppf(0.5 + options.reweight / 2.0))
        true = np.abs(rows.standardized()) * (1.0 if plain.known else np.sqrt(factor))
        weights = ((true <= cut) | always).astype(np.float64)
        factor = truncated_variance(cut) if (weights < 0.5).any() else 1.0
        kept = model.with_weights(weights)
        estimates = estimate_joint(kept, solver, raw.variables)
        rows = row_contributions(kept, estimates.variables)
    report = TrimReport(
        options=options,
        h=search.h,
        n=search.n_units,
        found=found,
        weights=weights,
        rows=rows,
        factor=factor,
        lower=search.lower,
        raw=raw,
        trimmed=int((weights < 0.5).sum()),
    )
    return kept, estimates, report


def _found(search: Search, plain: Search, options: Trimming, model: JointModel, warm: FloatArray | None) -> Found:
    """Search from uniform weights, from the best ones without constraints (linear mean), or from subsets if need be."""
    free = ~search.always
    start = first_start(model)
    share = (search.h - search.always.sum()) / max(int(free.sum()), 1)
    if warm is not None:
        at = fit_at(search, warm, start, EXACT)
    elif search.groups is None:
        at = fit_at(search, np.where(search.always, 1.0, share), start, EXACT)
        if np.isfinite(options.step):
            at = descend(search, at, options.step, options.max_outer)
    else:
        at = fit_at(search, np.ones(search.n_units), start, EXACT)
        at = fit_at(search, smallest(at.slope, search.h, search.always), at.x, EXACT)
    ends = [concentrate(search, at, EXACT, options.max_outer)]
    tried = 1
    if search.h < search.n_units and options.starts and model.mean is None and warm is None:
        weights, tried = _unconstrained_weights(plain, options)
        if weights is not None:
            ends.append(concentrate(search, fit_at(search, weights, ends[0].x, EXACT), EXACT, options.max_outer))
    best, optimal = min(ends, key=lambda end: end.value), True
    if search.h < search.n_units:
        concentrated = best
        best, optimal = _exchanged(search, best, options, model)
        if best is not concentrated and model.mean is not None and warm is None:
            # Concentration alone did not end at the best set: others may be better still.
            others = _from_subsets(search, best, options)
            ends, tried = [*ends, *others], tried + len(others)
            other = min(others, key=lambda end: end.value)
            if other.value < best.value:
                best, optimal = _exchanged(search, other, options, model)
    agreeing = int(sum(end.value <= best.value + 1e-6 for end in ends))
    fixed = bool(np.array_equal(smallest(best.slope, search.h, search.always), best.weights))
    return Found(best, tried, len(ends), agreeing, fixed, optimal)


def _exchanged(search: Search, at: Trimmed, options: Trimming, model: JointModel) -> tuple[Trimmed, bool]:
    """Exchange units, of one group too, until no considered swap is better."""
    at, optimal = exchange(search, at, options.max_outer)
    while search.groups is None and model.setup.covariance.size:
        swap = _swap_within_group(search, at, model)
        after = None if swap is None else fit_at(search, swap, at.x, EXACT, at.history)
        if after is None or not improves(after, at):
            break
        at, optimal = exchange(search, concentrate(search, after, EXACT, options.max_outer), options.max_outer)
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


def _from_subsets(search: Search, first: Trimmed, options: Trimming) -> list[Trimmed]:
    """Follow a few random subsets of h units: for a nonlinear mean each inner fit is a search of its own.

    One whose first step keeps the units of an end that is known already ends there.
    """
    generator = np.random.default_rng(0 if options.rng is None else options.rng)
    free, ends = np.flatnonzero(~search.always), [first]
    for child in generator.spawn(min(options.starts, SUBSETS)):
        weights = search.always.astype(np.float64)
        weights[child.choice(free, search.h - int(search.always.sum()), replace=False)] = 1.0
        try:
            begin = fit_at(search, weights, first.x, EXACT)
            after = smallest(begin.slope, search.h, search.always)
            known = next((end for end in ends if np.array_equal(end.weights, after)), None)
            ends.append(concentrate(search, begin, EXACT, options.max_outer) if known is None else known)
        except EvaluationError:
            continue
    return ends[1:] or [first]


def _unconstrained_weights(plain: Search, options: Trimming) -> tuple[FloatArray | None, int]:
    """Return the best weights of the model without constraints and priors, and how many starts were tried."""
    try:
        found = find(plain, options, None)
    except (EvaluationError, np.linalg.LinAlgError):
        return None, 1
    return found.best.weights, found.starts + 1


class _Inner:
    """The inner fit at given weights of the units; solutions are kept by the weights of the rows."""

    def __init__(self, model: JointModel, solver: Solver, plain: Search) -> None:
        self.model, self.solver, self.plain = model, solver, plain
        self.solutions: dict[bytes, Solution] = {}

    def __call__(self, weights: FloatArray, start: FloatArray, history: tuple[float, ...]) -> Trimmed:
        """Fit, and collect what each unit contributes."""
        w = self.plain.row_weights(weights)
        kept = self.model.with_weights(w)
        solution = solve_joint(kept, self.solver, start)
        x, value = solution.x[: len(start)], float(solution.value)
        self.solutions[w.tobytes()] = solution
        if self.plain.groups is None:
            each = row_contributions(kept, x)
            return Trimmed(weights, x, value, each.slope(kept.reml), each.predictive(), each, (*history, value))
        full = self.model.with_weights(np.ones(len(w)))
        each = row_contributions(full, x)
        objective = full.objective()
        log_dets = objective.at(x).reduction.log_dets
        unit = -full.setup.products.log_precision / float(full.setup.products.weight.sum())
        sizes = np.bincount(self.plain.groups, minlength=self.plain.n_units)
        slope = each.by_group(self.plain.groups, log_dets, kept.reml) - 0.5 * unit * sizes
        value -= 0.5 * (unit + np.log(2 * np.pi)) * float(w.sum())
        return Trimmed(weights, x, value, slope, slope, replace(each, weights=w), (*history, value))


def row_contributions(model: JointModel, x: FloatArray) -> Contributions:
    """Return what each row contributes at the variables ``x`` = (theta, psi, b) of a joint fit."""
    joint = model.objective()
    point = joint.at(x)
    objective, profiled, y, rows = _as_profiled(model, joint, point)
    return contributions(objective, profiled, y, rows)


def _as_profiled(model: JointModel, joint: JointObjective, point: JointPoint):  # type: ignore[no-untyped-def]
    """Return the joint objective at a point in the form of the profiled one, whose mean is linear."""
    coordinates, rows, y, beta = joint.coordinates, model.setup.rows, model.y, -point.rho[:-1]
    if model.mean is not None:
        value, jacobian = model.mean.evaluate(joint.beta(point.x))
        coordinates = replace(coordinates, origin=np.zeros(len(beta)))
        rows, y = replace(rows, x=jacobian), model.y - value
    root = _root(joint_covariance(model, point.x), joint.coordinates.fixed)
    products = replace(point.products, coordinates=coordinates)
    objective = Objective.of(products, joint.covariance, joint.criterion.residual, joint.criterion.reml)
    profile = Profile(point.value, beta, root, 0.0, 1.0)
    return objective, Point(point.x[: joint.n_variance], point.covariance, point.reduction, profile), y, rows


def _root(covariance: FloatArray, fixed: FloatArray) -> FloatArray:
    """Return a root of the covariance of the mean's parameters in working coordinates; zeros where it is unknown."""
    if not len(fixed) or not np.isfinite(covariance).all():
        return np.zeros_like(fixed)
    back = np.linalg.solve(fixed, np.linalg.solve(fixed, covariance).T)
    values, vectors = np.linalg.eigh((back + back.T) / 2)
    return np.asarray(vectors * np.sqrt(np.clip(values, 0.0, None)))
