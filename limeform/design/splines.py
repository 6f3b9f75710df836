"""B-spline bases with linear continuation: values, derivatives, averages over intervals, and exact conditions on signs.

All numbers come from `scipy.interpolate.BSpline`. A linear tail is the tangent at the outermost interior knot, so a
curve with one is linear beyond that knot and has one coefficient fewer for it; beyond its bounds every curve goes on
along its tangent in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.interpolate import BSpline

from limeform.errors import OptionError

FloatArray = NDArray[np.float64]

NEAREST = 1e-5
"""Cuts of pieces that are nearer to each other than this part of the domain count as one."""

REFINED = 4
"""Pieces that a segment is cut into for conditions on a derivative of degree two and more: the coefficients on shorter
pieces are closer to its values, so that less is asked for than a derivative of one sign."""


@dataclass(frozen=True, eq=False)
class SplineBasis:
    """A B-spline basis of K functions that sum to one everywhere.

    Parameters
    ----------
    interior : array (j,)
        Interior knots, increasing, strictly within the bounds; in the units of the exposure.
    lower, upper : float
        Bounds of the data; beyond them every function continues along its tangent.
    degree : int
        Degree of the pieces, 0 to 5.
    linear_left, linear_right : bool
        Whether the outermost segment is linear.

    Examples
    --------
    >>> basis = SplineBasis(np.array([2.0]), 0.0, 4.0, degree=1)
    >>> basis.values([1.0, 2.0, 6.0])
    array([[ 0.5,  0.5,  0. ],
           [ 0. ,  1. ,  0. ],
           [ 0. , -1. ,  2. ]])
    """

    interior: FloatArray
    lower: float
    upper: float
    degree: int = 3
    linear_left: bool = False
    linear_right: bool = False

    @cached_property
    def breaks(self) -> FloatArray:
        """Ends of the curved segments: bounds and knots that are not beyond a linear tail; shape (segments + 1,)."""
        all_knots = np.concatenate([[self.lower], self.interior, [self.upper]])
        return all_knots[int(self.linear_left) : len(all_knots) - int(self.linear_right)]

    @property
    def size(self) -> int:
        """Number of functions K."""
        return len(self.breaks) - 1 + self.degree

    @cached_property
    def sites(self) -> FloatArray:
        """Where each function is centred, shape (K,): means of its knots (Greville's abscissae).

        The curve whose coefficients are the values of a function there is increasing, convex or positive where the
        function is (Schoenberg 1967).
        """
        d = self.degree
        if d == 0:
            return np.asarray((self.breaks[:-1] + self.breaks[1:]) / 2)
        means = sliding_window_view(self._spline.t, d)[1:-1].mean(axis=1)
        return np.asarray(np.clip(means, self.breaks[0], self.breaks[-1]))

    @cached_property
    def _spline(self) -> BSpline:
        d = self.degree
        ends = np.repeat(self.breaks[0], d), np.repeat(self.breaks[-1], d)
        return BSpline(np.concatenate([ends[0], self.breaks, ends[1]]), np.eye(self.size), d)

    def values(self, x: ArrayLike, derivative: int = 0) -> FloatArray:
        """Return the functions or their derivatives at points.

        Parameters
        ----------
        x : array (n,)
            Exposures.
        derivative : int
            Order of the derivative. At a knot where it jumps, the value to the right.

        Returns
        -------
        ndarray, shape (n, K)
        """
        points = np.atleast_1d(np.asarray(x, dtype=np.float64))
        inside = np.clip(points, self.breaks[0], self.breaks[-1])
        result = self._inside(inside, derivative)
        beyond = points - inside
        out = beyond != 0
        if out.any():
            if derivative == 0:
                result[out] += beyond[out, None] * self._inside(inside[out], 1)
            elif derivative > 1:
                result[out] = 0.0
        return result

    def averages(self, low: ArrayLike, high: ArrayLike) -> FloatArray:
        """Return the averages of the functions over intervals, exact up to rounding; shape (n, K).

        Parameters
        ----------
        low, high : array (n,)
            Ends of the intervals; where both are equal the average is the value.
        """
        low, high = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
        # A function is a polynomial between breaks, and linear beyond: Gauss' rule with enough nodes is exact there.
        nodes, weights = np.polynomial.legendre.leggauss((self.degree + 2) // 2)
        edges = np.concatenate([[-np.inf], self.breaks, [np.inf]])
        left = np.maximum(low[:, None], edges[:-1])
        width = np.clip(np.minimum(high[:, None], edges[1:]) - left, 0.0, None)
        total = np.where(high > low, high - low, 1.0)
        row, segment = np.nonzero(width)
        start, share = left[row, segment], width[row, segment]
        at = start[:, None] + share[:, None] * (nodes + 1) / 2
        weight = (share / total[row])[:, None] * weights / 2
        pointers = np.repeat(row, len(nodes)), np.arange(at.size)
        spread = sparse.csr_matrix((weight.ravel(), pointers), shape=(len(low), at.size))
        # A node that rounding has moved across a break is put back into its own segment.
        result = np.asarray(spread @ self.values(at.ravel())) if at.size else np.zeros((len(low), self.size))
        same = high <= low
        if same.any():
            result[same] = self.values(low[same])
        return result

    def sign_rows(self, order: int, low: float, high: float, breaks: ArrayLike = ()) -> FloatArray:
        """Return rows R such that R c >= 0 makes the derivative of the curve of coefficients c nonnegative on a domain.

        The rows are the B-spline coefficients of that derivative on the domain. Where the derivative is piecewise
        constant or linear they are its values at the ends of its pieces, and the condition is necessary, too.

        Parameters
        ----------
        order : int
            0 for a positive curve, 1 for an increasing, 2 for a convex one.
        low, high : float
            Ends of the domain; may be infinite.
        breaks : array, optional
            Where the pieces are cut besides: at a point where the derivative touches zero without changing its sign
            this takes away what the conditions ask for too much.

        Returns
        -------
        ndarray, shape (rows, K)

        Raises
        ------
        OptionError
            If the degree is too low for the condition to have a meaning.
        """
        if order > self.degree + 1:
            raise OptionError(f"a curve of degree {self.degree} cannot be convex or concave; give a higher degree=")
        pieces = REFINED if self.degree - order > 1 else 1
        if order > self.degree:
            rows = self._jump_rows(order, low, high)
        else:
            rows = self._coefficient_rows(order, low, high, pieces, np.asarray(breaks, dtype=np.float64))
        return np.vstack([rows, self._tail_rows(order, low, high)])

    def sign_sites(self, order: int, low: float, high: float, breaks: ArrayLike = ()) -> FloatArray:
        """Return where the coefficients are centred that the first of the rows of `sign_rows` give; shape (m,)."""
        pieces = REFINED if self.degree - order > 1 else 1
        return self._refined(self.degree - order, low, high, pieces, np.asarray(breaks, dtype=np.float64))[1]

    def segment_middles(self, low: float, high: float) -> FloatArray:
        """Return the middle of every curved segment that meets the open domain, clipped to it."""
        left, right = np.maximum(self.breaks[:-1], low), np.minimum(self.breaks[1:], high)
        return (left + right)[right > left] / 2

    def coefficient_rows(self, order: int, low: float, high: float) -> FloatArray:
        """Return the rows of the B-spline coefficients of a derivative on the part of a domain that is curved."""
        return self._coefficient_rows(order, low, high)

    def _inside(self, x: FloatArray, derivative: int) -> FloatArray:
        if derivative > self.degree:
            return np.zeros((len(x), self.size))
        result = self._spline(x, nu=derivative) if len(x) else np.zeros((0, self.size))
        return np.array(result, dtype=np.float64)

    def _coefficient_rows(
        self, order: int, low: float, high: float, pieces: int = 1, breaks: ArrayLike = ()
    ) -> FloatArray:
        """Refine the derivative's knots at the ends of the domain and within segments; read its coefficients there."""
        q = self.degree - order
        knots, sites = self._refined(q, low, high, pieces, breaks)
        if q == 0 or not len(knots):
            return self._inside(sites, order)
        here = BSpline.design_matrix(sites, knots, q).toarray()
        rows = np.linalg.solve(here, self._inside(sites, order))
        return np.where(np.abs(rows) > 1e-12 * np.abs(rows).max(initial=0.0), rows, 0.0)

    def _refined(
        self, q: int, low: float, high: float, pieces: int, breaks: ArrayLike
    ) -> tuple[FloatArray, FloatArray]:
        """Return knots of degree q for the domain, and where each coefficient is centred."""
        low, high = max(low, self.breaks[0]), min(high, self.breaks[-1])
        if not low < high:
            return np.zeros(0), np.zeros(0)
        ends = np.concatenate([[low], self.breaks[(self.breaks > low) & (self.breaks < high)], [high]])
        inner = (ends[:-1, None] + np.diff(ends)[:, None] * np.arange(pieces) / pieces).ravel()[1:]
        inner = _cut(inner, np.asarray(breaks, dtype=np.float64), (low, high), max(q - 1, 1))
        knots = np.concatenate([np.repeat(low, q + 1), inner, np.repeat(high, q + 1)])
        if q == 0:
            return knots, (knots[:-1] + knots[1:]) / 2
        sites = sliding_window_view(knots, q)[1:-1].mean(axis=1)
        sites[0], sites[-1] = low, high
        return knots, sites

    def _jump_rows(self, order: int, low: float, high: float) -> FloatArray:
        """Return the jumps, at the knots within the domain, of the derivative below the one that does not exist."""
        middles = (self.breaks[:-1] + self.breaks[1:]) / 2
        steps = np.diff(self._inside(middles, order - 1), axis=0)
        knots = self.breaks[1:-1]
        return np.asarray(steps[(knots > low) & (knots < high)], dtype=np.float64)

    def _tail_rows(self, order: int, low: float, high: float) -> FloatArray:
        """Return what a domain that reaches beyond the breaks adds: value there and slope of the tangent."""
        rows = []
        for end, beyond, outwards in ((self.breaks[0], low, -1.0), (self.breaks[-1], high, 1.0)):
            if (beyond - end) * outwards <= 0:
                continue
            other = high if outwards < 0 else low
            near = end if (other - end) * outwards < 0 else other
            if order == 0:
                rows += [self.values([near])[0], *([self.values([beyond])[0]] if np.isfinite(beyond) else [])]
            elif order == 1 and self.degree >= 1:
                rows.append(self.values([near], 1)[0])
        return np.array(rows).reshape(len(rows), self.size)


def _cut(inner: FloatArray, places: FloatArray, ends: tuple[float, float], times: int) -> FloatArray:
    """Add places to inner knots so often that coefficients on both sides of a double zero there are nonnegative."""
    near = NEAREST * (ends[1] - ends[0])
    for place in places[(places > ends[0] + near) & (places < ends[1] - near)]:
        known = inner[np.abs(inner - place) <= near]
        at = known[np.argmin(np.abs(known - place))] if len(known) else place
        # Knots beside it may be as near: only those at the place itself count.
        missing = max(times - int((inner == at).sum()), 0)
        inner = np.sort(np.append(inner, np.repeat(at, missing)))
    return inner
