"""Where a derivative of a curve touches zero: cutting its pieces there makes the conditions of a shape exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import factorial

import numpy as np
from numpy.typing import NDArray

from limeform.design.curves import spline_of
from limeform.restrict.rows import AffineRows, CurvedShape, Restrictions

FloatArray = NDArray[np.float64]
ROUNDING = 1e-6
"""A derivative smaller than this part of the terms that it is the sum of counts as zero: the curve is flat."""
REAL = 1e-6
"""Roots of polynomials with a smaller imaginary part, relative to the piece, are real."""


def lowest_places(shape: CurvedShape, beta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return where the derivative that a shape is about is lowest within the segments, and how low it is there.

    Parameters
    ----------
    shape : CurvedShape
        The shape; the derivative is taken with its sign.
    beta : ndarray, shape (p,)
        Parameters of the mean.

    Returns
    -------
    tuple of ndarray, each shape (places,)
        Places, which are the inner minima, and values in units of the largest absolute value at the knots.
    """
    basis = spline_of(shape.curve)
    left = np.maximum(basis.breaks[:-1], shape.low)
    right = np.minimum(basis.breaks[1:], shape.high)
    left, right = left[right > left], right[right > left]
    coefficients = shape.sign * shape.curve.lift(len(beta)) @ beta
    derivatives = [basis.values(left, shape.order + k) for k in range(basis.degree - shape.order + 1)]
    taylor = np.column_stack([rows @ coefficients / factorial(k) for k, rows in enumerate(derivatives)])
    terms = np.abs(derivatives[0]) @ np.abs(coefficients)
    size = max(float(np.abs(taylor[:, 0]).max(initial=0.0)), ROUNDING * float(terms.max(initial=0.0)), 1e-300)
    places, values = [], []
    for start, stop, own in zip(left, right, taylor, strict=True):
        polynomial = np.polynomial.Polynomial(own)
        roots = polynomial.deriv().roots()
        width = stop - start
        inside = roots.real[(np.abs(roots.imag) < REAL * width) & (roots.real > 0) & (roots.real < width)]
        places += (start + inside).tolist()
        values += (polynomial(inside) / size).tolist()
    return np.array(places), np.array(values)


def rows_at(shape: CurvedShape, places: FloatArray, p: int) -> FloatArray:
    """Return rows (m, p) on the parameters of the mean: the derivative at places, to be nonnegative."""
    return np.asarray(shape.sign * spline_of(shape.curve).values(places, shape.order) @ shape.curve.lift(p))


def cut_at(restrictions: Restrictions, breaks: Sequence[FloatArray]) -> Restrictions:
    """Return the restrictions with the pieces of each shape of ``shapes`` cut at its breaks."""
    affine, p = restrictions.affine, restrictions.n_mean
    for shape, places in zip(restrictions.shapes, breaks, strict=True):
        own = affine.members == shape.member
        rows = spline_of(shape.curve).sign_rows(shape.order, shape.low, shape.high, places) @ shape.curve.lift(p)
        rows = shape.sign * rows[rows.any(axis=1)]
        kept = affine.take(~own)
        affine = AffineRows(
            np.vstack([kept.matrix, np.hstack([rows, np.zeros((len(rows), affine.matrix.shape[1] - p))])]),
            np.concatenate([kept.lower, np.zeros(len(rows))]),
            np.concatenate([kept.upper, np.full(len(rows), np.inf)]),
            np.concatenate([kept.members, np.full(len(rows), shape.member)]),
        )
    return replace(restrictions, affine=affine)
