"""From what the user says about knots, and the exposures, to a basis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limeform.design.splines import SplineBasis
from limeform.errors import OptionError

FloatArray = NDArray[np.float64]

DEGREES = range(6)


@dataclass(frozen=True)
class KnotChoice:
    """What the user said about the knots: their number or positions, and how they are placed.

    Parameters
    ----------
    knots : int or array
        Number of interior knots; or their positions, or fractions.
    placement : str
        One of `PLACEMENTS`.
    """

    knots: int | ArrayLike
    placement: str = "quantile"

    def positions(self, x: FloatArray, lower: float, upper: float) -> FloatArray:
        """Return the interior knots for exposures ``x``, checked.

        Raises
        ------
        OptionError
            If knots are unsorted, equal, or not within the bounds.
        """
        if self.placement not in PLACEMENTS:
            raise OptionError(f"placement={self.placement!r}: give one of {', '.join(map(repr, PLACEMENTS))}")
        given = self._numbers()
        if given.ndim == 0:
            knots = self._by_number(given, x, lower, upper)
        elif self.placement in ("fraction", "range"):
            if not ((given > 0) & (given < 1)).all():
                raise OptionError(f"knots={given.tolist()}: fractions lie between 0 and 1")
            knots = np.quantile(x, given) if self.placement == "fraction" else lower + (upper - lower) * given
        else:
            knots = given
        return _checked(knots, lower, upper, chosen=given.ndim == 0 or self.placement == "fraction")

    def _numbers(self) -> FloatArray:
        try:
            given = np.asarray(self.knots, dtype=np.float64)
        except (TypeError, ValueError):
            given = None
        if given is None or given.ndim > 1 or self.knots is None or isinstance(self.knots, bool):
            raise OptionError(f"knots={self.knots!r}: give a whole number of interior knots, or a list of positions")
        return given

    def _by_number(self, number: FloatArray, x: FloatArray, lower: float, upper: float) -> FloatArray:
        if number != np.floor(number) or number < 0:
            raise OptionError(f"knots={float(number):g}: give a whole number of interior knots, or a list of positions")
        shares = np.arange(1, int(number) + 1) / (int(number) + 1)
        if self.placement in ("even", "range"):
            return np.asarray(lower + (upper - lower) * shares)
        return np.asarray(np.quantile(x, shares), dtype=np.float64)


PLACEMENTS = ("quantile", "even", "fraction", "range")
"""Of a number of knots: at quantiles of the different exposures, or at equal distances. Of a list: positions, unless it
holds fractions of the exposures ("fraction") or of the distance between the bounds ("range")."""


def _checked(knots: FloatArray, lower: float, upper: float, chosen: bool) -> FloatArray:
    shown = f"knots={np.round(knots, 6).tolist()}"
    if not np.isfinite(knots).all():
        raise OptionError(f"{shown}: every knot has to be a finite number")
    if (np.diff(knots) < 0).any():
        raise OptionError(f"{shown}: give the knots in increasing order")
    equal = (np.diff(knots) <= 1e-12 * (upper - lower)).any()
    outside = ((knots <= lower) | (knots >= upper)).any()
    if chosen and (equal or outside):
        raise OptionError(
            f"{shown} are quantiles that coincide with each other or with a bound ({lower:g} to {upper:g}): "
            "give fewer knots, their positions, or placement='even'"
        )
    if equal:
        raise OptionError(f"{shown}: a knot occurs twice; leave one out")
    if outside:
        raise OptionError(f"{shown}: interior knots lie between the bounds {lower:g} and {upper:g}; see bounds=")
    return knots


def make_basis(
    x: FloatArray,
    choice: KnotChoice,
    degree: int,
    bounds: tuple[float, float] | None,
    linear_left: bool,
    linear_right: bool,
) -> SplineBasis:
    """Learn a basis from exposures.

    Parameters
    ----------
    x : ndarray, shape (n,)
        Exposures, for the bounds and for knots at quantiles.
    choice : KnotChoice
        The knots.
    degree : int
        0 to 5.
    bounds : tuple of float, or None
        Ends of the basis; the range of ``x`` if None.
    linear_left, linear_right : bool
        Linear tails.

    Returns
    -------
    SplineBasis

    Raises
    ------
    OptionError
        Where an argument cannot be used; it is named.
    """
    if degree not in DEGREES or isinstance(degree, bool):
        raise OptionError(f"degree={degree!r}: give a whole number from 0 to 5")
    if not np.isfinite(x).all():
        raise OptionError("exposures have to be finite numbers: see the rows with missing or infinite values")
    for word, given in (("linear_left", linear_left), ("linear_right", linear_right)):
        if not isinstance(given, bool | np.bool_):
            raise OptionError(f"{word}={given!r}: give True or False")
    lower, upper = (float(x.min()), float(x.max())) if bounds is None else _bounds(bounds)
    if not lower < upper:
        raise OptionError(f"all exposures are {lower:g}: a curve needs several, or bounds=")
    knots = choice.positions(np.unique(x), lower, upper)
    tails = int(bool(linear_left)) + int(bool(linear_right))
    if tails > len(knots):
        raise OptionError(f"a linear tail reaches to the outermost interior knot: {tails} need as many knots")
    if tails == 2 and len(knots) < 2:
        raise OptionError("two linear tails need two interior knots or more")
    return SplineBasis(knots, lower, upper, int(degree), bool(linear_left), bool(linear_right))


def _bounds(bounds: tuple[float, float]) -> tuple[float, float]:
    try:
        ends = np.asarray(bounds, dtype=np.float64)
    except (TypeError, ValueError):
        ends = np.zeros(0)
    if ends.shape != (2,) or not np.isfinite(ends).all() or not ends[0] < ends[1]:
        raise OptionError(f"bounds={bounds!r}: give two finite numbers, the smaller first")
    return float(ends[0]), float(ends[1])
