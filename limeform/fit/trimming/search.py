"""The search: many starts, two cheap steps each, the best few to the end, then exchanges.

Rousseeuw & Van Driessen (2006), Computing LTS regression for large data sets, Data Mining and Knowledge Discovery 12,
29–45, for starts and concentration; MATH §2 for the exchanges.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from joblib import Parallel, delayed

from limeform.fit.estimate import default_start
from limeform.fit.trimming.exchange import exchange, shake
from limeform.fit.trimming.options import Trimming
from limeform.fit.trimming.simplex import smallest
from limeform.fit.trimming.steps import (
    EXACT,
    QUICK,
    Search,
    Trimmed,
    concentrate,
    descend,
    evaluate_at,
    fit_at,
    objective_at,
    start_of,
)
from limeform.solve import EvaluationError

BATCH = 10
"""Starts between two looks at whether they agree."""

FINALISTS = 5
"""How many starts are followed to the end."""

SHAKES = 5
"""Random moves of several units around the best fit."""


@dataclass(frozen=True)
class Found:
    """The best fit of a search, and how sure one can be of it.

    Attributes
    ----------
    best : Trimmed
        The fit.
    starts : int
        Starts tried, the uniform one included.
    followed, agreeing : int
        Starts followed to the end, and how many of them reached the best value.
    fixed_point, exchange_optimal : bool
        Whether concentration stands still there, and whether no considered swap is better.
    """

    best: Trimmed
    starts: int
    followed: int
    agreeing: int
    fixed_point: bool
    exchange_optimal: bool


def find(search: Search, options: Trimming) -> Found:
    """Search for the h units that the model explains best.

    Parameters
    ----------
    search : Search
        The model.
    options : Trimming
        The user's options.

    Returns
    -------
    Found
    """
    finish = partial(_finish, search, max_outer=options.max_outer)
    uniform = uniform_start(search, options)
    if search.h == search.n_units:
        return Found(uniform, 1, 1, 1, True, True)
    generator = np.random.default_rng(0 if options.rng is None else options.rng)
    *children, last = generator.spawn(options.starts + 1)
    begun = _starts(search, children, options.n_jobs)
    chosen = _different([uniform, *sorted(begun, key=lambda start: start.value)])[: FINALISTS + 1]
    ended = Parallel(n_jobs=options.n_jobs)(delayed(finish)(start) for start in chosen)
    best, optimal = min(ended, key=lambda end: end[0].value)
    reached = [bool(end.value <= best.value + 1e-6) for end, _ in ended]
    if not all(reached) or len(ended) < 2:
        best, optimal = _shaken(search, best, optimal, options.max_outer, last)
    reached = [bool(end.value <= best.value + 1e-6) for end, _ in ended]
    return Found(
        best=best,
        starts=1 + len(begun),
        followed=len(ended),
        agreeing=sum(reached),
        fixed_point=bool(np.array_equal(smallest(best.slope, search.h, search.always), best.weights)),
        exchange_optimal=optimal,
    )


def _shaken(
    search: Search, best: Trimmed, optimal: bool, max_outer: int, rng: np.random.Generator
) -> tuple[Trimmed, bool]:
    for _ in range(SHAKES):
        after = shake(search, best, max_outer, rng)
        optimal = optimal or after is not best
        best = after
    return best, optimal


def _starts(search: Search, children: list[np.random.Generator], n_jobs: int) -> list[Trimmed]:
    """Begin from random subsets, batch by batch; stop early where the best ones of a batch all agree."""
    begun: list[Trimmed] = []
    for first in range(0, len(children), BATCH):
        batch = children[first : first + BATCH]
        some = Parallel(n_jobs=n_jobs)(delayed(random_start)(search, child) for child in batch)
        begun += [start for start in some if start is not None]
        values = sorted(start.value for start in begun)
        if len(values) > BATCH and values[BATCH // 2] <= values[0] + 1e-6:
            break
    return begun


def _different(starts: list[Trimmed]) -> list[Trimmed]:
    """Leave out starts that keep the same units as an earlier one."""
    seen: set[bytes] = set()
    kept = []
    for start in starts:
        key = start.weights.tobytes()
        if key not in seen:
            kept.append(start)
        seen.add(key)
    return kept


def _finish(search: Search, start: Trimmed, max_outer: int) -> tuple[Trimmed, bool]:
    """Follow a start to a fixed point that no exchange improves."""
    exact = fit_at(search, start.weights, start.x, EXACT)
    return exchange(search, concentrate(search, exact, EXACT, max_outer), max_outer)


def uniform_start(search: Search, options: Trimming) -> Trimmed:
    """Descend from weights that treat all units alike."""
    share = (search.h - search.always.sum()) / max(int((~search.always).sum()), 1)
    weights = np.where(search.always, 1.0, share)
    if search.groups is not None:
        at = fit_at(search, np.ones(search.n_units), start_of(search), EXACT)
        return fit_at(search, smallest(at.slope, search.h, search.always), at.x, EXACT)
    at = fit_at(search, weights, start_of(search), EXACT)
    if np.isfinite(options.step):
        at = descend(search, at, options.step, options.max_outer)
    return concentrate(search, at, EXACT, options.max_outer)


def random_start(search: Search, rng: np.random.Generator) -> Trimmed | None:
    """Take two cheap steps from a fit to a few random units; None if these determine nothing.

    Parameters
    ----------
    search : Search
        The model.
    rng : Generator
        Source of the subset.

    Returns
    -------
    Trimmed or None
    """
    p = search.setup.products.n_fixed
    size = min(search.n_units, p + 2 if search.groups is None else max(2, p))
    weights = np.zeros(search.n_units)
    weights[rng.choice(search.n_units, size=size, replace=False)] = 1.0
    try:
        objective = objective_at(search, weights)
        few = evaluate_at(search, objective, objective.at(np.maximum(default_start(objective), search.lower)), weights)
        first = fit_at(search, smallest(few.slope, search.h, search.always), few.x, QUICK)
        return concentrate(search, first, QUICK, 2)
    except EvaluationError:
        return None
