"""The criterion of many responses on one design at once, as a bootstrap needs it.

The formulas are those of `grouped`, `gaussian` and `derivatives`; the draws are one more axis before that of the
groups, so that a step for a hundred responses costs little more than one. Only what depends on the response is held
per draw.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limeform.likelihood.batched import FloatArray, cholesky, cholesky_definite, multiply, solve_lower, solve_upper
from limeform.likelihood.coordinates import chunks
from limeform.likelihood.crossproducts import CrossProducts, IntArray, Rows, sum_outer, working_rows
from limeform.likelihood.gaussian import Criterion, ResidualVariance

COLLINEAR = 1e-10
"""A column of which less than this share of its square is left by earlier ones is not fitted here."""


@dataclass(frozen=True)
class ManyProducts:
    """Sufficient statistics of d responses on one design with one cell a group, or of d draws of its groups.

    Attributes
    ----------
    factor : ndarray, shape (k, k, 1 or d, m)
        F, lower triangular, with S = F F'; the same for all draws, or for each.
    fixed : ndarray, shape (k, p, 1 or d, m)
        Coefficients of X on Z within groups.
    response : ndarray, shape (k, d, m)
        Coefficients of each response.
    within : ndarray, shape (d, p + 1, p + 1)
        W of [X y] for each draw.
    degrees, constant : ndarray, shape (d,)
        As in `Criterion`, for each draw.
    """

    factor: FloatArray
    fixed: FloatArray
    response: FloatArray
    within: FloatArray
    degrees: FloatArray
    constant: FloatArray

    def of(self, draws: NDArray[np.integer]) -> ManyProducts:
        """Return the statistics of some draws."""
        shared = self.factor.shape[2] == 1
        return ManyProducts(
            factor=self.factor if shared else self.factor[:, :, draws],
            fixed=self.fixed if shared else self.fixed[:, :, draws],
            response=self.response[:, draws],
            within=self.within[draws],
            degrees=self.degrees[draws],
            constant=self.constant[draws],
        )


@dataclass(frozen=True)
class ManyPoints:
    """The criterion of a draws, each at variance parameters of its own.

    Attributes
    ----------
    value : ndarray, shape (a,)
        Minus the log-likelihood; NaN where it cannot be computed.
    gradient : ndarray, shape (a, q)
        Its gradient.
    hessian : ndarray, shape (a, q, q)
        Its Hessian.
    gamma : ndarray, shape (a, k, k)
        Covariance of the random effects, working coordinates.
    beta : ndarray, shape (a, p)
        Fixed effects, working coordinates.
    inverse_root : ndarray, shape (a, p, p)
        A matrix whose product with its transpose is (X'PX)^-1.
    scale : ndarray, shape (a,)
        Common variance; ones where the sampling variances are known.
    """

    value: FloatArray
    gradient: FloatArray
    hessian: FloatArray
    gamma: FloatArray
    beta: FloatArray
    inverse_root: FloatArray
    scale: FloatArray


def many_products(products: CrossProducts, responses: FloatArray, rows: Rows, criterion: Criterion) -> ManyProducts:
    """Reduce many responses, ``responses`` less offset, shape (d, n); what does not depend on them is taken over.

    Parameters
    ----------
    products : CrossProducts
        Statistics of any response on the same design, with one cell a group and one stratum.
    responses : ndarray, shape (d, n)
        Responses less offset.
    rows : Rows
        The rows of the design.
    criterion : Criterion
        Constants of the log-likelihood.

    Returns
    -------
    ManyProducts
    """
    coordinates, cells, p = products.coordinates, rows.cells, rows.x.shape[1]
    k, m, d = products.gram.shape[0], len(cells.group), len(responses)
    factor = cholesky(products.gram)
    crossed = np.zeros((k, m, d))
    within = np.zeros((d, p + 1, p + 1))
    within[:, :p, :p] = products.within[:p, :p].sum(axis=2)
    for part in chunks(rows.x.shape[0]):
        z, v, y = _working(responses, rows, products, part)
        crossed += sum_outer(z * v[:, None], y, cells.codes[part], m)
    response = solve_upper(factor, solve_lower(factor, np.ascontiguousarray(crossed.transpose(0, 2, 1))))
    for part in chunks(rows.x.shape[0]):
        z, v, y = _working(responses, rows, products, part)
        for a in range(k):
            y -= z[:, a, None] * response[a].T[cells.codes[part]]
        moved = y * v[:, None]
        within[:, p, :p] += ((rows.x[part] @ coordinates.fixed).T @ moved).T
        within[:, p, p] += np.einsum("nd,nd->d", moved, y)
    within[:, :p, p] = within[:, p, :p]
    return ManyProducts(
        factor=factor[:, :, None],
        fixed=products.coefficients[:, :p, None],
        response=response,
        within=within,
        degrees=np.full(d, criterion.degrees),
        constant=np.full(d, criterion.constant),
    )


@dataclass(frozen=True)
class UnitProducts:
    """Sufficient statistics of each unit that a case bootstrap draws: a group, or a row where there are no groups.

    Attributes
    ----------
    factor : ndarray, shape (k, k, u)
        F of each unit.
    coefficients : ndarray, shape (k, p + 1, u)
        Coefficients of [X y] on Z.
    within : ndarray, shape (u, p + 1, p + 1)
        W of each unit.
    weight, log_precision : ndarray, shape (u,)
        Sums of the likelihood weights w, and of w ln(v / w).
    """

    factor: FloatArray
    coefficients: FloatArray
    within: FloatArray
    weight: FloatArray
    log_precision: FloatArray

    def drawn(self, chosen: NDArray[np.integer], criterion: Criterion, total: FloatArray) -> ManyProducts:
        """Return the statistics of draws of units.

        Parameters
        ----------
        chosen : ndarray of int, shape (d, u)
            Units of each draw.
        criterion : Criterion
            Constants of the fit of all units.
        total : ndarray, shape (2,)
            Sums of weight and log-precision that these constants came from.
        """
        p = self.coefficients.shape[1] - 1
        weight, log_precision = self.weight[chosen].sum(axis=1), self.log_precision[chosen].sum(axis=1)
        more, precise = weight - total[0], log_precision - total[1]
        return ManyProducts(
            factor=self.factor[:, :, chosen],
            fixed=self.coefficients[:, :p, chosen],
            response=self.coefficients[:, p, chosen],
            within=np.stack([self.within[units].sum(axis=0) for units in chosen]),
            degrees=criterion.degrees + more,
            constant=criterion.constant + 0.5 * more * np.log(2 * np.pi) - 0.5 * precise,
        )


def unit_products(products: CrossProducts, y: FloatArray, rows: Rows, units: IntArray, count: int) -> UnitProducts:
    """Reduce the rows of each unit.

    Parameters
    ----------
    products : CrossProducts
        Statistics of the fit: one cell a unit, or no random effects.
    y : ndarray, shape (n,)
        Response less offset.
    rows : Rows
        The rows of the design.
    units : ndarray of int32, shape (n,)
        Unit of each row.
    count : int
        Number of units u.

    Returns
    -------
    UnitProducts
    """
    k, columns = products.coefficients.shape[:2]
    within, weight, log_precision = np.zeros((columns, count, columns)), np.zeros(count), np.zeros(count)
    for part in chunks(len(y)):
        z, xy, v = working_rows(y, rows, products.coordinates, part)
        w = rows.weights[part]
        for a in range(k):
            xy -= z[:, a, None] * products.coefficients[a].T[units[part]]
        within += sum_outer(xy * v[:, None], xy, units[part], count)
        weight += np.bincount(units[part], w, count)
        logs = w * np.log(rows.precision[part] / products.coordinates.variance)
        log_precision += np.bincount(units[part], logs, count)
    return UnitProducts(
        factor=cholesky(products.gram) if k else np.zeros((0, 0, count)),
        coefficients=products.coefficients if k else np.zeros((0, columns, count)),
        within=np.ascontiguousarray(within.transpose(1, 0, 2)),
        weight=weight,
        log_precision=log_precision,
    )


def _working(
    responses: FloatArray, rows: Rows, products: CrossProducts, part: slice
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return Z T, the working precisions and y - X b0 of some rows; responses in columns."""
    coordinates = products.coordinates
    v = rows.weights[part] * rows.precision[part] / coordinates.variance
    return rows.z[part] @ coordinates.effects, v, responses[:, part].T - (rows.x[part] @ coordinates.origin)[:, None]


def evaluate_many(
    data: ManyProducts, second: FloatArray, criterion: Criterion, theta: FloatArray, draws: NDArray[np.integer]
) -> ManyPoints:
    """Evaluate the profiled criterion with its first two derivatives.

    Parameters
    ----------
    data : ManyProducts
        Statistics of all draws.
    second : ndarray, shape (q, q, k, k)
        Second derivatives of Gamma, which is quadratic in its parameters: Gamma = theta' second theta / 2.
    criterion : Criterion
        Constants, with a common or known variance.
    theta : ndarray, shape (a, q)
        Variance parameters.
    draws : ndarray of int, shape (a,)
        Which draw each of them is for.

    Returns
    -------
    ManyPoints
    """
    a, q = theta.shape
    data = data.of(draws)
    k, m = data.factor.shape[0], data.factor.shape[3]
    first = (theta @ second.reshape(q, q * k * k)).reshape(a, q, k, k)
    gamma = 0.5 * np.einsum("aq,aqkl->akl", theta, first)
    marginal, log_det = _marginal(data.factor, gamma)
    coefficients = np.concatenate(
        [np.broadcast_to(data.fixed, (*data.fixed.shape[:2], a, m)), data.response[:, None]], axis=1
    )
    crossed = multiply(marginal, coefficients) if k else coefficients
    columns = data.within.shape[1]
    stacked = crossed.transpose(2, 1, 0, 3).reshape(a, columns, k * m)
    between = coefficients.transpose(2, 1, 0, 3).reshape(a, columns, k * m) @ stacked.transpose(0, 2, 1)
    gram = data.within + 0.5 * (between + between.transpose(0, 2, 1))
    value, beta, inverse, scale, quadratic = _profile(criterion, data, gram, log_det)
    at = _At(criterion, first, second, marginal, crossed, beta, inverse, scale, quadratic)
    gradient, hessian = _derivatives(at)
    return ManyPoints(value, gradient, hessian, gamma, beta, inverse, scale)


def _marginal(factor: FloatArray, gamma: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return T of every draw and group, shape (k, k, a, m), and the log-determinants, shape (a,)."""
    k, m = factor.shape[0], factor.shape[3]
    if k == 0:
        return np.zeros((0, 0, len(gamma), m)), np.zeros(len(gamma))
    turned = factor.transpose(1, 0, 2, 3)
    scaled = multiply(gamma.transpose(1, 2, 0)[..., None], factor)
    inner = multiply(turned, scaled)
    inner[np.arange(k), np.arange(k)] += 1.0
    root, inverse = cholesky_definite(inner)
    half = solve_lower(root, np.broadcast_to(turned, inner.shape), inverse)
    return multiply(half.transpose(1, 0, 2, 3), half), -2.0 * np.log(inverse).sum(axis=(0, 2))


def _profile(
    criterion: Criterion, data: ManyProducts, gram: FloatArray, log_det: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return value, beta, inverse root, scale and quadratic form of every draw; NaN where ``gram`` is not definite."""
    p = gram.shape[1] - 1
    root = _roots(gram)
    inverse: FloatArray = np.linalg.inv(root[:, :p, :p]).astype(np.float64, copy=False).transpose(0, 2, 1)
    beta = (inverse @ root[:, p, :p, None])[:, :, 0]
    quadratic = root[:, p, p] ** 2
    scale: FloatArray
    fit: FloatArray
    if criterion.residual is ResidualVariance.SHARED:
        scale = quadratic / data.degrees
        fit = 0.5 * data.degrees * (1.0 + np.log(scale))
    else:
        scale, fit = np.ones(len(gram)), 0.5 * quadratic
    value = fit + 0.5 * log_det + data.constant
    if criterion.reml:
        value = value + np.log(np.diagonal(root, axis1=1, axis2=2)[:, :p]).sum(axis=1)
    return value, beta, inverse, scale, quadratic


def _roots(gram: FloatArray) -> FloatArray:
    """Return Cholesky factors; NaN on the diagonal for matrices that have none, or hardly one."""
    try:
        roots = np.asarray(np.linalg.cholesky(gram))
    except np.linalg.LinAlgError:
        roots = np.full_like(gram, 0.0)
        for i, matrix in enumerate(gram):
            try:
                roots[i] = np.linalg.cholesky(matrix)
            except np.linalg.LinAlgError:
                roots[i] = np.eye(len(matrix)) * np.nan
    left = np.diagonal(roots, axis1=1, axis2=2)[:, :-1] ** 2
    with np.errstate(invalid="ignore"):
        collinear = (left < COLLINEAR * np.diagonal(gram, axis1=1, axis2=2)[:, :-1]).any(axis=1)
    roots[collinear] = np.eye(gram.shape[1]) * np.nan
    return roots


@dataclass(frozen=True)
class _At:
    """What the derivatives are made from; names as in `ManyPoints` and `evaluate_many`."""

    criterion: Criterion
    first: FloatArray
    second: FloatArray
    marginal: FloatArray
    crossed: FloatArray
    beta: FloatArray
    inverse: FloatArray
    scale: FloatArray
    quadratic: FloatArray


def _derivatives(at: _At) -> tuple[FloatArray, FloatArray]:
    """Return gradients, shape (a, q), and Hessians, shape (a, q, q)."""
    a, q, k, _ = at.first.shape
    columns, m = at.crossed.shape[1], at.crossed.shape[3]
    p, reml = columns - 1, at.criterion.reml
    flat = at.crossed.transpose(2, 0, 1, 3).reshape(a, k * columns, m)
    squares = (flat @ flat.transpose(0, 2, 1)).reshape(a, k, columns, k, columns).transpose(0, 1, 3, 2, 4)
    directions = at.first.reshape(a, q, k * k)
    gram = -(directions @ squares.reshape(a, k * k, columns * columns)).reshape(a, q, columns, columns)
    marginal = at.marginal.transpose(2, 0, 1, 3).reshape(a, k * k, m)
    log_det = (directions @ marginal.sum(axis=2)[:, :, None])[:, :, 0]
    rho = np.concatenate([-at.beta, np.ones((a, 1))], axis=1)
    moved = (gram @ rho[:, None, :, None])[..., 0]
    slope = (moved @ rho[:, :, None])[:, :, 0]
    gradient = 0.5 * slope / at.scale[:, None] + 0.5 * log_det
    half = (rho / np.sqrt(at.scale)[:, None])[:, :, None]
    if reml:
        half = np.concatenate([half, np.concatenate([at.inverse, np.zeros((a, 1, p))], axis=1)], axis=2)
    weighted = _weighted(at.crossed, half).reshape(a, k * k, m)
    hessian = 0.5 * _second(at.second, directions, marginal, weighted)
    response = moved[:, :, :p] @ at.inverse / np.sqrt(at.scale)[:, None, None]
    hessian -= response @ response.transpose(0, 2, 1)
    if at.criterion.residual is ResidualVariance.SHARED:
        part = slope / np.sqrt(2.0 * at.scale * at.quadratic)[:, None]
        hessian -= part[:, :, None] * part[:, None, :]
    if reml:
        white = at.inverse.transpose(0, 2, 1)[:, None] @ gram[:, :, :p, :p] @ at.inverse[:, None]
        gradient += 0.5 * np.trace(white, axis1=2, axis2=3)
        white = white.reshape(a, q, p * p)
        hessian -= 0.5 * (white @ white.transpose(0, 2, 1))
    return gradient, 0.5 * (hessian + hessian.transpose(0, 2, 1))


def _weighted(crossed: FloatArray, half: FloatArray) -> FloatArray:
    """Return R Omega R' of each draw and group for Omega = half @ half', shape (a, k, k, m)."""
    projected = half.transpose(0, 2, 1)[:, None] @ crossed.transpose(2, 0, 1, 3)
    total = projected[:, :, None, 0] * projected[:, None, :, 0]
    for h in range(1, projected.shape[2]):
        total += projected[:, :, None, h] * projected[:, None, :, h]
    return np.asarray(total, dtype=np.float64)


def _second(second: FloatArray, directions: FloatArray, marginal: FloatArray, weighted: FloatArray) -> FloatArray:
    """Return tr((2 Q - T) A T B) + tr((T - Q) d²Gamma), summed over groups; shape (a, q, q)."""
    q, _, k, _ = second.shape
    a = len(directions)
    excess = (marginal - weighted).sum(axis=2)
    curved = (excess @ second.reshape(q * q, k * k).T).reshape(a, q, q)
    products = ((2.0 * weighted - marginal) @ marginal.transpose(0, 2, 1)).reshape(a, k, k, k, k)
    inner = products.transpose(0, 2, 3, 1, 4).reshape(a, k * k, k * k)
    once = (directions @ inner).reshape(a, q, k, k).transpose(0, 1, 3, 2).reshape(a, q, k * k)
    twice = once @ directions.transpose(0, 2, 1)
    return np.asarray(0.5 * (twice + twice.transpose(0, 2, 1)) + curved, dtype=np.float64)
