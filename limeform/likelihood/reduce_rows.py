"""Rows to sufficient statistics, with one grouping factor or several."""

from __future__ import annotations

from limeform.likelihood.batched import FloatArray
from limeform.likelihood.coordinates import Coordinates
from limeform.likelihood.crossed.assemble import crossed_products, with_crossed_response
from limeform.likelihood.crossed.statistics import CrossedProducts, CrossedRows
from limeform.likelihood.crossproducts import CrossProducts, Rows, cross_products, with_response


def reduce_rows(y: FloatArray, rows: Rows | CrossedRows, coordinates: Coordinates) -> CrossProducts | CrossedProducts:
    """Reduce the rows to sufficient statistics.

    Parameters
    ----------
    y : ndarray, shape (n,)
        Response less offset.
    rows : Rows or CrossedRows
        Columns, precisions, weights and levels.
    coordinates : Coordinates
        Working coordinates.

    Returns
    -------
    CrossProducts or CrossedProducts
    """
    if isinstance(rows, CrossedRows):
        return crossed_products(y, rows, coordinates)
    return cross_products(y, rows, coordinates)


def reduce_response(
    products: CrossProducts | CrossedProducts, y: FloatArray, rows: Rows | CrossedRows
) -> CrossProducts | CrossedProducts:
    """Return the statistics of another response, ``y`` less offset, on the rows that ``products`` came from."""
    if isinstance(products, CrossedProducts):
        assert isinstance(rows, CrossedRows)
        return with_crossed_response(products, y, rows)
    assert isinstance(rows, Rows)
    return with_response(products, y, rows)
