"""Minus the log-likelihood in all parameters at once, where a constraint, a prior or a nonlinear mean touches the mean.

The variables are x = (theta, psi, b): parameters of Gamma, log residual variances (none where they are known), and the
parameters of the mean in working coordinates. With G = [J y]'P[J y] and rho such that [J y] rho is the residual,

    f = rho'G rho / 2 + K/2 + (sum_s N_s psi_s)/2 + constant,
    d f / d b = -(G rho)_J,   d2 f / d b d b = G_JJ (less the curvature of the mean),   d2 f / d b d a = -(G_a rho)_J

(MATH §3). For a linear mean J = X and rho = (-b, 1), so that the data are touched once; for another one the
cross-products of the Jacobian and the residual are made again at each b, and rho = (0, 1).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from limeform.covariance import BlockDiagonal, Covariance
from limeform.likelihood.batched import FloatArray
from limeform.likelihood.coordinates import Coordinates
from limeform.likelihood.crossproducts import CrossProducts, Rows, cross_products
from limeform.likelihood.derivatives import VarianceDerivatives, gamma_derivatives
from limeform.likelihood.gaussian import Criterion, ResidualVariance, make_criterion
from limeform.likelihood.grouped import Groups, Reduction, pool, reduce
from limeform.likelihood.strata import pool_strata, strata_derivatives
from limeform.mean import Mean
from limeform.solve import EvaluationError

RIDGE, NONLINEAR_RIDGE = 1e-6, 1e-2
"""Added to the correlations of the columns when working coordinates are chosen: a prior may determine what they do not,
and a Jacobian at the start may say little of the one at the end."""


@dataclass
class JointPoint:
    """Everything computed so far at one x; derivatives are filled in on demand."""

    x: FloatArray
    products: CrossProducts
    covariance: Covariance
    reduction: Reduction
    rho: FloatArray
    value: float
    derivatives: VarianceDerivatives | None = None
    gradient: FloatArray | None = None
    hessian: FloatArray | None = None


@dataclass
class JointObjective:
    """Minus the log-likelihood in x = (theta, psi, b).

    Attributes
    ----------
    products : CrossProducts
        Sufficient statistics; for a nonlinear mean those at the start.
    covariance : BlockDiagonal
        Structures of the random effects.
    criterion : Criterion
        Constants; its residual variance is KNOWN or STRATA (a single one is one stratum).
    y : ndarray, shape (n,)
        Response less offset.
    rows : Rows
        The rows behind the statistics.
    mean : Mean or None
        The mean if it is not linear.
    """

    products: CrossProducts
    covariance: BlockDiagonal
    criterion: Criterion
    y: FloatArray
    rows: Rows
    mean: Mean | None = None
    evaluations: int = 0
    _last: JointPoint | None = field(default=None, repr=False)
    _made: tuple[FloatArray, CrossProducts, FloatArray] | None = field(default=None, repr=False)
    _groups: Groups | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls,
        products: CrossProducts,
        covariance: BlockDiagonal,
        residual: ResidualVariance,
        reml: bool,
        y: FloatArray,
        rows: Rows,
        mean: Mean | None = None,
    ) -> JointObjective:
        """Build the objective; arguments as the attributes."""
        known = residual is ResidualVariance.KNOWN
        criterion = make_criterion(products, ResidualVariance.KNOWN if known else ResidualVariance.STRATA, reml)
        return cls(products, covariance, criterion, y, rows, mean)

    @property
    def coordinates(self) -> Coordinates:
        """The maps between working and user's coordinates."""
        return self.products.coordinates

    @property
    def n_theta(self) -> int:
        """Number of parameters of Gamma."""
        return self.covariance.n_parameters

    @property
    def n_psi(self) -> int:
        """Number of log residual variances."""
        return 0 if self.criterion.residual is ResidualVariance.KNOWN else len(self.products.weight)

    @property
    def n_variance(self) -> int:
        """Number of variance variables, those before b."""
        return self.n_theta + self.n_psi

    @property
    def n_mean(self) -> int:
        """Number of parameters of the mean, p."""
        return self.products.n_fixed

    def beta(self, x: FloatArray) -> FloatArray:
        """Return the parameters of the mean in the user's units, shape (p,)."""
        first = self.n_variance
        return self.coordinates.origin + self.coordinates.fixed @ x[first : first + self.n_mean]

    def value(self, x: FloatArray) -> float:
        """Return f at ``x``."""
        return self.at(x).value

    def gradient(self, x: FloatArray) -> FloatArray:
        """Return the gradient at ``x``, shape (t + p,)."""
        point = self.at(x)
        if point.gradient is None:
            derivatives, rho = self._derivatives(point), point.rho
            slope = 0.5 * (derivatives.gram_first @ rho @ rho) + 0.5 * derivatives.log_det_first
            if self.n_psi:
                slope[-self.n_psi :] += 0.5 * self.products.weight
            if self.criterion.reml:
                slope += 0.5 * np.trace(self._white(point), axis1=1, axis2=2)
            point.gradient = np.concatenate([slope, -(point.reduction.gram @ rho)[:-1]])
        return point.gradient

    def hessian(self, x: FloatArray) -> FloatArray:
        """Return the Hessian at ``x``: exact, or Gauss-Newton's where the mean does not know its curvature."""
        point = self.at(x)
        if point.hessian is None:
            derivatives, rho, t = self._derivatives(point), point.rho, self.n_variance
            full = np.zeros((len(x), len(x)))
            half = rho[:, None]
            if self.criterion.reml:
                white = self._white(point)
                half = np.hstack([half, np.vstack([self._inverse_root(point), np.zeros((1, self.n_mean))])])
                full[:t, :t] -= 0.5 * np.tensordot(white, white, axes=([1, 2], [1, 2]))
            full[:t, :t] += 0.5 * derivatives.second(half)
            full[:t, t:] = -(derivatives.gram_first @ rho)[:, :-1]
            full[t:, :t] = full[:t, t:].T
            full[t:, t:] = point.reduction.gram[:-1, :-1] - self._curvature(point)
            point.hessian = (full + full.T) / 2
        return point.hessian

    def gamma_gradient(self, x: FloatArray) -> FloatArray:
        """Return the derivative of f in the entries of Gamma, shape (k, k), symmetric."""
        point = self.at(x)
        score = np.einsum("kcm,c->km", point.reduction.crossed, point.rho)
        slope = 0.5 * point.reduction.marginal.sum(axis=2) - 0.5 * score @ score.T
        return np.asarray((slope + slope.T) / 2, dtype=np.float64)

    def at(self, x: FloatArray) -> JointPoint:
        """Return what is known at ``x``, computing it if ``x`` is new."""
        if self._last is None or not np.array_equal(self._last.x, x):
            self._last = self._evaluate(np.array(x, dtype=np.float64))
            self.evaluations += 1
        return self._last

    @np.errstate(over="ignore", invalid="ignore")  # what is not finite is refused below, and the step shortened
    def _evaluate(self, x: FloatArray) -> JointPoint:
        t, q = self.n_variance, self.n_theta
        if not np.isfinite(x).all() or np.abs(x[:q]).max(initial=0.0) > 1e75 or np.abs(x[q:t]).max(initial=0.0) > 300:
            raise EvaluationError("variance parameters out of range")
        covariance = self.covariance.covariance(x[:q])
        if self.mean is None:
            products, rho = self.products, np.append(-x[t:], 1.0)
        else:
            products = self._products_at(x[t:])
            rho = np.zeros(self.n_mean + 1)
            rho[-1] = 1.0
        reduction = reduce(self._pooled(products, x[q:t]), covariance.gamma)
        log_variance = float(products.weight @ x[q:t]) if self.n_psi else 0.0
        quadratic = float(rho @ reduction.gram @ rho)
        value = 0.5 * (quadratic + reduction.log_det + log_variance) + self.criterion.constant
        if not np.isfinite(value):
            raise EvaluationError("the log-likelihood is not finite")
        point = JointPoint(x, products, covariance, reduction, rho, value)
        if self.criterion.reml:
            point.value -= float(np.log(np.diag(self._inverse_root(point))).sum())
        return point

    def _pooled(self, products: CrossProducts, psi: FloatArray) -> Groups:
        if self.n_psi:
            return pool_strata(products, psi)
        if self._groups is None or self.mean is not None:
            self._groups = pool(products)
        return self._groups

    def _products_at(self, b: FloatArray) -> CrossProducts:
        """Return the cross-products of the Jacobian and the residual at ``b``."""
        assert self.mean is not None
        if self._made is None or not np.array_equal(self._made[0], b):
            value, jacobian = self.mean.evaluate(self.coordinates.origin + self.coordinates.fixed @ b)
            here = replace(self.coordinates, origin=np.zeros(len(b)))
            rows = replace(self.rows, x=jacobian)
            products = replace(cross_products(self.y - value, rows, here), coordinates=self.coordinates)
            self._made = b.copy(), products, value
        return self._made[1]

    def _derivatives(self, point: JointPoint) -> VarianceDerivatives:
        if point.derivatives is None:
            psi = point.x[self.n_theta : self.n_variance]
            if self.n_psi:
                point.derivatives = strata_derivatives(point.products, psi, point.reduction, point.covariance)
            else:
                point.derivatives = gamma_derivatives(point.reduction, point.covariance)
        return point.derivatives

    def _curvature(self, point: JointPoint) -> FloatArray:
        """Return the sum over rows of (Pr)_j times the second derivatives of the mean, in working coordinates."""
        p, fixed = self.n_mean, self.coordinates.fixed
        if self.mean is None:
            return np.zeros((p, p))
        beta = self.beta(point.x)
        curved = self.mean.curvature(beta, self.weighted_residual(point))
        return np.zeros((p, p)) if curved is None else np.asarray(fixed.T @ curved @ fixed)

    def weighted_residual(self, point: JointPoint) -> FloatArray:
        """Return P r row by row, shape (n,)."""
        cells, coordinates = self.rows.cells, self.coordinates
        residual = self.y - self._fitted(point)
        effects = point.covariance.gamma @ np.einsum("kcm,c->km", point.reduction.crossed, point.rho)
        z = self.rows.z @ coordinates.effects
        conditional = residual - np.einsum("nk,kn->n", z, effects[:, cells.group[cells.codes]])
        precision = self.rows.weights * self.rows.precision / coordinates.variance
        if self.n_psi:
            precision = precision * np.exp(-point.x[self.n_theta : self.n_variance])[cells.stratum[cells.codes]]
        return np.asarray(precision * conditional, dtype=np.float64)

    def _fitted(self, point: JointPoint) -> FloatArray:
        """Return the mean row by row, shape (n,)."""
        if self.mean is None:
            return np.asarray(self.rows.x @ self.beta(point.x), dtype=np.float64)
        if self._made is not None and np.array_equal(self._made[0], point.x[self.n_variance :]):
            return self._made[2]
        return self.mean.value(self.beta(point.x))

    def _inverse_root(self, point: JointPoint) -> FloatArray:
        """Return upper triangular U with U U' = M^-1."""
        try:
            root = np.linalg.cholesky(point.reduction.gram[:-1, :-1])
        except np.linalg.LinAlgError as error:
            raise EvaluationError("the cross-products are not positive definite") from error
        return np.asarray(solve_triangular(root, np.eye(len(root)), lower=True).T)

    def _white(self, point: JointPoint) -> FloatArray:
        root = self._inverse_root(point)
        return np.asarray(root.T @ self._derivatives(point).gram_first[:, :-1, :-1] @ root)


