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
NEGATIVE = 1e-7
"""A coefficient that is below its limit by less than this part of the largest is not."""
HALVINGS = 4
REAL = 1e-6
"""Roots of polynomials with a smaller imaginary part, relative to the piece, are real."""


def lowest_places(shape: CurvedShape, beta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return where the derivative that a shape is about is lowest within the segments, and how far above its limit.

    Parameters
    ----------
    shape : CurvedShape
        The shape; the derivative is taken with its sign.
    beta : ndarray, shape (p,)
        Parameters of the mean.

    Returns
    -------
    tuple of ndarray, each shape (places,)
        Places, which are the inner minima, and values less the limit, in units of the largest such at the knots.
    """
    basis = spline_of(shape.curve)
    left = np.maximum(basis.breaks[:-1], shape.low)
    right = np.minimum(basis.breaks[1:], shape.high)
    left, right = left[right > left], right[right > left]
    coefficients = shape.sign * shape.curve.lift(len(beta)) @ beta
    derivatives = [shape.curve.rows(left, shape.order + k) for k in range(basis.degree - shape.order + 1)]
    taylor = np.column_stack([rows @ coefficients / factorial(k) for k, rows in enumerate(derivatives)])
    taylor[:, 0] -= shape.limit
    terms = np.abs(derivatives[0]) @ np.abs(coefficients) + abs(shape.limit)
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
    """Return rows (m, p) on the parameters of the mean: the derivative at places, to be at least the limit."""
    return np.asarray(shape.sign * shape.curve.rows(places, shape.order) @ shape.curve.lift(p))


def cut_at(restrictions: Restrictions, breaks: Sequence[FloatArray]) -> Restrictions:
    """Return the restrictions with the pieces of each shape of ``shapes`` cut at its breaks."""
    members = [shape.member for shape in restrictions.shapes]
    affine, p = restrictions.affine.take(~np.isin(restrictions.affine.members, members)), restrictions.n_mean
    for shape, places in zip(restrictions.shapes, breaks, strict=True):
        rows = _coefficient_rows(shape, places) @ shape.curve.lift(p)
        rows = shape.sign * rows[rows.any(axis=1)]
        affine = AffineRows(
            np.vstack([affine.matrix, np.hstack([rows, np.zeros((len(rows), affine.matrix.shape[1] - p))])]),
            np.concatenate([affine.lower, np.full(len(rows), shape.limit)]),
            np.concatenate([affine.upper, np.full(len(rows), np.inf)]),
            np.concatenate([affine.members, np.full(len(rows), shape.member)]),
        )
    return replace(restrictions, affine=affine)


def with_negative_coefficients(shape: CurvedShape, places: FloatArray, beta: FloatArray) -> FloatArray:
    """Return places, and where pieces cut there still have coefficients below the limit, though no value is.

    Parameters
    ----------
    shape : CurvedShape
        The shape.
    places : ndarray
        Where its pieces are cut.
    beta : ndarray, shape (p,)
        Parameters at which the shape holds.

    Returns
    -------
    ndarray
        The places, and others, so that pieces cut at them have no such coefficients or have been cut `HALVINGS` times.
    """
    for _ in range(HALVINGS):
        sites = spline_of(shape.curve).sign_sites(shape.order, shape.low, shape.high, places)
        own = shape.sign * _coefficient_rows(shape, places)[: len(sites)] @ shape.curve.lift(len(beta)) @ beta
        own -= shape.limit
        below = own < -NEGATIVE * np.abs(own).max(initial=0.0)
        if not below.any():
            break
        places = np.union1d(places, sites[below])
    return places


def _coefficient_rows(shape: CurvedShape, places: FloatArray) -> FloatArray:
    """Return rows (m, K) of the coefficients of the derivative on pieces cut at places."""
    basis, curve = spline_of(shape.curve), shape.curve
    rows = basis.sign_rows(shape.order, shape.low, shape.high, places)
    if shape.order == 0 and curve.free:
        rows = rows - basis.values([basis.lower if curve.zero is None else curve.zero])
    return rows
