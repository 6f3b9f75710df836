"""The likelihood by dense algebra, one n x n matrix: slow, short, and independent of the package's reductions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Data:
    """A small mixed model: y (n,), x (n, p), z (n, k), groups (n,), a (n,) prior weights, strata (n,)."""

    y: FloatArray
    x: FloatArray
    z: FloatArray
    groups: NDArray[np.int32]
    precision: FloatArray
    strata: NDArray[np.int32]


def make_data(seed: int, n: int = 40, m: int = 8, p: int = 3, k: int = 2, s: int = 3) -> Data:
    """Draw a data set with uneven groups; some groups have a single row."""
    rng = np.random.default_rng(seed)
    groups = np.concatenate([np.arange(m), rng.integers(0, m // 2, n - m)]).astype(np.int32)
    x = rng.normal(size=(n, p))
    if p:
        x[:, 0] = 1.0
    z = rng.normal(size=(n, k))
    if k:
        z[:, 0] = 1.0
    return Data(
        y=3 + rng.normal(size=n) * 2 + rng.normal(size=m)[groups],
        x=x,
        z=z,
        groups=groups,
        precision=rng.uniform(0.3, 3, n),
        strata=rng.integers(0, s, n).astype(np.int32),
    )


def minus_log_likelihood(
    data: Data, gamma: FloatArray, error_variance: FloatArray, reml: bool
) -> tuple[float, FloatArray]:
    """Return -log L at given Gamma and error variances (n,), and the fixed effects that minimise it."""
    same = data.groups[:, None] == data.groups
    sigma = (data.z @ gamma @ data.z.T) * same + np.diag(error_variance)
    inverse = np.linalg.inv(sigma)
    information = data.x.T @ inverse @ data.x
    beta = np.linalg.solve(information, data.x.T @ inverse @ data.y)
    r = data.y - data.x @ beta
    n, p = data.x.shape
    value = 0.5 * (r @ inverse @ r + np.linalg.slogdet(sigma)[1] + n * np.log(2 * np.pi))
    if reml:
        value += 0.5 * np.linalg.slogdet(information)[1] - 0.5 * p * np.log(2 * np.pi)
    return float(value), beta
