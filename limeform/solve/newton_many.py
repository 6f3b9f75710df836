"""Newton's method for many small problems of one shape at once: those of a bootstrap.

Each problem has its own point, trust radius and end; a step for all of them is a handful of array operations. A problem
that does not converge here is for the caller to give to `Newton`, which is more careful.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from limeform.solve.newton import NOISE, ROUNDING
from limeform.solve.problem import FloatArray
from limeform.solve.trust_region import FLAT

IntArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]


class Points(Protocol):
    """Values, gradients and Hessians of some of the problems."""

    @property
    def value(self) -> FloatArray:
        """Objectives, shape (a,)."""

    @property
    def gradient(self) -> FloatArray:
        """Gradients, shape (a, q)."""

    @property
    def hessian(self) -> FloatArray:
        """Hessians, shape (a, q, q)."""


AnyPoints = TypeVar("AnyPoints", bound=Points)


@dataclass(frozen=True)
class ManyMinima:
    """Where the problems ended.

    Attributes
    ----------
    x : ndarray, shape (d, q)
        The points.
    converged : ndarray of bool, shape (d,)
        Which of them are minima.
    """

    x: FloatArray
    converged: BoolArray


@dataclass
class _State:
    """Points, derivatives and radii of all problems."""

    x: FloatArray
    value: FloatArray
    gradient: FloatArray
    hessian: FloatArray
    radius: FloatArray


def minimise_many(
    evaluate: Callable[[FloatArray, IntArray], AnyPoints], start: FloatArray, tol: float = 1e-8, max_iter: int = 30
) -> ManyMinima:
    """Minimise d problems of q variables.

    Parameters
    ----------
    evaluate : callable
        Takes points (a, q) and the numbers (a,) of their problems; returns values, gradients and Hessians.
    start : ndarray, shape (d, q)
        Where each begins.
    tol : float
        As in `Newton`.
    max_iter : int
        Most steps.

    Returns
    -------
    ManyMinima
    """
    d = len(start)
    every = np.arange(d)
    first = evaluate(start, every)
    state = _State(start.copy(), first.value, first.gradient, first.hessian, np.full(d, np.inf))
    converged = np.zeros(d, dtype=bool)
    active = every[_finite(first)]
    for iteration in range(max_iter + 1):
        if not len(active):
            break
        step = _steps(state, active)
        scale = np.maximum(1.0, np.abs(state.value[active]))
        slope = np.abs(state.gradient[active]).max(axis=1, initial=0.0)
        done = step.decrement <= ROUNDING * scale
        done |= (step.decrement <= 1e-4 * tol * scale) & (slope <= tol * scale)
        done &= step.convex
        converged[active[done]] = True
        active, step = active[~done], step.of(~done)
        if iteration < max_iter and len(active):
            stuck = _advance(state, active, step, evaluate(state.x[active] + step.p, active))
            converged[active[stuck]] = True
            active = active[~stuck]
    return ManyMinima(state.x, converged)


def _finite(points: Points) -> BoolArray:
    finite = np.isfinite(points.value) & np.isfinite(points.gradient).all(axis=1)
    return np.asarray(finite & np.isfinite(points.hessian).all(axis=(1, 2)))


@dataclass(frozen=True)
class _Steps:
    """Steps p (a, q), what the models promise of them, and of the whole descent; which models are convex."""

    p: FloatArray
    predicted: FloatArray
    decrement: FloatArray
    convex: BoolArray
    length: FloatArray

    def of(self, which: BoolArray) -> _Steps:
        """Return some of them."""
        return _Steps(
            self.p[which], self.predicted[which], self.decrement[which], self.convex[which], self.length[which]
        )


def _steps(state: _State, active: IntArray) -> _Steps:
    """Go to the minimum of each quadratic model, curvature taken as positive, or as far as the radius allows."""
    hessian, gradient = state.hessian[active], state.gradient[active]
    diagonal = np.abs(np.diagonal(hessian, axis1=1, axis2=2))
    unit = np.sqrt(np.maximum(diagonal, 1e-24 * diagonal.max(axis=1, initial=1e-300, keepdims=True)))
    values, vectors = np.linalg.eigh(hessian / (unit[:, :, None] * unit[:, None, :]))
    slopes = ((gradient / unit)[:, None, :] @ vectors)[:, 0]
    largest = np.abs(values).max(axis=1, initial=0.0, keepdims=True)
    convex = (values >= -FLAT * largest).all(axis=1)
    decrement = 0.5 * (slopes**2 / np.maximum(values, FLAT * largest + 1e-300)).sum(axis=1)
    trusted = np.where(values > 1e-8 * largest, values, np.maximum(np.abs(values), 1e-3 * largest) + 1e-300)
    along = -slopes / trusted
    length = np.sqrt((along**2).sum(axis=1))
    share = np.minimum(1.0, state.radius[active] / np.maximum(length, 1e-300))
    along = along * share[:, None]
    predicted = -(slopes * along + 0.5 * values * along**2).sum(axis=1)
    p = (vectors @ along[:, :, None])[:, :, 0] / unit
    return _Steps(p, predicted, np.where(convex, decrement, np.inf), convex, length * share)


def _advance(state: _State, active: IntArray, step: _Steps, trial: Points) -> BoolArray:
    """Take the steps that lower the objective, adapt the radii, and say which problems only rounding still moves."""
    before = state.value[active]
    fall = before - trial.value
    scale = np.maximum(1.0, np.abs(before))
    rounding = (fall >= 0.0) & (step.predicted <= NOISE * scale)
    taken = ((fall > 1e-4 * step.predicted) | rounding) & _finite(trial)
    went = active[taken]
    state.x[went] += step.p[taken]
    state.value[went], state.gradient[went] = trial.value[taken], trial.gradient[taken]
    state.hessian[went] = trial.hessian[taken]
    poor = ~taken | (fall < 0.25 * step.predicted)
    good = taken & (fall > 0.75 * step.predicted)
    state.radius[active[poor]] = 0.25 * step.length[poor]
    state.radius[active[good]] = np.maximum(state.radius[active[good]], 2.0 * step.length[good])
    return np.asarray(~(fall > 0.0) & (step.decrement <= NOISE * scale))
