"""New responses from a fitted model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from limeform.design import Design
from limeform.results.predict import random_part

FloatArray = NDArray[np.float64]


def simulate(
    design: Design,
    beta: FloatArray,
    gamma: FloatArray,
    error_variance: FloatArray,
    n: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Draw responses on the rows of a design, with new random effects and new errors.

    Parameters
    ----------
    design : Design
        Arrays of the model.
    beta : ndarray, shape (p,)
        Fixed effects.
    gamma : ndarray, shape (k, k)
        Covariance of the random effects, those of all factors in one block-diagonal matrix.
    error_variance : ndarray, shape (rows,)
        Variance of the error of each row.
    n : int
        Number of draws.
    rng : Generator
        Source of randomness; draw i depends on its i-th child alone.

    Returns
    -------
    ndarray, shape (rows, n)
    """
    mean, sd = design.x @ beta + design.offset, np.sqrt(error_variance)
    roots = _roots(design, gamma)
    draws = np.empty((len(mean), n))
    for column, child in enumerate(rng.spawn(n)):
        draws[:, column] = mean + sd * child.normal(size=len(mean))
        for random, root in zip(design.factors, roots, strict=True):
            effects = child.normal(size=(len(random.levels), len(root))) @ root.T
            draws[:, column] += random_part(random.z, random.codes, effects)
    return draws


def _roots(design: Design, gamma: FloatArray) -> list[FloatArray]:
    """Return a square root of the covariance of each factor, also where it is singular."""
    roots, start = [], 0
    for random in design.factors:
        stop = start + len(random.names)
        values, vectors = np.linalg.eigh(gamma[start:stop, start:stop])
        roots.append(np.asarray(vectors * np.sqrt(np.clip(values, 0.0, None)), dtype=np.float64))
        start = stop
    return roots
