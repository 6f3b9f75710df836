"""Predictions at draws of the parameters of the mean: intervals that obey the constraints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limeform.bootstrap import BootstrapResults, parameters_of
from limeform.errors import OptionError
from limeform.fit import ConditionalPart, mode_of_rows, modes_at, stack
from limeform.results.prediction_rows import PredictedRows, evaluated

if TYPE_CHECKING:
    from limeform.results.lmm import LMMResults

FloatArray = NDArray[np.float64]


def draws_of_mean(fit: LMMResults, draws: BootstrapResults | ArrayLike | int, rng: Any) -> FloatArray:
    """Return draws of the parameters of the mean, shape (d, p): given ones, or those of as many refits.

    Raises
    ------
    OptionError
        If they do not have one column for each parameter, or fewer than half of the refits converged.
    """
    if isinstance(draws, (int, float, np.number)):
        draws = _refits(fit, draws, rng)
    p = len(fit.params)
    if isinstance(draws, BootstrapResults):
        refuse_other_fit(fit, draws, "draws=")
        draws = draws.params
    try:
        values = np.asarray(draws, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise OptionError(f"draws= takes a bootstrap, a number of refits, or an array; {error}") from error
    if values.ndim != 2 or values.shape[1] != p or len(values) < 2 or not np.isfinite(values).all():
        raise OptionError(
            f"draws= has the shape {values.shape}: give at least two draws of the {p} parameters of the mean, such as "
            "results.bootstrap(1000, rng=1)"
        )
    return values


def refuse_other_fit(fit: LMMResults, boot: BootstrapResults, keyword: str) -> None:
    """Refuse a bootstrap that was not made from this fit, or from one with the same data, design and estimates.

    Parameters
    ----------
    fit : LMMResults
        The fit.
    boot : BootstrapResults
        What was given.
    keyword : str
        Where it was given.

    Raises
    ------
    OptionError
        If it is of a function of the refits, or of another fit.
    """
    if boot.of is not None:
        raise OptionError(f"{keyword} holds draws of a function of the refits: give what results.bootstrap() returned")
    parameters = parameters_of(fit.design)
    estimate = parameters.values(stack([fit.estimates], fit.estimates))[0]
    same = list(boot.estimate.index) == list(parameters.names)
    same = same and np.array_equal(boot.estimate.to_numpy(), estimate, equal_nan=True)
    source = None if boot.replay is None else boot.replay.of_fit(lambda made_from: made_from)
    if not same or not (source is None or source is fit or _same_sizes(source, fit)):
        raise OptionError(
            f"{keyword} is a bootstrap of another fit: its estimates or its data are not those of this one; give what "
            "bootstrap() of these results returned"
        )


def _same_sizes(one: LMMResults, other: LMMResults) -> bool:
    """Say whether two fits have equally many rows, all and kept, and levels of each factor, and the same names."""
    sizes = [
        (fit.nobs, fit.n_kept, fit.design.names, [(random.factor, len(random.levels)) for random in fit.design.factors])
        for fit in (one, other)
    ]
    return sizes[0] == sizes[1]


def _refits(fit: LMMResults, number: Any, rng: Any) -> BootstrapResults:
    """Refit simulated responses (TCME section 2.6), each within the model's constraints."""
    found = fit.bootstrap(number, rng=rng)
    if found.n_converged < max(2, found.n // 2):
        raise OptionError(f"only {found.n_converged} of {number} refits converged: the draws are not to be trusted")
    return found


def predicted_at(fit: LMMResults, rows: PredictedRows, part: ConditionalPart | None, draws: FloatArray) -> FloatArray:
    """Return the predictions of rows at draws of the parameters, shape (d, c).

    The random effects of known groups are, at each draw, their modes given the data and these parameters.

    Parameters
    ----------
    fit : LMMResults
        The fit.
    rows : PredictedRows
        The rows.
    part : ConditionalPart or None
        Random part of the rows at the estimates; None for the population.
    draws : ndarray, shape (d, p)
        Parameters of the mean.
    """
    values = np.array([evaluated(rows.mean, beta)[0] for beta in draws]).reshape(len(draws), -1) + rows.offset
    if part is None:
        return values
    if fit._joint is None or fit._joint.mean is None:
        return np.asarray(values + part.mode - (draws - fit.estimates.beta) @ part.slopes.T, dtype=np.float64)
    modes = [modes_at(fit._joint, fit.estimates, beta) for beta in draws]
    return np.asarray(values + np.array([mode_of_rows([each], rows.z, rows.codes) for each in modes]))