def joint_coordinates(
    y: FloatArray,
    jacobian: FloatArray,
    rows: Rows,
    covariance: BlockDiagonal,
    known: bool,
    origin: FloatArray | None = None,
) -> Coordinates:
    """Choose working coordinates that bear dependent columns.

    Parameters
    ----------
    y : ndarray, shape (n,)
        Response less offset; less the mean at the start for a nonlinear mean.
    jacobian : ndarray, shape (n, p)
        Columns, or the Jacobian at the start.
    rows : Rows
        The other columns, precisions and weights.
    covariance : BlockDiagonal
        Structure of the random effects.
    known : bool
        Whether the sampling variances are known.
    origin : ndarray, shape (p,), optional
        Parameters at which the working ones are zero; least squares if left out.

    Returns
    -------
    Coordinates
    """
    v = rows.weights * rows.precision
    effective = max(int(np.count_nonzero(v)), 1)
    p = jacobian.shape[1]
    weighted = jacobian * np.sqrt(v)[:, None]
    size = np.linalg.norm(weighted, axis=0) / np.sqrt(effective)
    size = np.where(size > 0, size, 1.0)
    scaled = weighted / size
    ridge = RIDGE if origin is None else NONLINEAR_RIDGE
    gram = scaled.T @ scaled / effective + ridge * np.eye(p)
    factor = cho_factor(gram, lower=True) if p else (np.zeros((0, 0)), True)
    fit = cho_solve(factor, scaled.T @ (np.sqrt(v) * y) / effective) / size if p else np.zeros(0)
    excess = float(v @ (y - jacobian @ fit) ** 2) / max(effective - p, 1)
    variance = 1.0 if known or excess <= 0 else excess
    inverse = solve_triangular(np.tril(factor[0]), np.eye(p), lower=True).T if p else np.zeros((0, 0))
    gram_z = (rows.z * v[:, None]).T @ rows.z
    return Coordinates(
        fixed=np.asarray(inverse / size[:, None]) * np.sqrt(variance),
        origin=fit if origin is None else origin,
        effects=covariance.rescale(gram_z / (effective * variance)),
        variance=variance,
        excess=excess / variance,
    )
