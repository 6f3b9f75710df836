"""A search that begins where another one of nearly the same model has ended.

The rows kept there are the first start. As they can be those of a poor local optimum here, random starts are taken
besides; only those that look as good after a few cheap steps are followed to the end.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from limeform.fit.trimming.begun import Begun
from limeform.fit.trimming.options import Trimming
from limeform.fit.trimming.search import AGREE, Found, follow, found_of
from limeform.fit.trimming.simplex import FloatArray, smallest
from limeform.fit.trimming.starts import random_starts
from limeform.fit.trimming.steps import Search, start_of

NEAR_STARTS = 20
"""Random starts besides that of the other search."""

FOLLOWED = 3
"""How many of them are followed at most."""

PROMISING = 3.0
"""A start is followed if its criterion is at most so much above that of the end of the first start."""


def near_options(options: Trimming) -> Trimming:
    """Return the options with the number of random starts that such a search takes."""
    return replace(options, starts=min(options.starts, NEAR_STARTS))


def find_near(search: Search, options: Trimming, scores: FloatArray) -> Found:
    """Search for the h units that the model explains best, from where another search has ended.

    Parameters
    ----------
    search : Search
        The model.
    options : Trimming
        Options; see `near_options`.
    scores : ndarray, shape (units,)
        Scores of the units from the other search: the h smallest make the first start.

    Returns
    -------
    Found

    Raises
    ------
    EvaluationError
        If no start keeps rows that determine the fixed effects.
    """
    generator = np.random.default_rng(0 if options.rng is None else options.rng)
    *children, last = generator.spawn(options.starts + 1)
    first = Begun(smallest(scores, search.h, search.always), start_of(search), np.nan)
    ended = follow(search, [first], options)
    level = min((end.value for end, _, _ in ended), default=np.inf) + PROMISING
    known = [end.weights for end, _, _ in ended]
    begun = sorted(random_starts(search, children, last) if children else [], key=lambda start: start.value)
    others = [
        start
        for start in begun
        if start.value <= level and not any(np.array_equal(start.weights, weights) for weights in known)
    ]
    more = follow(search, others, options, FOLLOWED)
    doubtful = bool(more) and min(end.value for end, _, _ in more) < level - PROMISING - AGREE
    return found_of(search, options, [*ended, *more], 1 + len(children), last if doubtful else None)
