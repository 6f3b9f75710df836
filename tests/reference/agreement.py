"""When two programs agree: one function for each kind of quantity, with the tolerance that the kind has.

R's values are at a polished optimum, so log-likelihoods have to agree from both sides. Fixed effects and their standard
errors agree to 1e-5 of themselves (a fixed effect near zero: to 1e-6 of its standard error), variances to 1e-4 of
themselves unless ours has the higher likelihood. What follows from the variances (random effects, fitted values)
is compared on the scale of what it varies by.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

import limeform as lf
from tests.reference.cases import Case, frame_of

LOG_LIKELIHOOD = 1e-6
FIXED_EFFECT = 1e-5
OF_A_STANDARD_ERROR = 1e-6
VARIANCE = 1e-4
# of the residual variance: what counts as a variance of zero
ZERO_VARIANCE = 1e-7
ROUNDING = 1e-9


def within(ours: ArrayLike, theirs: ArrayLike, tolerance: ArrayLike, what: str) -> None:
    """Every entry is within its own tolerance; the message shows the entry that is furthest out."""
    a, b = np.broadcast_arrays(np.asarray(ours, float), np.asarray(theirs, float))
    room = np.broadcast_to(np.asarray(tolerance, float), a.shape)
    assert np.isfinite(a).all(), f"{what}: {a}"
    gap = np.abs(a - b)
    if (gap > room).any():
        worst = np.unravel_index(np.argmax(gap - room), a.shape)
        raise AssertionError(
            f"{what} {worst}: {a[worst]:.12g}, R {b[worst]:.12g}, gap {gap[worst]:.2g} > {room[worst]:.2g}"
        )


def same_log_likelihood(results: lf.LMMResults, case: Case) -> None:
    """Compare the maxima, and the criteria that follow from them."""
    within(results.llf, case.values["logLik"], LOG_LIKELIHOOD, "log-likelihood")
    within(results.aic, case.values["AIC"], 2 * LOG_LIKELIHOOD, "AIC")
    within(results.bic, case.values["BIC"], 2 * LOG_LIKELIHOOD, "BIC")


def same_fixed_effects(results: lf.LMMResults, case: Case) -> None:
    """Compare estimates, standard errors and their covariance, by name."""
    beta, se = case.vector("fixef", "names"), case.vector("std_error", "names")
    assert sorted(results.params.index) == sorted(beta.index)
    within(
        results.params[beta.index],
        beta,
        np.maximum(FIXED_EFFECT * beta.abs(), OF_A_STANDARD_ERROR * se),
        "fixed effect",
    )
    within(results.bse[beta.index], se, FIXED_EFFECT * se, "standard error")
    if len(beta):
        covariance = results.cov_params().loc[beta.index, beta.index]
        within(covariance, case.matrix("vcov", "names"), 2 * FIXED_EFFECT * np.outer(se, se), "covariance")


def same_random_covariance(results: lf.LMMResults, case: Case) -> None:
    """Compare Gamma by name, unless ours has the higher likelihood."""
    theirs = case.matrix("cov_re", "random_names")
    assert sorted(results.cov_re.index) == sorted(theirs.index)
    if results.llf > case.values["logLik"] + ROUNDING * max(1.0, abs(results.llf)):
        return
    sd = np.sqrt(np.diag(theirs))
    room = VARIANCE * np.outer(sd, sd) + ZERO_VARIANCE * residual_variance(case)
    within(results.cov_re.loc[theirs.index, theirs.index], theirs, room, "Gamma")


def same_random_effects(results: lf.LMMResults, case: Case) -> None:
    """Compare conditional modes and covariances of every level."""
    names, levels = case.values["random_names"], case.values["levels"]
    ours = {str(level): effect[names].to_numpy() for level, effect in results.random_effects.items()}
    assert sorted(ours) == sorted(levels)
    sd, noise = np.array(case.values["sd_re"]), np.sqrt(residual_variance(case))
    within([ours[level] for level in levels], case.values["ranef"], VARIANCE * (sd + 0.1 * noise), "random effect")
    covariance = {str(level): c.loc[names, names].to_numpy() for level, c in results.random_effects_cov.items()}
    theirs = np.array(case.values["cond_var"])
    spread = np.sqrt(np.einsum("lkk->lk", theirs).clip(min=0.0))
    room = 2 * VARIANCE * spread[:, :, None] * spread[:, None, :] + ZERO_VARIANCE * noise**2
    within([covariance[level] for level in levels], theirs, room, "conditional covariance")


def same_fitted_values(results: lf.LMMResults, case: Case) -> None:
    """Compare fitted values, and predictions for new rows with and without random effects."""
    noise = np.sqrt(residual_variance(case))
    within(results.fittedvalues, case.values["fitted"], FIXED_EFFECT * noise, "fitted value")
    if (new := case.values.get("predict")) is not None:
        data = pd.DataFrame(new["newdata"])
        for ours, theirs in (("all", "conditional"), ("none", "population")):
            values = np.asarray(new[theirs], float)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", lf.NewLevelWarning)
                predicted = results.predict(data, random=ours)
            within(predicted, values, FIXED_EFFECT * (np.abs(values) + noise), f"prediction, random={ours!r}")


def residual_variance(case: Case) -> float:
    """Give the size of the noise: sigma², or the median of several residual or sampling variances."""
    if "sigma" in case.values:
        return float(np.median(np.asarray(case.values["sigma"], float)) ** 2)
    frame, keywords = frame_of(case), case.keywords
    return float(frame[keywords["se"]].median() ** 2 if "se" in keywords else frame[keywords["variance"]].median())
