"""What a prediction says of its own intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from limeform.results.constraint_notes import listed

if TYPE_CHECKING:
    from limeform.results.lmm import LMMResults

FloatArray = NDArray[np.float64]


def prediction_notes(
    fit: LMMResults, grouped: bool, held: int, undefined: int, extra: FloatArray, draws: FloatArray | None
) -> tuple[str, ...]:
    """Say which variances the intervals hold, and which rows have none.

    Parameters
    ----------
    fit : LMMResults
        The fit.
    grouped : bool
        Whether the effects of groups are in the predictions.
    held, undefined : int
        Rows without a variance of the mean since a constraint is active, and in all.
    extra : ndarray, shape (c,)
        Residual variances.
    draws : ndarray, shape (d, c), or None
        Predictions at draws.
    """
    notes = [_of_mean(fit, grouped, draws), _of_observation(fit, grouped)]
    if held:
        notes.append(
            f"{held} rows have no interval: an active inequality involves {_held_names(fit)}, or a prior's kink, "
            "and no normal distribution describes what rests on it. draws=500 takes intervals from refits within the "
            "constraints."
        )
    elif undefined:
        notes.append(
            f"{undefined} rows have no interval: the Hessian is not positive definite at the estimates. "
            "draws=500 takes intervals from refits."
        )
    if np.isnan(extra).any():
        notes.append(
            "The residual variance of some rows is unknown: their weights or sigma level is not in the new data."
        )
    return tuple(notes)


def _of_mean(fit: LMMResults, grouped: bool, draws: FloatArray | None) -> str:
    fixed = "that of the fixed effects"
    if draws is not None:
        fixed = f"that of the fixed effects in {len(draws)} draws, as quantiles"
    elif fit.design.nonlinear:
        fixed = "that of the parameters of the mean (delta method)"
    if not fit.design.factors:
        what = fixed
    elif not grouped:
        what = f"{fixed}: the mean of the population"
    elif len(fit.design.factors) > 1:
        what = (
            f"{fixed} and of the effects of the known levels given their data; for new levels that of their random "
            "effects"
        )
    else:
        what = (
            f"{fixed} and of the group's effects given its data; for a new group that of the fixed effects and of the "
            "random effects"
        )
    return f"Interval of the mean, variance: {what}; the estimated variances are taken as known."


def _of_observation(fit: LMMResults, grouped: bool) -> str:
    added = [] if grouped or not fit.design.factors else ["the random effects of a new group"]
    said = "the true effect of a study, without sampling error"
    if not fit.known_variance:
        added.append("the residual variance")
        said = "a new observation"
    plus = f": adds {' and '.join(added)}" if added else ": the same variance"
    return f"Interval of {said}{plus}."


def _held_names(fit: LMMResults) -> str:
    restricted = fit.estimates.restricted
    assert restricted is not None
    return listed(np.array(fit.design.names)[restricted.held])
