"""New responses from a fitted model: mean + Z u + e, with normal u and e or with those that were estimated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Effects:
    """Random effects on one grouping factor.

    Attributes
    ----------
    z : ndarray, shape (n, k)
        Columns.
    codes : ndarray of int32, shape (n,)
        Level of each row.
    gamma : ndarray, shape (k, k)
        Their covariance.
    modes : ndarray, shape (m, k)
        Conditional modes.
    """

    z: FloatArray
    codes: IntArray
    gamma: FloatArray
    modes: FloatArray


class Responses(Protocol):
    """Something that makes responses."""

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Return a new response, shape (n,)."""


@dataclass(frozen=True)
class Parametric:
    """Responses with normal effects and errors; TCME section 2.6.

    Attributes
    ----------
    mean : ndarray, shape (n,)
        Fixed part with offset.
    effects : sequence of Effects
        One for each grouping factor.
    roots : sequence of ndarray, each shape (k, k)
        A with A A' = Gamma.
    error_sd : ndarray, shape (n,)
        Standard deviation of each row's error.
    """

    mean: FloatArray
    effects: Sequence[Effects]
    roots: Sequence[FloatArray]
    error_sd: FloatArray

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Return a new response, shape (n,)."""
        y = self.mean + self.error_sd * rng.standard_normal(len(self.mean))
        for factor, root in zip(self.effects, self.roots, strict=True):
            u = rng.standard_normal(factor.modes.shape) @ root.T
            y += np.einsum("nk,nk->n", factor.z, u[factor.codes])
        return y


@dataclass(frozen=True)
class Residual:
    """Responses with effects and errors drawn from the estimated ones, brought to the estimated variances.

    Attributes
    ----------
    mean, effects, error_sd
        As in `Parametric`.
    pools : sequence of ndarray, each shape (m', k)
        Modes that are drawn from, whole rows at a time.
    standardized : ndarray, shape (n',)
        Errors that are drawn from, of variance one.
    """

    mean: FloatArray
    effects: Sequence[Effects]
    pools: Sequence[FloatArray]
    standardized: FloatArray
    error_sd: FloatArray

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Return a new response, shape (n,)."""
        y: FloatArray = self.mean + self.error_sd * rng.choice(self.standardized, len(self.mean))
        for factor, pool in zip(self.effects, self.pools, strict=True):
            u = pool[rng.integers(len(pool), size=len(factor.modes))]
            y += np.einsum("nk,nk->n", factor.z, u[factor.codes])
        return y


def parametric(mean: FloatArray, effects: Sequence[Effects], error_sd: FloatArray) -> Parametric:
    """Return what draws normal effects and errors.

    Parameters
    ----------
    mean : ndarray, shape (n,)
        Fixed part with offset.
    effects : sequence of Effects
        One for each grouping factor.
    error_sd : ndarray, shape (n,)
        Standard deviation of each row's error.

    Returns
    -------
    Parametric
    """
    return Parametric(mean, effects, [square_root(factor.gamma) for factor in effects], error_sd)


def residual(
    mean: FloatArray, effects: Sequence[Effects], error_sd: FloatArray, errors: FloatArray, kept: BoolArray
) -> Residual:
    """Return what draws from the estimated effects and errors, after they were reflated.

    Conditional modes and residuals vary less than what they estimate. They are centred and multiplied so that their
    empirical covariance is the estimated one.

    Parameters
    ----------
    mean, effects, error_sd
        As in `parametric`.
    errors : ndarray, shape (n,)
        Conditional residuals.
    kept : ndarray of bool, shape (n,)
        Rows that were not trimmed: only they and their groups are drawn from.

    Returns
    -------
    Residual

    References
    ----------
    Carpenter, Goldstein, Rasbash (2003), A novel bootstrap procedure for assessing the relationship between class size
    and achievement, Applied Statistics 52(4), 431-443.
    """
    standardized = errors[kept] / error_sd[kept]
    standardized = standardized - standardized.mean()
    size = np.sqrt(np.mean(standardized**2))
    pools = []
    for factor in effects:
        seen = np.bincount(factor.codes[kept], minlength=len(factor.modes)) > 0
        pools.append(_reflated(factor.modes[seen], factor.gamma))
    return Residual(mean, effects, pools, standardized / size if size > 0 else standardized, error_sd)


def _reflated(modes: FloatArray, gamma: FloatArray) -> FloatArray:
    """Centre the modes, shape (m, k), and give them the covariance ``gamma``."""
    centred = modes - modes.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    usable = values > 1e-12 * max(float(values[-1]), 1e-300)
    whitened = centred @ (vectors[:, usable] / np.sqrt(values[usable]))
    # The rotation back makes the map symmetric, so that effects keep their signs and their correlation with the design.
    middle = whitened @ vectors[:, usable].T
    return np.asarray(middle @ square_root(gamma).T)


def square_root(gamma: FloatArray) -> FloatArray:
    """Return the symmetric root A of a positive semidefinite matrix, A A' = ``gamma``; shape (k, k)."""
    values, vectors = np.linalg.eigh(gamma)
    return np.asarray((vectors * np.sqrt(np.clip(values, 0.0, None))) @ vectors.T, dtype=np.float64)
