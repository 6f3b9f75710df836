"""Exchanges: swaps of kept for trimmed units that lower the criterion where concentration stands still."""

from __future__ import annotations

import numpy as np

from limeform.fit.trimming.simplex import smallest
from limeform.fit.trimming.steps import EXACT, LARGE, Search, Trimmed, concentrate, fit_at, solve_at
from limeform.solve import EvaluationError, Newton

WIDTH = 10
"""How many units on each side of the cut are considered."""

SLACK = 0.5
"""Pairs are tried although, at fixed variances, a loss up to this is predicted: the variances then adapt."""

GROUP_PAIRS = 40
"""Pairs of groups tried, whatever is predicted: a group moves the variances, which the prediction holds."""

TRIAL = Newton(tol=1e-4, max_iter=4)
"""Inner solver of a trial: it has to tell a fall from a rise."""


def exchange(search: Search, at: Trimmed, max_outer: int) -> tuple[Trimmed, bool]:
    """Swap until nothing considered lowers the criterion: many units at once, then, up to `LARGE` rows, pairs.

    Parameters
    ----------
    search : Search
        The model.
    at : Trimmed
        A fixed point of `concentrate`.
    max_outer : int
        Most swaps.

    Returns
    -------
    Trimmed
        The fit.
    bool
        Whether it ended because no swap is better.
    """
    for _ in range(max_outer):
        better = _many_swaps(search, at)
        if better is None and len(search.y) > LARGE:
            return at, False
        better = _best_swap(search, at) if better is None else better
        if better is None:
            return at, True
        at = concentrate(search, better, EXACT, max_outer)
    return at, False


def shake(search: Search, at: Trimmed, max_outer: int, rng: np.random.Generator) -> tuple[Trimmed, bool]:
    """Swap a few units near the cut at random and descend again; return where that ends, as `exchange` does."""
    leaving, entering = _near_the_cut(search, at)
    size = min(int(rng.integers(2, 5)), len(leaving), len(entering))
    weights = at.weights.copy()
    weights[rng.choice(leaving, size, replace=False)] = 0.0
    weights[rng.choice(entering, size, replace=False)] = 1.0
    moved = fit_at(search, weights, at.x, EXACT)
    return exchange(search, concentrate(search, moved, EXACT, max_outer), max_outer)


def improves(after: Trimmed, before: Trimmed) -> bool:
    """Say whether the criterion is lower by more than rounding."""
    return lower(after.value, before.value)


def lower(value: float, than: float) -> bool:
    """Say whether a criterion is lower than another by more than rounding."""
    return value < than - 1e-9 * (1.0 + abs(than))


def _many_swaps(search: Search, at: Trimmed) -> Trimmed | None:
    """Keep the h units of least predictive term; None if that does not lower the criterion."""
    weights = smallest(at.predictive, search.h, search.always)
    if search.groups is not None or np.array_equal(weights, at.weights):
        return None
    try:
        x, value = solve_at(search, weights, at.x, TRIAL)
    except EvaluationError:
        return None
    return fit_at(search, weights, x, EXACT, at.history) if lower(value, at.value) else None


def _best_swap(search: Search, at: Trimmed) -> Trimmed | None:
    """Try pairs in the order of the gain predicted at fixed variances; return the first that lowers the criterion."""
    leaving, entering = _near_the_cut(search, at)
    gains = at.predictive[leaving][:, None] - at.predictive[entering][None, :]
    slack, tried = (SLACK, WIDTH) if search.groups is None else (np.inf, GROUP_PAIRS)
    for flat in np.argsort(-gains, axis=None, kind="stable")[:tried]:
        i, j = np.unravel_index(flat, gains.shape)
        if gains[i, j] <= -slack:
            break
        weights = at.weights.copy()
        weights[leaving[i]], weights[entering[j]] = 0.0, 1.0
        try:
            x, value = solve_at(search, weights, at.x, TRIAL)
        except EvaluationError:  # what is left does not determine the fixed effects
            continue
        if lower(value, at.value):
            return fit_at(search, weights, x, EXACT, at.history)
    return None


def _near_the_cut(search: Search, at: Trimmed) -> tuple[np.ndarray, np.ndarray]:
    """Return the kept units that contribute most and the trimmed ones that would contribute least."""
    kept = np.flatnonzero((at.weights > 0.5) & ~search.always)
    left = np.flatnonzero(at.weights <= 0.5)
    leaving = kept[np.argsort(-at.predictive[kept], kind="stable")[:WIDTH]]
    entering = left[np.argsort(at.predictive[left], kind="stable")[:WIDTH]]
    return leaving, entering
