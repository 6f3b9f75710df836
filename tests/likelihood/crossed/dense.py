"""Small models with several grouping factors, and their likelihood by dense algebra, one n x n matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limeform.covariance import BlockDiagonal, Unstructured
from limeform.likelihood import CrossedRows, FactorRows, Objective, ResidualVariance, choose_coordinates, reduce_rows

FloatArray = NDArray[np.float64]

PATTERNS = ("crossed", "three", "nested", "nested chain", "chain and crossed", "apart", "confounded by chance")


@dataclass(frozen=True)
class Model:
    """A model with all its arrays."""

    y: FloatArray
    rows: CrossedRows
    covariance: BlockDiagonal


def levels(pattern: str, rng: np.random.Generator) -> tuple[list[NDArray[np.int64]], list[int]]:
    """Draw the levels of each factor, and say how many effects each has."""
    n = 150
    b = rng.integers(0, 30, n)
    if pattern == "crossed":
        return [rng.integers(0, 20, n), rng.integers(0, 7, n)], [1, 1]
    if pattern == "three":
        return [rng.integers(0, 20, n), rng.integers(0, 7, n), rng.integers(0, 4, n)], [2, 1, 2]
    if pattern == "nested":
        return [b // 6, b], [1, 2]
    if pattern == "nested chain":
        return [b // 15, b // 5, b], [1, 2, 1]
    if pattern == "chain and crossed":
        return [b // 15, b // 5, b, rng.integers(0, 3, n)], [2, 1, 1, 2]
    if pattern == "confounded by chance":
        return [np.arange(n) % 50, (np.arange(n) % 50) // 2 * 2], [1, 1]
    pupil = rng.integers(0, 40, n)
    return [pupil, pupil // 5 * 3 + rng.integers(0, 3, n), pupil // 5], [2, 2, 1]


def make_model(pattern: str, seed: int, n_strata: int = 1) -> Model:
    """Draw a model."""
    rng = np.random.default_rng(seed)
    codes, widths = levels(pattern, rng)
    n, start, factors = len(codes[0]), 0, []
    z = rng.normal(size=(n, sum(widths)))
    y = 3 + rng.normal(size=n)
    for code, k in zip(codes, widths, strict=True):
        number = np.unique(code, return_inverse=True)[1].astype(np.int32)
        z[:, start] = 1.0
        y += rng.normal(size=number.max() + 1)[number]
        factors.append(FactorRows(number, int(number.max()) + 1, slice(start, start + k)))
        start += k
    rows = CrossedRows(
        x=np.column_stack([np.ones(n), rng.normal(size=n)]),
        z=z,
        precision=rng.uniform(0.5, 2, n),
        weights=np.ones(n),
        factors=tuple(factors),
        strata=rng.integers(0, n_strata, n).astype(np.int32) if n_strata > 1 else None,
        n_strata=n_strata,
    )
    return Model(y, rows, BlockDiagonal(tuple(Unstructured(k) for k in widths)))


def objective_of(model: Model, residual: ResidualVariance, reml: bool, rows: CrossedRows | None = None) -> Objective:
    """Take a model to its objective; ``rows`` may have other weights than the model's own."""
    known = residual is ResidualVariance.KNOWN
    full = model.rows
    coordinates = choose_coordinates(model.y, full.x, full.z, full.precision, model.covariance, known)
    products = reduce_rows(model.y, full if rows is None else rows, coordinates)
    return Objective.of(products, model.covariance, residual, reml)


@dataclass(frozen=True)
class Dense:
    """Minus the log-likelihood, and z'Cz of every row in units of the working error variance."""

    value: float
    leverage: FloatArray
    inverse: FloatArray


def dense_at(objective: Objective, model: Model, x: FloatArray) -> Dense:
    """Evaluate the model by dense algebra at the same variance parameters."""
    coordinates, q, rows = objective.products.coordinates, model.covariance.n_parameters, model.rows
    scale = objective.at(x).profile.scale
    gamma = scale * coordinates.effects @ model.covariance.covariance(x[:q]).gamma @ coordinates.effects.T
    factor = np.exp(x[q:])[rows.strata] if rows.strata is not None else 1.0
    random = sum(
        (rows.z[:, f.columns] @ gamma[f.columns, f.columns] @ rows.z[:, f.columns].T) * (f.codes[:, None] == f.codes)
        for f in rows.factors
    )
    sigma = random + np.diag(scale * coordinates.variance * factor / rows.precision)
    inverse = np.linalg.inv(sigma)
    information = rows.x.T @ inverse @ rows.x
    r = model.y - rows.x @ np.linalg.solve(information, rows.x.T @ inverse @ model.y)
    n, p = rows.x.shape
    value = 0.5 * (r @ inverse @ r + np.linalg.slogdet(sigma)[1] + n * np.log(2 * np.pi))
    if objective.criterion.reml:
        value += 0.5 * np.linalg.slogdet(information)[1] - 0.5 * p * np.log(2 * np.pi)
    return Dense(float(value), np.diag(random - random @ inverse @ random) / scale, inverse)
