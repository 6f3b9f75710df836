"""The search: many starts, a few cheap steps each, the best few to a fixed point, then exchanges.

Rousseeuw & Van Driessen (2006), Computing LTS regression for large data sets, Data Mining and Knowledge Discovery 12,
29–45, for starts, concentration, and ranking on a subsample; MATH §2 for the exchanges.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

import numpy as np
from joblib import Parallel, delayed

from limeform.fit.trimming.begun import Begun
from limeform.fit.trimming.exchange import exchange, improves, shake
from limeform.fit.trimming.options import Trimming
from limeform.fit.trimming.simplex import FloatArray, smallest
from limeform.fit.trimming.starts import random_starts
from limeform.fit.trimming.steps import EXACT, LARGE, Search, Trimmed, concentrate, descend, fit_at, start_of
from limeform.likelihood import CrossedRows
from limeform.solve import EvaluationError

FINALISTS = 6
"""How many different starts are followed to the end, the uniform one among them; half as many of large data."""

SHAKES, MOST_SHAKES = 5, 40
"""Where the finalists disagree: random moves of several units around the best fit, until so many in a row fail."""

AGREE = 1e-6
"""Criteria that differ by less are the same."""

End = tuple[Trimmed, bool, int]
"""Where starts have ended: the fit, whether no exchange is left, and how many starts have met there."""

In = TypeVar("In")
Out = TypeVar("Out")


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
        Starts whose end is known (those that meet are followed once), and how many of them end at the best value.
    fixed_point, exchange_optimal : bool
        Whether concentration stands still there, and whether no considered swap is better.
    """

    best: Trimmed = field(repr=False)
    starts: int
    followed: int
    agreeing: int
    fixed_point: bool
    exchange_optimal: bool

    @property
    def vertex(self) -> bool:
        """Whether every weight is zero or one."""
        return bool(np.isin(self.best.weights, (0.0, 1.0)).all())


