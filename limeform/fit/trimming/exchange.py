"""Exchanges: swaps of kept for trimmed units that lower the criterion where concentration stands still."""

from __future__ import annotations

import numpy as np

from limeform.fit.trimming.steps import EXACT, Search, Trimmed, concentrate, fit_at

WIDTH = 10
"""How many units on each side of the cut are considered."""

SLACK = 0.5
"""Pairs are tried although, at fixed variances, a loss up to this is predicted: the variances then adapt."""


def exchange(search: Search, at: Trimmed, max_outer: int) -> tuple[Trimmed, bool]:
    """Swap until no considered pair lowers the criterion.

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
        better = _best_swap(search, at)
        if better is None:
            return at, True
        at = concentrate(search, better, EXACT, max_outer)
    return at, False


def shake(search: Search, at: Trimmed, max_outer: int, rng: np.random.Generator) -> Trimmed:
    """Swap a few units near the cut at random and descend again; return the better of the two fits."""
    leaving, entering = _near_the_cut(search, at)
    size = min(int(rng.integers(2, 5)), len(leaving), len(entering))
    if size == 0:
        return at
    weights = at.weights.copy()
    weights[rng.choice(leaving, size, replace=False)] = 0.0
    weights[rng.choice(entering, size, replace=False)] = 1.0
    moved = fit_at(search, weights, at.x, EXACT)
    again, _ = exchange(search, concentrate(search, moved, EXACT, max_outer), max_outer)
    return again if again.value < at.value - 1e-9 * (1.0 + abs(at.value)) else at


def _best_swap(search: Search, at: Trimmed) -> Trimmed | None:
    """Try pairs in the order of the gain predicted at fixed variances; return the first that lowers the criterion."""
    leaving, entering = _near_the_cut(search, at)
    gains = at.predictive[leaving][:, None] - at.predictive[entering][None, :]
    for flat in np.argsort(-gains, axis=None, kind="stable")[:WIDTH]:
        i, j = np.unravel_index(flat, gains.shape)
        if gains[i, j] <= -SLACK:
            break
        weights = at.weights.copy()
        weights[leaving[i]], weights[entering[j]] = 0.0, 1.0
        after = fit_at(search, weights, at.x, EXACT, at.history)
        if after.value < at.value - 1e-9 * (1.0 + abs(at.value)):
            return after
    return None


def _near_the_cut(search: Search, at: Trimmed) -> tuple[np.ndarray, np.ndarray]:
    """Return the kept units that contribute most and the trimmed ones that would contribute least."""
    kept = np.flatnonzero((at.weights > 0.5) & ~search.always)
    left = np.flatnonzero(at.weights <= 0.5)
    leaving = kept[np.argsort(-at.predictive[kept], kind="stable")[:WIDTH]]
    entering = left[np.argsort(at.predictive[left], kind="stable")[:WIDTH]]
    return leaving, entering
