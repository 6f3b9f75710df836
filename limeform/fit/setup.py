"""A design made ready for the likelihood: rows, structures and sufficient statistics."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limeform.covariance import STRUCTURES, BlockDiagonal
from limeform.design import Design
from limeform.fit.rows import crossed_rows, grouped_rows
from limeform.fit.spread import check_spread
from limeform.likelihood import (
    CrossedProducts,
    CrossedRows,
    CrossProducts,
    ResidualVariance,
    Rows,
    choose_coordinates,
    make_cells,
    reduce_rows,
)

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Setup:
    """A design made ready for the likelihood.

    Attributes
    ----------
    rows : Rows
        Columns, precisions, weights and cells.
    covariance : BlockDiagonal
        Structures of the random effects.
    residual : ResidualVariance
        What is known of the error variances.
    products : CrossProducts
        Sufficient statistics of the response.
    """

    rows: Rows | CrossedRows
    covariance: BlockDiagonal
    residual: ResidualVariance
    products: CrossProducts | CrossedProducts


def prepare(design: Design) -> Setup:
    """Reduce a design to sufficient statistics.

    Parameters
    ----------
    design : Design
        Arrays of the model.

    Returns
    -------
    Setup

    Raises
    ------
    DataError
        If the fixed effects reproduce the response exactly and the residual variance is unknown.
    """
    y, errors, known = design.shifted, design.errors, design.errors.variance is not None
    covariance = BlockDiagonal(
        tuple(STRUCTURES[term.covariance](len(term.names)) for factor in design.factors for term in factor.terms)
    )
    rows = crossed_rows(design) if len(design.factors) > 1 else grouped_rows(design)
    coordinates = choose_coordinates(y, rows.x, rows.z, rows.precision, covariance, known)
    residual = ResidualVariance.STRATA if errors.strata is not None else ResidualVariance.SHARED
    setup = Setup(
        rows=rows,
        covariance=covariance,
        residual=ResidualVariance.KNOWN if known else residual,
        products=reduce_rows(y, rows, coordinates),
    )
    check_spread(setup, y, repr(design.response))
    return setup


def with_common_variance(setup: Setup, y: FloatArray) -> Setup:
    """Return the model with one residual variance in place of one per stratum; ``y`` is the response less offset."""
    rows: Rows | CrossedRows
    if isinstance(setup.rows, CrossedRows):
        rows = replace(setup.rows, strata=None, n_strata=1)
    else:
        cells = setup.rows.cells
        rows = replace(setup.rows, cells=make_cells(cells.group[cells.codes], cells.n_groups, None, 1))
    products = reduce_rows(y, rows, setup.products.coordinates)
    return replace(setup, rows=rows, residual=ResidualVariance.SHARED, products=products)


def start_at(setup: Setup, gamma: FloatArray, residual_variance: FloatArray) -> FloatArray:
    """Return variances in the units of the data as the variables of a fit that profiles the mean out.

    Parameters
    ----------
    setup : Setup
        The model.
    gamma : ndarray, shape (k, k)
        Covariance of the random effects.
    residual_variance : ndarray, shape (s,)
        One a stratum; ones where the sampling variances are known.

    Returns
    -------
    ndarray, shape (q,)
    """
    coordinates = setup.products.coordinates
    back = np.linalg.inv(coordinates.effects) if setup.covariance.size else np.zeros((0, 0))
    own = back @ gamma @ back.T
    variances = residual_variance / coordinates.variance
    if setup.residual is ResidualVariance.STRATA:
        return np.concatenate([setup.covariance.parameters(own), np.log(np.maximum(variances, 1e-12))])
    return setup.covariance.parameters(own / variances[0])
