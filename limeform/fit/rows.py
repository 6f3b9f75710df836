"""From a design to the rows that the likelihood takes, with one grouping factor or several."""

from __future__ import annotations

import numpy as np

from limeform.design import Design
from limeform.likelihood import CrossedRows, FactorRows, Rows, make_cells


def grouped_rows(design: Design) -> Rows:
    """Return the rows of a design with one grouping factor, or none."""
    n, random, errors = len(design.y), design.random, design.errors
    codes = np.zeros(n, np.int32) if random is None else random.codes
    m = 1 if random is None else len(random.levels)
    return Rows(
        x=design.x,
        z=np.zeros((n, 0)) if random is None else random.z,
        precision=errors.precision,
        weights=np.broadcast_to(1.0, n),
        cells=make_cells(codes, m, errors.strata, max(len(errors.strata_levels), 1)),
    )


def crossed_rows(design: Design) -> CrossedRows:
    """Return the rows of a design with several grouping factors."""
    stops = np.cumsum([factor.z.shape[1] for factor in design.factors])
    factors = tuple(
        FactorRows(factor.codes, len(factor.levels), slice(int(stop) - factor.z.shape[1], int(stop)))
        for factor, stop in zip(design.factors, stops, strict=True)
    )
    return CrossedRows(
        x=design.x,
        z=np.hstack([factor.z for factor in design.factors]),
        precision=design.errors.precision,
        weights=np.broadcast_to(1.0, len(design.y)),
        factors=factors,
        strata=design.errors.strata,
        n_strata=max(len(design.errors.strata_levels), 1),
    )
