"""Starts of the search with several grouping factors: elementary least-squares fits, then two concentration steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from limeform.fit.trimming.begun import Begun
from limeform.fit.trimming.simplex import FloatArray, smallest
from limeform.fit.trimming.steps import Search, fit_at, held_at, start_of
from limeform.solve import Newton

ROUGH = Newton(tol=1e-4, max_iter=4)
"""Inner solver of starts that are only ranked."""

STEPS = 2
"""Concentration steps of a start, at the variances that it was fitted with: a fit at each would take most of the time
and the starts are only ranked."""


def crossed_starts(search: Search, children: Sequence[np.random.Generator]) -> list[Begun]:
    """Descend two steps from the rows that least-squares fits to a few random rows explain best.

    Parameters
    ----------
    search : Search
        The model.
    children : sequence of Generator
        One a start.

    Returns
    -------
    list of Begun
    """
    begin = start_of(search)
    starts = []
    for child in children:
        weights = smallest(_squared_residuals(search, child), search.h, search.always)
        at = fit_at(search, weights, begin, ROUGH)
        for _ in range(STEPS):
            weights = smallest(at.slope, search.h, search.always)
            if np.array_equal(weights, at.weights):
                break
            at = held_at(search, weights, at.x)
        starts.append(Begun(at.weights, at.x, at.value))
    return starts


def _squared_residuals(search: Search, rng: np.random.Generator) -> FloatArray:
    """Return the squared standardized residuals of all rows from a fit of p + 2 random ones, shape (n,)."""
    x, precision = search.setup.rows.x, search.setup.rows.precision
    few = rng.choice(len(x), size=min(len(x), x.shape[1] + 2), replace=False)
    beta = np.linalg.lstsq(x[few], search.y[few], rcond=None)[0]
    return np.asarray(precision * (search.y - x @ beta) ** 2, dtype=np.float64)
