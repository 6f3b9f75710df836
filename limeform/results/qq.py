"""The numbers of quantile-quantile plots."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta as beta_distribution
from scipy.stats import norm

from limeform.errors import OptionError
from limeform.plot import Quantiles

if TYPE_CHECKING:
    from limeform.results.lmm import LMMResults

FloatArray = NDArray[np.float64]


def qq_contents(fit: LMMResults, of: str, alpha: float, draws: int, rng: object) -> list[Quantiles]:
    """Return what each panel of a quantile-quantile plot shows.

    Parameters
    ----------
    fit : LMMResults
        The fit.
    of : {"residuals", "random_effects"}
        What is compared with the normal distribution.
    alpha : float
        One minus the coverage of the band.
    draws : int
        Refits of simulated responses behind the band; 0 for the band of independent values.
    rng : None, int or Generator
        Source of the simulated responses.

    Raises
    ------
    OptionError
    """
    if of not in ("residuals", "random_effects"):
        raise OptionError(f'of={of!r}: give "residuals" or "random_effects"')
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not 0 < alpha < 1:
        raise OptionError(f"alpha={alpha!r}: give a number between 0 and 1, such as 0.05 for a band of 95%")
    if isinstance(draws, bool) or not isinstance(draws, int) or draws < 0 or 0 < draws < 2 / alpha:
        raise OptionError(f"draws={draws!r}: give 0, or at least {int(np.ceil(2 / alpha))} refits for this band")
    if of == "random_effects" and fit.design.random is None:
        raise OptionError("the model has no random effects; add a term such as (1 | group)")
    panels = standardized(fit, of)
    simulated: list[list[FloatArray]] = []
    if draws:
        responses = fit.simulate(draws, rng)  # type: ignore[arg-type]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of refits to simulated data
            simulated = [standardized(fit.refit(responses[name].to_numpy()), of) for name in responses.columns]
    return [
        _quantiles(values, [panel[i] for panel in simulated], alpha, *_names(fit, of, i))
        for i, values in enumerate(panels)
    ]


def _names(fit: LMMResults, of: str, panel: int) -> tuple[str, str]:
    if of == "residuals":
        return "Standardized residual", ""
    names = [f"{name} | {factor.factor}" for factor in fit.design.factors for name in factor.names]
    return "Standardized effect", names[panel]


def standardized(fit: LMMResults, of: str) -> list[FloatArray]:
    """Return the values of each panel, of variance about one: residuals of kept rows, or modes over their spread.

    A conditional mode has the variance of the effect less its conditional variance, so it is divided by that root; a
    conditional residual that of the error less the conditional variance of the effects in its row.
    """
    if of == "residuals":
        kept = fit.inliers.to_numpy(dtype=bool)
        return [fit.resid.to_numpy()[kept] / np.sqrt(_residual_variance(fit)[kept])]
    panels, start = [], 0
    for modes in fit._all_modes:
        variance = np.diag(fit.estimates.gamma)[start : start + modes.effects.shape[1]]
        spread = np.clip(variance - np.einsum("mkk->mk", modes.covariance), 0.0, None)
        tiny = spread <= 1e-12 * np.maximum(variance, 1e-300)
        panels += list(np.where(tiny, 0.0, modes.effects / np.sqrt(np.where(tiny, 1.0, spread))).T)
        start += len(variance)
    return panels


def _residual_variance(fit: LMMResults) -> FloatArray:
    """Return the variance of each conditional residual, the parameters taken as known; shape (n,).

    R P R for V = ZGZ' + R without its term for the fixed effects, which is R less the conditional variance of Zu. With
    several factors, whose joint conditional covariance is not kept, it is that of the errors.
    """
    if len(fit.design.factors) != 1:
        return fit.error_variance
    z, codes = fit.design.factors[0].z, fit.design.factors[0].codes
    effects = np.einsum("nj,njk,nk->n", z, fit._modes.covariance[codes], z)
    return np.asarray(np.clip(fit.error_variance - effects, 1e-12 * fit.error_variance, None))


def _quantiles(values: FloatArray, simulated: Sequence[FloatArray], alpha: float, name: str, title: str) -> Quantiles:
    n = len(values)
    expected = norm.ppf((np.arange(1, n + 1) - 0.375) / (n + 0.25))
    ends = [alpha / 2, 1 - alpha / 2]
    if simulated:
        ordered = np.sort([draw for draw in simulated if len(draw) == n], axis=1)
        band = np.quantile(ordered, ends, axis=0).T
    else:
        rank = np.arange(1, n + 1)[:, None]
        band = norm.ppf(beta_distribution.ppf(ends, rank, n + 1 - rank))
    return Quantiles(name, expected, np.sort(values), band, 1.0 - alpha, title)
