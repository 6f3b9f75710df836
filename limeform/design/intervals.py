"""Exposures that are points, or intervals over which a curve is averaged."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limeform.design.splines import SplineBasis
from limeform.errors import DataError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Exposure:
    """Where a curve is evaluated, row by row.

    Attributes
    ----------
    low, high : ndarray, shape (n,)
        Ends of the interval that the curve is averaged over; equal for a point.
    """

    low: FloatArray
    high: FloatArray

    def rows(self, basis: SplineBasis) -> FloatArray:
        """Return the average of each basis function over each exposure, shape (n, K)."""
        return basis.averages(self.low, self.high)

    @property
    def ends(self) -> FloatArray:
        """Both ends of all exposures, points once."""
        return np.concatenate([self.low, self.high[self.high > self.low]])

    @property
    def middle(self) -> FloatArray:
        """Middle of each exposure, shape (n,)."""
        return (self.low + self.high) / 2

    @property
    def distinct(self) -> int:
        """Number of different exposures."""
        return len(np.unique(np.column_stack([self.low, self.high]), axis=0))


def interval(low: object, high: object) -> Exposure:
    """Return exposures that are ranges: in a formula, ``bspline(interval(low, high), knots=3)``.

    Parameters
    ----------
    low, high : column, or a number for all rows
        Ends of the range of each row; where they are equal the exposure is a point.

    Returns
    -------
    Exposure

    Raises
    ------
    DataError
        If an end is missing or infinite, or the lower one lies above the upper one; the rows are named.
    """
    lower, upper = _numbers(low, "the lower end of interval()"), _numbers(high, "the upper end of interval()")
    n = max(len(lower), len(upper))
    lower, upper = np.broadcast_to(lower, n).copy(), np.broadcast_to(upper, n).copy()
    index = next((end.index for end in (low, high) if isinstance(end, pd.Series)), pd.RangeIndex(n))
    for end, word, extreme in ((lower, "lower", "smallest"), (upper, "upper", "largest")):
        advice = (
            f"a curve cannot be averaged over a range that has no end: put in the {extreme} exposure that is meant, "
            "for example with data[column].replace([-np.inf, np.inf], value) or .fillna(value)"
        )
        _refuse(~np.isfinite(end), index, f"the {word} end of interval() is open (missing or infinite)", advice)
    _refuse(lower > upper, index, "the lower end of interval() lies above the upper one", "exchange or correct them")
    return Exposure(lower, upper)


def advice_on_open_ends(formula: str, missing: Iterable[str]) -> str:
    """Return what to do about missing values in the ends of ranges; nothing if there are none.

    Parameters
    ----------
    formula : str
        The formula.
    missing : iterable of str
        Columns with missing values.

    Examples
    --------
    >>> advice_on_open_ends("y ~ bspline(interval(a, b), 3)", ["b", "y"])
    'b: an open-ended range: put in the largest exposure that is meant'
    """
    ends: set[str] = set()
    for inside in re.findall(r"\binterval\s*\(((?:[^()]|\([^()]*\))*)\)", formula):
        ends.update(re.findall(r"`([^`]+)`", inside))
        ends.update(re.findall(r"[^\W\d]\w*", inside))
    open_ended = [name for name in missing if name in ends]
    if not open_ended:
        return ""
    return f"{', '.join(open_ended)}: an open-ended range: put in the largest exposure that is meant"


def as_exposure(x: object, n: int | None = None) -> Exposure:
    """Return a column, a number or an interval as exposures, repeated ``n`` times if it is a number."""
    if isinstance(x, Exposure):
        values = x
    else:
        points = _numbers(x, "the exposure")
        values = Exposure(points, points)
    if n is not None and len(values.low) == 1 and n != 1:
        return Exposure(np.repeat(values.low, n), np.repeat(values.high, n))
    return values


def _numbers(values: object, what: str) -> FloatArray:
    if np.asarray(values).dtype.kind in "mM":
        raise DataError(f"{what} is a date or a time span, not a number: give for example the days since a day")
    try:
        array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise DataError(f"{what} is not numeric: {error}") from error
    if array.ndim != 1:
        raise DataError(f"{what} has several columns; give one")
    return array


def _refuse(bad: NDArray[np.bool_], index: pd.Index, what: str, advice: str) -> None:
    if bad.any():
        rows = ", ".join(str(label) for label in index[np.flatnonzero(bad)[:5]]) + (", ..." if bad.sum() > 5 else "")
        raise DataError(f"{what} in {int(bad.sum())} rows ({rows}): {advice}")
