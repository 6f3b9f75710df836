"""Responses that a model reproduces exactly, refused: an unknown residual variance would be zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from limeform.errors import DataError
from limeform.likelihood import (
    CrossProducts,
    ResidualVariance,
)
from limeform.likelihood.batched import cholesky
from limeform.likelihood.coordinates import chunks

if TYPE_CHECKING:
    from limeform.fit.setup import Setup

FloatArray = NDArray[np.float64]


def check_spread(setup: Setup, y: FloatArray, name: str) -> None:
    """Refuse a response that the model reproduces exactly, so that an unknown residual variance would be zero.

    Parameters
    ----------
    setup : Setup
        The model's statistics.
    y : ndarray, shape (n,)
        Response less offset.
    name : str
        What the message calls the response.

    Raises
    ------
    DataError
    """
    products = setup.products
    if setup.residual is ResidualVariance.KNOWN:
        return
    size = float(sum(setup.rows.precision[rows] @ y[rows] ** 2 for rows in chunks(len(y))))
    negligible = 1e-24 * size / products.coordinates.variance
    fixed = products.coordinates.excess * max(len(y) - products.n_fixed, 1) <= negligible
    if fixed or (
        isinstance(products, CrossProducts)
        and _within_residual(products) <= negligible
        and _within_degrees(products) > 0
    ):
        which = "the fixed effects reproduce" if fixed else "the fixed and random effects together reproduce"
        raise DataError(
            f"{which} the response {name} exactly (is it constant?): there is no residual variance to estimate"
        )


def _within_residual(products: CrossProducts) -> float:
    """Return the sum of squares that regression on all fixed and random columns leaves of the response."""
    within = products.within.sum(axis=2)
    columns, crossed = within[:-1, :-1], within[:-1, -1]
    small = 1e-12 * float(products.weight.sum())  # the columns are normalised: what is smaller is rounding
    best = np.linalg.solve(columns + small * np.eye(len(columns)), crossed)
    return float(within[-1, -1] - crossed @ best)


def _within_degrees(products: CrossProducts) -> int:
    """Return the number of rows less the rank of all fixed and random columns."""
    k = np.arange(len(products.gram))
    random = np.count_nonzero(cholesky(products.gram)[k, k])
    fixed = np.linalg.matrix_rank(products.within[:-1, :-1].sum(axis=2), tol=1e-10)
    return int(products.weight.sum()) - int(random) - int(fixed)