def find(search: Search, options: Trimming, scores: FloatArray | None = None) -> Found:
    """Search for the h units that the model explains best.

    Parameters
    ----------
    search : Search
        The model.
    options : Trimming
        The user's options.
    scores : ndarray, shape (units,), optional
        Scores whose h smallest make one more start.

    Returns
    -------
    Found
    """
    if search.h == search.n_units:
        return Found(uniform_start(search, options), 1, 1, 1, True, True)
    generator = np.random.default_rng(0 if options.rng is None else options.rng)
    *children, last = generator.spawn(options.starts + 1)
    begun = random_starts(search, children, last) if children else []
    begun = sorted(begun, key=lambda start: start.value)
    if scores is not None:
        begun = [Begun(smallest(scores, search.h, search.always), start_of(search), np.nan), *begun]
    most = max(FINALISTS, options.starts // 8) if len(search.y) <= LARGE else FINALISTS // 2
    ended = follow(search, [None, *begun], options, most)
    agreed = bool(np.ptp([end.value for end, _, _ in ended]) <= AGREE) if ended else True
    return found_of(search, options, ended, 1 + len(children) + (scores is not None), None if agreed else last)


def found_of(
    search: Search, options: Trimming, ended: Sequence[End], starts: int, rng: np.random.Generator | None
) -> Found:
    """Return the best of several ends, moved at random if asked for, and how sure one can be of it.

    Parameters
    ----------
    search : Search
        The model.
    options : Trimming
        The user's options.
    ended : sequence of End
        The ends that `follow` returned.
    starts : int
        Starts tried.
    rng : Generator or None
        Randomness of the moves; None for none.

    Raises
    ------
    EvaluationError
        If there are no ends.
    """
    if not ended:
        raise EvaluationError("no start keeps rows that determine the fixed effects")
    best, optimal, _ = min(ended, key=lambda end: end[0].value)
    if rng is not None and len(search.y) <= LARGE:
        best, optimal = _shaken(search, best, optimal, options.max_outer, rng)
    best = _earlier_first(search, best)
    return Found(
        best=best,
        starts=starts,
        followed=sum(count for _, _, count in ended),
        agreeing=sum(count for end, _, count in ended if end.value <= best.value + AGREE),
        fixed_point=bool(np.array_equal(smallest(best.slope, search.h, search.always), best.weights)),
        exchange_optimal=optimal,
    )


def follow(search: Search, begun: Sequence[Begun | None], options: Trimming, most: int = 1) -> list[End]:
    """Follow the first different ones of several starts to where no exchange improves them.

    Parameters
    ----------
    search : Search
        The model.
    begun : sequence of (Begun or None)
        The starts; None is the uniform one.
    options : Trimming
        The user's options.
    most : int
        How many different ones are followed.

    Returns
    -------
    list of tuple
        Of each end: the fit, whether no exchange is left, and how many of the starts have met in it. Starts whose rows
        do not determine the fixed effects have none.
    """
    chosen = _meeting(begun)[:most]
    settled = each(partial(_settle, search, options), [start for start, _ in chosen], options.n_jobs)
    pairs = [(end, count) for end, (_, count) in zip(settled, chosen, strict=True) if end is not None]
    met = _meeting([end for end, _ in pairs], [count for _, count in pairs])
    ended = each(partial(exchange, search, max_outer=options.max_outer), [end for end, _ in met], options.n_jobs)
    return [(end, optimal, count) for (end, optimal), (_, count) in zip(ended, met, strict=True)]


def each(function: Callable[[In], Out], inputs: Sequence[In], n_jobs: int) -> list[Out]:
    """Apply a function to each input, in several processes if ``n_jobs`` asks for them."""
    if n_jobs == 1 or len(inputs) < 2:
        return [function(one) for one in inputs]
    return list(Parallel(n_jobs=n_jobs)(delayed(function)(one) for one in inputs))


def _meeting(starts: Sequence[In], counts: Sequence[int] | None = None) -> list[tuple[In, int]]:
    """Return starts that keep different units, in the order given, with how many have met in each."""
    first: dict[bytes, In] = {}
    total: dict[bytes, int] = {}
    for start, count in zip(starts, counts or [1] * len(starts), strict=True):
        key = b"" if start is None else start.weights.tobytes()  # type: ignore[attr-defined]
        first.setdefault(key, start)
        total[key] = total.get(key, 0) + count
    return [(start, total[key]) for key, start in first.items()]


def _settle(search: Search, options: Trimming, start: Begun | None) -> Trimmed | None:
    """Follow a start, uniform weights if it is None, to a fixed point; None where its rows do not determine the fit."""
    try:
        if start is None:
            return uniform_start(search, options)
        return concentrate(search, fit_at(search, start.weights, start.x, EXACT), EXACT, options.max_outer)
    except EvaluationError:
        return None


def _shaken(
    search: Search, best: Trimmed, optimal: bool, max_outer: int, rng: np.random.Generator
) -> tuple[Trimmed, bool]:
    failures = 0
    for _ in range(MOST_SHAKES):
        failures += 1
        try:
            after, ended = shake(search, best, max_outer, rng)
        except EvaluationError:  # the swap took rows that the fixed effects need
            continue
        if improves(after, best):
            best, optimal, failures = after, ended, 0
        if failures == SHAKES:
            break
    return best, optimal


def _earlier_first(search: Search, at: Trimmed) -> Trimmed:
    """Of rows that are equal in all columns keep the earlier ones; the criterion stays the same."""
    if search.groups is not None:
        return at
    rows = search.setup.rows
    codes = [factor.codes for factor in rows.factors] if isinstance(rows, CrossedRows) else [rows.cells.codes]
    columns = np.column_stack([search.y, rows.x, rows.z, rows.precision, *codes, search.always])
    _, kind = np.unique(columns, axis=0, return_inverse=True)
    kind = kind.ravel()
    order = np.lexsort((np.arange(len(kind)), kind))
    ranked = np.lexsort((-at.weights, kind))
    weights = at.weights.copy()
    weights[order] = at.weights[ranked]
    if np.array_equal(weights, at.weights):
        return at
    return replace(fit_at(search, weights, at.x, EXACT), history=at.history)


def uniform_start(search: Search, options: Trimming) -> Trimmed:
    """Descend from weights that treat all units alike."""
    share = (search.h - search.always.sum()) / max(int((~search.always).sum()), 1)
    weights = np.where(search.always, 1.0, share)
    if search.groups is not None:
        at = fit_at(search, np.ones(search.n_units), start_of(search), EXACT)
        at = fit_at(search, smallest(at.slope, search.h, search.always), at.x, EXACT)
    else:
        at = fit_at(search, weights, start_of(search), EXACT)
        if np.isfinite(options.step):
            at = descend(search, at, options.step, options.max_outer)
    return concentrate(search, at, EXACT, options.max_outer)
