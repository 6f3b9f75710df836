"""Conditional modes (BLUPs) of the random effects and their conditional covariances."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from limeform.covariance import Covariance
from limeform.likelihood.batched import FloatArray
from limeform.likelihood.coordinates import Coordinates
from limeform.likelihood.crossed.reduction import CrossedReduction
from limeform.likelihood.gaussian import Profile
from limeform.likelihood.grouped import Reduction


@dataclass(frozen=True)
class Modes:
    """Conditional modes of the random effects in the user's units.

    Attributes
    ----------
    effects : ndarray, shape (m, k)
        Mode of the effects of each level given the data.
    covariance : ndarray, shape (m, k, k)
        Conditional covariance given the data, at the estimated fixed effects and variances (as in lme4's condVar).
    """

    effects: FloatArray
    covariance: FloatArray


def conditional_modes(reduction: Reduction, covariance: Covariance, at: Profile, coordinates: Coordinates) -> Modes:
    """Return b = Gamma Z'P(y - X beta) and Gamma - Gamma Z'PZ Gamma for every level.

    Parameters
    ----------
    reduction : Reduction
        Statistics at the estimates.
    covariance : Covariance
        Gamma in working coordinates.
    at : Profile
        Fixed effects and common variance at the estimates.
    coordinates : Coordinates
        Maps back to the user's columns.

    Returns
    -------
    Modes
    """
    transform, gamma = coordinates.effects, covariance.gamma
    residual = np.append(-at.beta, 1.0)
    score = np.einsum("kcm,c->km", reduction.crossed, residual)
    out = transform @ gamma
    shrunk = np.einsum("ab,bcm,dc->mad", out, reduction.marginal, out)
    return Modes(
        effects=(out @ score).T,
        covariance=at.scale * ((out @ transform.T) - shrunk),
    )


def mode_slopes(reduction: Reduction, covariance: Covariance, coordinates: Coordinates) -> FloatArray:
    """Return Gamma Z'PX of every level in the user's units, shape (m, k, p): by how much a mode falls with beta.

    The error of X beta + Z b as a prediction depends on it (Henderson 1975, Best linear unbiased estimation and
    prediction under a selection model, Biometrics 31).

    Parameters
    ----------
    reduction : Reduction
        Statistics at the estimates.
    covariance : Covariance
        Gamma in working coordinates.
    coordinates : Coordinates
        Maps back to the user's columns.
    """
    p = coordinates.fixed.shape[0]
    out = coordinates.effects @ covariance.gamma
    working = np.einsum("ab,bpm->map", out, reduction.crossed[:, :p])
    return np.asarray(working @ np.linalg.inv(coordinates.fixed), dtype=np.float64)


def crossed_modes(
    reduction: CrossedReduction, covariance: Covariance, at: Profile, coordinates: Coordinates
) -> tuple[Modes, ...]:
    """Return the conditional modes of several grouping factors; arguments as in `conditional_modes`.

    Returns
    -------
    tuple of Modes
        Factors in the order of the formula.
    """
    found = {}
    for f, shape, each in zip(reduction.products.order, reduction.products.shapes, reduction.by_factor(), strict=True):
        own = shape.columns
        gamma = Covariance(covariance.gamma[own, own], covariance.first[:0], covariance.second[:0])
        found[f] = conditional_modes(each, gamma, at, replace(coordinates, effects=coordinates.effects[own, own]))
    return tuple(found[f] for f in sorted(found))
