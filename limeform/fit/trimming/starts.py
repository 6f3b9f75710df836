"""Many starts at once: short descents from random subsets, all of them as one array computation.

Each step takes the best fixed effects in closed form, keeps the h units of least derivative, and moves the variances
by one EM step (Laird & Ware 1982); neither raises the criterion. Starts are only ranked here; the best are fitted
exactly afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from limeform.covariance import BlockDiagonal
from limeform.fit.trimming.batch import BatchFit, Columns, columns_of, em_step, fit_batch, slopes_of
from limeform.fit.trimming.begun import Begun
from limeform.fit.trimming.crossed_starts import crossed_starts
from limeform.fit.trimming.sample import sampled
from limeform.fit.trimming.simplex import FloatArray
from limeform.fit.trimming.steps import LARGE, Search, start_of
from limeform.likelihood import CrossedRows

STEPS = 4
"""Concentration steps of each start."""

CARRIED = 6
"""How many starts are carried over from the sample to all rows."""

SPREADS = (1.0, 0.1, 0.01)
"""The variances of the random effects at which starts begin, over the default ones: outliers inflate those."""

SETTLING = 10
"""Steps of the variances before the first concentration of a start from whole groups."""

ENTRIES = 3_000_000
"""Weights (starts times rows) taken at a time."""


@dataclass(frozen=True)
class Descent:
    """A start under way: weights (units,), Gamma over the common variance (k, k), (-beta, 1), common variance."""

    weights: FloatArray
    gamma: FloatArray
    rho: FloatArray
    scale: float
    value: float


def random_starts(search: Search, children: Sequence[np.random.Generator], rng: np.random.Generator) -> list[Begun]:
    """Descend a few steps from random subsets; parameters as in `descents`."""
    if isinstance(search.setup.rows, CrossedRows):
        return crossed_starts(search, children)
    covariance = search.setup.covariance
    ends = descents(search, children, rng)
    return [Begun(end.weights, covariance.parameters(end.gamma), end.value) for end in ends]


def descents(search: Search, children: Sequence[np.random.Generator], rng: np.random.Generator) -> list[Descent]:
    """Descend a few steps from random subsets, with one grouping factor.

    With more than `LARGE` rows the steps are taken on a random sample of about `SAMPLE` of them, whole groups where
    these are small, and only the best few starts are carried over to all rows.

    Parameters
    ----------
    search : Search
        The model.
    children : sequence of Generator
        One a start: each start depends on its own alone.
    rng : Generator
        Draws the sample.

    Returns
    -------
    list of Descent
    """
    few = sampled(search, rng) if len(search.y) > LARGE else search
    columns = columns_of(few)
    size = max(1, ENTRIES // len(columns.v))
    ends: list[Descent] = []
    for first in range(0, len(children), size):
        ends += _descend(few, columns, np.array([_subset(few, child) for child in children[first : first + size]]))
    if few is not search:
        every, alike = columns_of(search), _uniform(search)
        ends = [carried(search, every, end, alike) for end in sorted(ends, key=lambda end: end.value)[:CARRIED]]
    return ends


def _subset(search: Search, rng: np.random.Generator) -> FloatArray:
    """Return weights of p + 2 random rows, or of as many random groups."""
    size = min(search.n_units, search.setup.products.n_fixed + 2)
    weights = np.zeros(search.n_units)
    weights[rng.choice(search.n_units, size=size, replace=False)] = 1.0
    return weights


def _descend(search: Search, columns: Columns, weights: FloatArray) -> list[Descent]:
    """Take the steps of a batch of starts, ``weights`` of shape (B, units)."""
    begin = search.setup.covariance.covariance(start_of(search)).gamma
    gamma = begin * np.resize(SPREADS, len(weights))[:, None, None]
    fit = fit_batch(search, columns, weights, gamma)
    if search.groups is not None:
        for _ in range(SETTLING):
            gamma = em_step(fit, weights) * _allowed(search.setup.covariance)
            fit = fit_batch(search, columns, weights, gamma)
    return _advance(search, columns, fit, gamma, STEPS)


def _advance(search: Search, columns: Columns, fit: BatchFit, gamma: FloatArray, steps: int) -> list[Descent]:
    """Concentrate, move the variances, and fit again, several times."""
    allowed = _allowed(search.setup.covariance)
    weights = np.zeros((len(gamma), search.n_units))
    for _ in range(steps):
        weights = _concentrated(search, slopes_of(search, columns, fit, gamma))
        gamma = em_step(fit, weights if search.groups is not None else None) * allowed
        fit = fit_batch(search, columns, weights, gamma)
    return [
        Descent(w, g, rho, float(scale), float(value))
        for w, g, rho, scale, value in zip(weights, gamma, fit.rho, fit.scale, fit.value, strict=True)
    ]


def carried(search: Search, columns: Columns, start: Descent, weights: FloatArray) -> Descent:
    """Take a start found on other rows, or columns, to those of a search.

    Its estimates are held for the first ranking, which sees the random effects at ``weights`` of the units, (units,).
    """
    gamma = start.gamma[None]
    fit = fit_batch(search, columns, weights[None], gamma, start.rho[None], np.array([start.scale]))
    return _advance(search, columns, fit, gamma, 2)[0]


def _uniform(search: Search) -> FloatArray:
    """Return weights that treat all units alike."""
    share = (search.h - search.always.sum()) / max(int((~search.always).sum()), 1)
    return np.where(search.always, 1.0, share)


def _allowed(covariance: BlockDiagonal) -> FloatArray:
    """Return ones where the structures let Gamma differ from zero, shape (k, k)."""
    if covariance.size == 0:
        return np.zeros((0, 0))
    full = covariance.covariance(covariance.parameters(np.eye(covariance.size) + 1.0)).gamma
    return np.asarray(np.abs(full) > 1e-9, dtype=np.float64)


def _concentrated(search: Search, slopes: FloatArray) -> FloatArray:
    """Return weights of one at the h units of least derivative of each start."""
    slopes = np.where(search.always, -np.inf, slopes)
    kept = np.argpartition(slopes, search.h - 1, axis=1)[:, : search.h]
    weights = np.zeros_like(slopes)
    np.put_along_axis(weights, kept, 1.0, axis=1)
    return weights
