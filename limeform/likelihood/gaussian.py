"""The Gaussian log-likelihood, ML or REML, with the fixed effects (and a common variance) profiled out exactly.

For the bordered matrix G = [X y]'P[X y] = [[M, c], [c', d]] the best fixed effects are M^-1 c and leave the quadratic
form q = d - c'M^-1 c. With K the log-determinant of the random effects and N the sum of weights,

    known or stratified variances   f = q/2 + K/2 + (sum_s N_s psi_s)/2 + constant
    one unknown variance            f = nu/2 (1 + ln(q/nu)) + K/2 + constant,   nu = N (ML) or N - p (REML)

and REML adds ln|M|/2. ``f`` is minus the log-likelihood of the user's data (MATH (*)), all constants included; as in
lme4, the REML criterion does not contain ln|X'X|.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from scipy.linalg.lapack import dpotrf, dtrtri

from limeform.likelihood.batched import FloatArray
from limeform.likelihood.crossed.statistics import CrossedProducts
from limeform.likelihood.crossproducts import CrossProducts
from limeform.likelihood.derivatives import VarianceDerivatives
from limeform.solve import EvaluationError


class ResidualVariance(Enum):
    """What is known of the variance of the errors; the value is the phrase used in summaries."""

    KNOWN = "known sampling variances"
    SHARED = "one unknown variance"
    STRATA = "one unknown variance per level"


@dataclass(frozen=True)
class Profile:
    """The fixed effects and the criterion at one point of the variance parameters, in working coordinates.

    Attributes
    ----------
    value : float
        f, minus the (restricted) log-likelihood.
    beta : ndarray, shape (p,)
        Fixed effects that minimise f.
    inverse_root : ndarray, shape (p, p)
        Upper triangular with ``inverse_root @ inverse_root.T`` = M^-1, at unit variance.
    quadratic : float
        q.
    scale : float
        Common variance factor: q / nu if it is profiled out, else one.
    """

    value: float
    beta: FloatArray
    inverse_root: FloatArray
    quadratic: float
    scale: float


@dataclass(frozen=True)
class Criterion:
    """The constants that turn reduced statistics into minus the log-likelihood.

    Attributes
    ----------
    residual : ResidualVariance
        What is known of the error variances.
    reml : bool
        Restricted likelihood.
    degrees : float
        nu.
    constant : float
        Terms that no parameter touches.
    """

    residual: ResidualVariance
    reml: bool
    degrees: float
    constant: float


def make_criterion(products: CrossProducts | CrossedProducts, residual: ResidualVariance, reml: bool) -> Criterion:
    """Collect the constants of the log-likelihood.

    Parameters
    ----------
    products : CrossProducts
        Sufficient statistics.
    residual : ResidualVariance
        What is known of the error variances.
    reml : bool
        Restricted likelihood.

    Returns
    -------
    Criterion
    """
    total, p = float(products.weight.sum()), products.n_fixed
    degrees = total - p if reml else total
    constant = 0.5 * degrees * np.log(2 * np.pi) - 0.5 * products.log_precision
    if reml and p:
        constant -= float(np.log(np.abs(np.diag(products.coordinates.fixed))).sum())
    return Criterion(residual=residual, reml=reml, degrees=degrees, constant=constant)


def profile(criterion: Criterion, gram: FloatArray, log_det: float, log_variance: float) -> Profile:
    """Minimise the criterion over the fixed effects (and the common variance) in closed form.

    Parameters
    ----------
    criterion : Criterion
        Constants.
    gram : ndarray, shape (p + 1, p + 1)
        [X y]'P[X y].
    log_det : float
        K.
    log_variance : float
        Sum of N_s psi_s; zero unless variances are stratified.

    Returns
    -------
    Profile

    Raises
    ------
    EvaluationError
        If the matrix is not positive definite: the variance parameters are out of the range of float64.
    """
    p = gram.shape[0] - 1
    root, failed = dpotrf(gram, lower=1)
    exact = failed == p + 1 and criterion.residual is not ResidualVariance.SHARED
    if exact:
        root[p, p] = 0.0
    elif failed or not np.isfinite(root[p, p]):
        raise EvaluationError("the cross-products are not positive definite at these variances")
    inverse = dtrtri(root[:p, :p], lower=1)[0].T if p else np.zeros((0, 0))
    quadratic = float(root[p, p] ** 2)
    if criterion.residual is ResidualVariance.SHARED:
        scale = quadratic / criterion.degrees
        fit = 0.5 * criterion.degrees * (1.0 + np.log(scale))
    else:
        scale, fit = 1.0, 0.5 * (quadratic + log_variance)
    value = fit + 0.5 * log_det + criterion.constant
    if criterion.reml:
        value += float(np.log(np.diag(root)[:p]).sum())
    return Profile(
        value=float(value), beta=inverse @ root[p, :p], inverse_root=inverse, quadratic=quadratic, scale=float(scale)
    )


def gradient(
    criterion: Criterion, at: Profile, derivatives: VarianceDerivatives, stratum_weight: FloatArray
) -> FloatArray:
    """Return the gradient of the profiled criterion in the variance parameters.

    Parameters
    ----------
    criterion : Criterion
        Constants.
    at : Profile
        The profile at the same point.
    derivatives : VarianceDerivatives
        Derivatives of the reduced statistics in the q variance parameters.
    stratum_weight : ndarray, shape (s,)
        N_s for the last s of the q parameters if variances are stratified; else empty.

    Returns
    -------
    ndarray, shape (q,)
    """
    rho = contrast(at.beta)
    slope = 0.5 * (derivatives.gram_first @ rho @ rho) / at.scale + 0.5 * derivatives.log_det_first
    if criterion.reml:
        slope += 0.5 * np.trace(_whitened(derivatives.gram_first, at), axis1=1, axis2=2)
    if len(stratum_weight):
        slope[-len(stratum_weight) :] += 0.5 * stratum_weight
    return np.asarray(slope, dtype=np.float64)


def hessian(criterion: Criterion, at: Profile, derivatives: VarianceDerivatives) -> FloatArray:
    """Return the exact Hessian of the profiled criterion; parameters as in `gradient`, shape (q, q)."""
    rho = contrast(at.beta)
    moved = derivatives.gram_first @ rho
    response = moved[:, :-1] @ at.inverse_root
    half = (rho / np.sqrt(at.scale))[:, None]
    if criterion.reml:
        half = np.hstack([half, np.vstack([at.inverse_root, np.zeros((1, len(at.beta)))])])
    curvature = 0.5 * derivatives.second(half) - response @ response.T / at.scale
    if criterion.residual is ResidualVariance.SHARED:
        first = moved @ rho
        curvature -= 0.5 * np.outer(first, first) / (at.scale * at.quadratic)
    if criterion.reml:
        white = _whitened(derivatives.gram_first, at).reshape(len(moved), len(at.beta) ** 2)
        curvature -= 0.5 * (white @ white.T)
    return np.asarray((curvature + curvature.T) / 2, dtype=np.float64)


def contrast(beta: FloatArray) -> FloatArray:
    """Return rho = (-beta, 1), with [X y] rho = y - X beta; shape (p + 1,)."""
    rho = np.ones(len(beta) + 1)
    np.negative(beta, out=rho[:-1])
    return rho


def _whitened(gram_first: FloatArray, at: Profile) -> FloatArray:
    """Return the derivatives of M in the basis where M is the identity, shape (q, p, p)."""
    return at.inverse_root.T @ gram_first[:, :-1, :-1] @ at.inverse_root
