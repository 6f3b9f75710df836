"""The average information of the profiled criterion."""

from __future__ import annotations

import numpy as np

from limeform.likelihood.batched import FloatArray
from limeform.likelihood.crossed.derivatives import CrossedDerivatives
from limeform.likelihood.gaussian import Criterion, Profile, ResidualVariance


def average_information(criterion: Criterion, at: Profile, derivatives: CrossedDerivatives) -> FloatArray:
    """Return the mean of observed and expected information, plus the part that the curvature of Gamma adds.

    That part is the gradient in Gamma times d²Gamma, exact, and zero at an optimum in the interior.

    Parameters
    ----------
    criterion : Criterion
        Constants.
    at : Profile
        The profile at the same point.
    derivatives : CrossedDerivatives
        Derivatives of the reduced statistics.

    Returns
    -------
    ndarray, shape (q, q)
    """
    rho = np.append(-at.beta, 1.0)
    moved = derivatives.gram_first @ rho
    response = moved[:, :-1] @ at.inverse_root
    information = derivatives.information(rho) - response @ response.T
    half = rho[:, None] / np.sqrt(at.scale)
    if criterion.reml:
        half = np.hstack([half, np.vstack([at.inverse_root, np.zeros((1, len(at.beta)))])])
    curvature = 0.5 * information / at.scale + 0.5 * derivatives.curved(half)
    if criterion.residual is ResidualVariance.SHARED:
        first = moved @ rho
        curvature -= 0.5 * np.outer(first, first) / (at.scale * at.quadratic)
    return np.asarray((curvature + curvature.T) / 2, dtype=np.float64)
