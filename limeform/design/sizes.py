"""Values whose squares are no longer floating-point numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from limeform.errors import DataError

FloatArray = NDArray[np.float64]

LARGEST = 1e70
"""Above this size, and below one over it, products of squares leave the range of float64."""


def refuse_sizes(columns: FloatArray, names: Sequence[str]) -> None:
    """Raise a `DataError` for the first column, of shape (n, k), that is too large or too small but for zero.

    Examples
    --------
    >>> refuse_sizes(np.full((2, 1), 1e200), ["x"])
    Traceback (most recent call last):
    limeform.errors.DataError: x has values of size 1e+200, whose squares are out of the range of ...
    """
    for name, size in zip(names, _size(columns), strict=True):
        if size and not 1 / LARGEST < size < LARGEST:
            raise DataError(
                f"{name} has values of size {size:.1g}, whose squares are out of the range of floating-point numbers: "
                "measure it in other units"
            )


def _size(columns: FloatArray) -> FloatArray:
    """Return the root mean square of each column, or where that is out of range its largest absolute value."""
    with np.errstate(over="ignore"):
        size = np.sqrt(np.einsum("ij,ij->j", columns, columns) / max(len(columns), 1))
    for j in np.flatnonzero(~np.isfinite(size) | (size < 1 / LARGEST)):
        size[j] = np.abs(columns[:, j]).max(initial=0.0)
    return np.asarray(size, dtype=np.float64)
