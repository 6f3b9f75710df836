"""What the random effects add to the prediction of rows: modes, their variance, and their dependence on the mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limeform.fit.estimate import Estimates
from limeform.fit.joint_model import JointModel
from limeform.fit.restricted import joint_modes
from limeform.fit.setup import Setup
from limeform.likelihood import Modes, Objective, mode_slopes
from limeform.likelihood.crossed.new_rows import slopes_of_new_rows, variances_of_new_rows, variances_of_rows
from limeform.likelihood.crossed.reduction import CrossedReduction
from limeform.likelihood.crossed.statistics import CrossedRows

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]


@dataclass(frozen=True)
class ConditionalPart:
    """The random part of c rows given the data, in the user's units; unknown levels (code -1) add nothing.

    Attributes
    ----------
    mode : ndarray, shape (c,)
        z'u at the conditional modes.
    slopes : ndarray, shape (c, p)
        By how much the mode falls with the parameters of the mean.
    variance : ndarray, shape (c,)
        Variance of z'u given the data and these parameters.
    """

    mode: FloatArray
    slopes: FloatArray
    variance: FloatArray


def conditional_part(
    setup: Setup,
    estimates: Estimates,
    joint: JointModel | None,
    modes: Sequence[Modes],
    z: FloatArray,
    codes: Sequence[IntArray],
    of_fit: bool = False,
) -> ConditionalPart:
    """Return the random part of rows.

    Parameters
    ----------
    setup : Setup
        Statistics of the fit.
    estimates : Estimates
        Where it ended.
    joint : JointModel or None
        The model of a fit with constraints, priors or a nonlinear mean, at its weights.
    modes : sequence of Modes
        Conditional modes by factor.
    z : ndarray, shape (c, k)
        Random-effects columns of all factors.
    codes : sequence of ndarray of int32, each shape (c,)
        Level of each factor; -1 where it is unknown.
    of_fit : bool
        Whether these are the rows of the fit.

    Returns
    -------
    ConditionalPart
    """
    mode = mode_of_rows([each.effects for each in modes], z, codes)
    if joint is not None:
        objective = joint.objective()
        point = objective.at(estimates.variables)
        slopes = mode_slopes(point.reduction, point.covariance, objective.coordinates)
        return _grouped(mode, slopes, modes[0], z, codes[0])
    profiled = Objective.of(setup.products, setup.covariance, setup.residual, estimates.reml)
    at = profiled.at(estimates.variables)
    if not isinstance(at.reduction, CrossedReduction):
        slopes = mode_slopes(at.reduction, at.covariance, setup.products.coordinates)
        return _grouped(mode, slopes, modes[0], z, codes[0])
    if of_fit and isinstance(setup.rows, CrossedRows):
        variance = variances_of_rows(at.reduction, setup.rows)
    else:
        variance = variances_of_new_rows(at.reduction, z, codes)
    return ConditionalPart(mode, slopes_of_new_rows(at.reduction, z, codes), at.profile.scale * variance)


def mode_of_rows(effects: Sequence[FloatArray], z: FloatArray, codes: Sequence[IntArray]) -> FloatArray:
    """Return z'u, shape (c,), for effects by level of each factor, (m, k)."""
    total, start = np.zeros(len(z)), 0
    for values, code in zip(effects, codes, strict=True):
        row = np.flatnonzero(code >= 0)
        own = z[row, start : start + values.shape[1]]
        total[row] += np.einsum("nk,nk->n", own, values[code[row]])
        start += values.shape[1]
    return total


def modes_at(joint: JointModel, estimates: Estimates, beta: FloatArray) -> FloatArray:
    """Return the conditional modes, (m, k), at other parameters of the mean, shape (p,), and the same variances."""
    coordinates = joint.products.coordinates
    b = np.linalg.solve(coordinates.fixed, beta - coordinates.origin)
    variables = np.concatenate([estimates.variables[: len(estimates.variables) - len(b)], b])
    return joint_modes(joint, replace(estimates, variables=variables)).effects


def _grouped(mode: FloatArray, slopes: FloatArray, modes: Modes, z: FloatArray, codes: IntArray) -> ConditionalPart:
    """Pick the level of each row out of the slopes, (m, k, p), and out of the conditional covariances."""
    row = np.flatnonzero(codes >= 0)
    moved, variance = np.zeros((len(z), slopes.shape[2])), np.zeros(len(z))
    moved[row] = np.einsum("nk,nkp->np", z[row], slopes[codes[row]])
    variance[row] = np.einsum("nk,nkl,nl->n", z[row], modes.covariance[codes[row]], z[row])
    return ConditionalPart(mode, moved, np.clip(variance, 0.0, None))
