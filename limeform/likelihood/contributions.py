"""What each row contributes: derivatives in the weights, and the exact change when a row leaves or enters (MATH §2).

With e the residual after the conditional mode, q = z'Cz, x~ the fixed-effects row after the same projection and
h = x~ M^-1 x~', a row of error variance lambda has

    d f / d w = (dv/dw) (e² + q [+ h under REML]) / 2 + ln(lambda) / 2 + ln(2 pi) / 2,        dv/dw = 1 / lambda,

and, at fixed variances with the fixed effects re-estimated, f changes by minus, or plus, its predictive term

    out = (v e)² / (P_jj - v² h) / 2 - ln(P_jj) / 2,   P_jj = v - v² q;
    in = e² / (lambda + q + h) / 2 + ln(lambda + q) / 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limeform.likelihood.batched import FloatArray
from limeform.likelihood.coordinates import chunks
from limeform.likelihood.crossed.conditional import row_effects, row_leverages
from limeform.likelihood.crossed.reduction import CrossedReduction
from limeform.likelihood.crossed.statistics import CrossedRows
from limeform.likelihood.crossproducts import Rows, working_rows
from limeform.likelihood.grouped import Reduction
from limeform.likelihood.objective import Objective, Point


@dataclass(frozen=True)
class Contributions:
    """Row by row, at one set of estimates, in the units of the response.

    Attributes
    ----------
    residual : ndarray, shape (n,)
        e, the conditional residual.
    marginal : ndarray, shape (n,)
        r, the response less its fixed part.
    leverage : ndarray, shape (n,)
        q = z'Cz, the conditional variance of the random part.
    fixed_leverage : ndarray, shape (n,)
        h, the variance that the fixed effects add.
    variance : ndarray, shape (n,)
        lambda, the error variance.
    fixed_cross : ndarray, shape (n,)
        x~ M^-1 x', whose weighted sum over a group is its part of tr(M^-1 X'PX).
    weights : ndarray, shape (n,)
        w.
    """

    residual: FloatArray
    marginal: FloatArray
    leverage: FloatArray
    fixed_leverage: FloatArray
    variance: FloatArray
    fixed_cross: FloatArray
    weights: FloatArray

    def spread(self, reml: bool) -> FloatArray:
        """Return e² + q, and h under REML: what the precision of a row multiplies in its derivative; shape (n,)."""
        return np.asarray(self.residual**2 + self.leverage + (self.fixed_leverage if reml else 0.0), dtype=np.float64)

    def slope(self, reml: bool) -> FloatArray:
        """Return the derivative of the criterion in each weight, less ln(2 pi) / 2; shape (n,)."""
        return np.asarray(0.5 * self.spread(reml) / self.variance + 0.5 * np.log(self.variance), dtype=np.float64)

    def by_group(self, groups: NDArray[np.int32], log_dets: FloatArray, reml: bool) -> FloatArray:
        """Return each group's part of the criterion at full weights, less ln(2 pi) / 2 a row (TCME eq. 8).

        Parameters
        ----------
        groups : ndarray of int32, shape (n,)
            Group of each row.
        log_dets : ndarray, shape (m,)
            Log-determinants of the groups at full weights.
        reml : bool
            Add the derivative of the restricted likelihood's own term.

        Returns
        -------
        ndarray, shape (m,)
        """
        each = self.residual * self.marginal + (self.fixed_cross if reml else 0.0)
        each = 0.5 * each / self.variance + 0.5 * np.log(self.variance)
        return np.asarray(np.bincount(groups, weights=each, minlength=len(log_dets)) + 0.5 * log_dets)

    def predictive(self) -> FloatArray:
        """Return by how much the criterion is higher with the row than without it, less ln(2 pi) / 2; shape (n,).

        For a kept row that is what its removal saves, for a trimmed row what its inclusion costs, the variances held.
        """
        spread, log_variance = self._spread()
        return np.asarray(0.5 * self.residual**2 * spread + 0.5 * log_variance, dtype=np.float64)

    def standardized(self) -> FloatArray:
        """Return the residual over its standard deviation given the other kept rows; shape (n,)."""
        spread, _ = self._spread()
        return np.asarray(self.residual * np.sqrt(spread), dtype=np.float64)

    def _spread(self) -> tuple[FloatArray, FloatArray]:
        """Return the factor of e² in the predictive term, and the logarithm of the predictive variance."""
        share = self.weights * self.leverage / self.variance
        total = self.weights * (self.leverage + self.fixed_leverage) / self.variance
        kept = self.weights > 0
        left, left_total = np.clip(1.0 - share, 1e-12, None), np.clip(1.0 - total, 1e-12, None)
        inside = 1.0 / (self.variance * left_total)
        outside = 1.0 / (self.variance + self.leverage + self.fixed_leverage)
        log_variance = np.where(kept, np.log(self.variance / left), np.log(self.variance + self.leverage))
        return np.where(kept, inside, outside), log_variance


def contributions(objective: Objective, point: Point, y: FloatArray, rows: Rows | CrossedRows) -> Contributions:
    """Compute what each row contributes.

    Parameters
    ----------
    objective : Objective
        The criterion that ``point`` belongs to.
    point : Point
        Estimates of the variances with what was computed there.
    y : ndarray, shape (n,)
        Response less offset.
    rows : Rows or CrossedRows
        Columns, precisions, weights and levels of all rows, trimmed ones too.

    Returns
    -------
    Contributions
    """
    profile, coordinates = point.profile, objective.products.coordinates
    random_part, unscaled = _random_part(point, rows)
    rho = np.append(-profile.beta, 1.0)
    n, scale = len(y), profile.scale
    residual, marginal, leverage, fixed, cross = np.empty((5, n))
    for part in chunks(n):
        z, xy, _ = working_rows(y, rows, coordinates, part)
        projected = xy - random_part(z, part)
        residual[part] = projected @ rho
        marginal[part] = xy @ rho
        leverage[part] = scale * unscaled(z, part)
        white = projected[:, :-1] @ profile.inverse_root
        fixed[part] = scale * (white**2).sum(axis=1)
        cross[part] = scale * (white * (xy[:, :-1] @ profile.inverse_root)).sum(axis=1)
    return Contributions(
        residual=residual,
        marginal=marginal,
        leverage=leverage,
        fixed_leverage=fixed,
        variance=error_variance(objective, point, rows),
        fixed_cross=cross,
        weights=rows.weights,
    )


ByRow = Callable[[FloatArray, slice], FloatArray]
"""Takes working random-effects columns of some rows and which rows they are."""


def _random_part(point: Point, rows: Rows | CrossedRows) -> tuple[ByRow, ByRow]:
    """Return what gives Z C Z'V[X y], (rows, p + 1), and z'Cz, (rows,), of some rows."""
    if isinstance(rows, CrossedRows):
        assert isinstance(point.reduction, CrossedReduction)
        leverages = row_leverages(point.reduction, rows)
        return row_effects(point.reduction, rows), lambda z, part: leverages[part]
    assert isinstance(point.reduction, Reduction)
    gamma, group = point.covariance.gamma, rows.cells.group[rows.cells.codes]
    moves = np.tensordot(gamma, point.reduction.crossed, axes=1)
    conditional = gamma[:, :, None] - np.einsum("ab,bcm,cd->adm", gamma, point.reduction.marginal, gamma)
    return (
        lambda z, part: np.einsum("na,acn->nc", z, moves[:, :, group[part]]),
        lambda z, part: np.einsum("na,abn,nb->n", z, conditional[:, :, group[part]], z),
    )


def error_variance(objective: Objective, point: Point, rows: Rows | CrossedRows) -> NDArray[np.float64]:
    """Return the error variance of each row at the estimates, shape (n,)."""
    psi = point.x[objective.covariance.n_parameters :]
    factor = np.exp(psi)[_strata(rows)] if len(psi) else 1.0
    return np.asarray(
        point.profile.scale * objective.products.coordinates.variance * factor / rows.precision, dtype=np.float64
    )


def _strata(rows: Rows | CrossedRows) -> NDArray[np.int32]:
    """Return the variance stratum of each row."""
    if isinstance(rows, CrossedRows):
        return np.zeros(len(rows.weights), np.int32) if rows.strata is None else rows.strata
    return rows.cells.stratum[rows.cells.codes]
