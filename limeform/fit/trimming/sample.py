"""A sample of the rows of large data, on which starts are ranked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from limeform.fit.trimming.steps import Search
from limeform.likelihood.crossproducts import Rows, make_cells

SAMPLE = 5_000
"""Rows in the sample, at least."""


def sampled(search: Search, rng: np.random.Generator) -> Search:
    """Return the search on a random sample of the rows."""
    rows = search.setup.rows
    assert isinstance(rows, Rows)
    cells = rows.cells
    group = cells.group[cells.codes]
    sizes = np.bincount(group, minlength=cells.n_groups)
    order = rng.permutation(cells.n_groups)
    chosen = order[: int(np.searchsorted(np.cumsum(sizes[order]), SAMPLE)) + 1]
    index = np.flatnonzero(np.isin(group, chosen))
    if search.groups is None and len(index) > 2 * SAMPLE:
        index = np.sort(rng.choice(index, SAMPLE, replace=False))
    levels, renumbered = np.unique(group[index], return_inverse=True)
    codes = np.asarray(renumbered.ravel(), dtype=np.int32)
    always = search.always[index] if search.groups is None else search.always[levels]
    share = (search.h - search.always.sum()) / max(int((~search.always).sum()), 1)
    part = Rows(
        x=rows.x[index],
        z=rows.z[index],
        precision=rows.precision[index],
        weights=rows.weights[index],
        cells=make_cells(codes, len(levels), None, 1),
    )
    return replace(
        search,
        setup=replace(search.setup, rows=part),
        y=search.y[index],
        h=int(always.sum()) + max(1, round(share * int((~always).sum()))),
        always=always,
        groups=None if search.groups is None else codes,
    )
