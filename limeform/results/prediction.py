"""Predictions with their uncertainty: for known groups, new groups, and the population."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from limeform.bootstrap import BootstrapResults
from limeform.design import Column
from limeform.errors import OptionError
from limeform.fit import ConditionalPart, conditional_part
from limeform.results.inference import check_alpha
from limeform.results.mixture import mixture_quantiles
from limeform.results.prediction_draws import draws_of_mean, predicted_at
from limeform.results.prediction_notes import prediction_notes
from limeform.results.prediction_rows import PredictedRows, evaluated, new_rows, rows_of_fit

if TYPE_CHECKING:
    from limeform.results.lmm import LMMResults

FloatArray = NDArray[np.float64]
Of = Literal["all", "none"]

NOTHING = 1e-9
"""A derivative below this share of the largest value of its column in the data is rounding."""


@dataclass(frozen=True, eq=False)
class Draws:
    """Predictions at draws of the parameters, and the normal variation around each.

    Attributes
    ----------
    values : ndarray, shape (d, n)
        Predictions; NaN in rows that lack a value.
    added_mean, added_obs : ndarray, shape (n,)
        Variances that are added to them: for the mean (the group's effects given its data, or a new group's), and for
        a new observation.
    """

    values: FloatArray
    added_mean: FloatArray
    added_obs: FloatArray


@dataclass(frozen=True, eq=False)
class PredictionResults:
    """Predicted means with their variances, and what an observation adds to these.

    Attributes
    ----------
    predicted_mean : Series
        Predictions, NaN where a needed value is missing.
    var_mean : ndarray, shape (n,)
        Variance of the predicted mean.
    var_obs : ndarray, shape (n,)
        Variance of a new observation around its prediction.
    level : Series
        What each row is predicted as: "known" group, "new" group, "partly new" where some of several factors have a
        new level, or "population".
    notes : tuple of str
        Which variances the intervals hold.
    draws : Draws or None
        Draws that the intervals are quantiles of; None for normal intervals.
    """

    predicted_mean: pd.Series
    var_mean: FloatArray
    var_obs: FloatArray
    level: pd.Series
    notes: tuple[str, ...]

    draws: Draws | None = None

    @property
    def se_mean(self) -> pd.Series:
        """Standard errors of the predicted means."""
        return pd.Series(np.sqrt(self.var_mean), index=self.predicted_mean.index, name="mean_se")

    def conf_int(self, alpha: float = 0.05, *, obs: bool = False) -> pd.DataFrame:
        """Return intervals, columns 0 and 1: of the mean, or with ``obs=True`` of a new observation."""
        check_alpha(alpha)
        if self.draws is not None:
            added = self.draws.added_obs if obs else self.draws.added_mean
            ends = mixture_quantiles(self.draws.values, added, [alpha / 2, 1 - alpha / 2])
            return pd.DataFrame(ends.T, index=self.predicted_mean.index)
        reach = norm.isf(alpha / 2) * np.sqrt(self.var_obs if obs else self.var_mean)
        mean = self.predicted_mean.to_numpy()
        return pd.DataFrame(np.column_stack([mean - reach, mean + reach]), index=self.predicted_mean.index)

    def summary_frame(self, alpha: float = 0.05) -> pd.DataFrame:
        """Return predictions with confidence and prediction intervals, under statsmodels' names.

        Parameters
        ----------
        alpha : float
            One minus the coverage of the intervals.

        Returns
        -------
        DataFrame
            Columns ``mean, mean_se, mean_ci_lower, mean_ci_upper, obs_ci_lower, obs_ci_upper``; which variances they
            hold is in ``notes``, and in ``.attrs["notes"]`` of the table.
        """
        mean, obs = self.conf_int(alpha), self.conf_int(alpha, obs=True)
        table = pd.DataFrame(
            {
                "mean": self.predicted_mean,
                "mean_se": self.se_mean,
                "mean_ci_lower": mean[0],
                "mean_ci_upper": mean[1],
                "obs_ci_lower": obs[0],
                "obs_ci_upper": obs[1],
            }
        )
        table.attrs["notes"] = self.notes
        return table

    def __repr__(self) -> str:
        """Return what is predicted and which variances enter."""
        return "\n".join([f"<PredictionResults: {len(self.predicted_mean)} rows>", *self.notes])


def predict_with_variance(
    fit: LMMResults,
    data: object | None,
    random: Of,
    offset: Column | None,
    draws: BootstrapResults | ArrayLike | int | None = None,
    rng: Any = None,
) -> PredictionResults:
    """Predict rows with the variances of the mean and of an observation.

    Parameters
    ----------
    fit : LMMResults
        The fit.
    data : DataFrame or None
        New rows; None for those of the fit.
    random : {"all", "none"}
        With the effects of the row's group, or for the population.
    offset : column or None
        Offset by keyword.
    draws, rng
        Draws of the parameters of the mean, from which intervals are taken.

    Returns
    -------
    PredictionResults
    """
    if random not in ("all", "none"):
        raise OptionError(f'random={random!r}: give "all" or "none"')
    if draws is None and rng is not None:
        raise OptionError("rng= is the randomness of the refits: it goes with draws=")
    grouped = random == "all" and bool(fit.design.factors)
    rows = rows_of_fit(fit, grouped) if data is None else new_rows(fit, data, grouped, offset)
    part = _random_part(fit, rows) if grouped else None
    value, gradient = evaluated(rows.mean, fit.estimates.beta)
    value = value + rows.offset
    given = between(fit, rows) if grouped else np.zeros(len(value))
    if part is not None:
        value, gradient, given = value + part.mode, gradient - part.slopes, given + part.variance
    adds = rows.extra if grouped else rows.extra + between(fit, rows)
    sample = None if draws is None else predicted_at(fit, rows, part, draws_of_mean(fit, draws, rng))
    variance, held = variance_of_mean(fit, gradient) if sample is None else (sample.var(axis=0, ddof=1), 0)
    return PredictionResults(
        predicted_mean=pd.Series(rows.spread(value), index=rows.index, name=fit.design.response),
        var_mean=rows.spread(variance + given),
        var_obs=rows.spread(variance + given + adds),
        level=_labels(rows, grouped),
        notes=prediction_notes(fit, grouped, held, int(np.isnan(variance).sum()), rows.extra, sample),
        draws=None if sample is None else Draws(rows.spread(sample), rows.spread(given), rows.spread(given + adds)),
    )


def _random_part(fit: LMMResults, rows: PredictedRows) -> ConditionalPart:
    return conditional_part(
        fit._setup, fit.estimates, fit._joint, fit._all_modes, rows.z, rows.codes, of_fit=rows.of_fit
    )


def between(fit: LMMResults, rows: PredictedRows) -> FloatArray:
    """Return the variance of the random effects of unknown levels, z'Gamma z, shape (c,)."""
    total, start = np.zeros(len(rows.offset)), 0
    for random, codes in zip(fit.design.factors, rows.codes, strict=True):
        own = slice(start, start + len(random.names))
        total += np.where(codes < 0, quadratic(rows.z[:, own], fit.estimates.gamma[own, own]), 0.0)
        start = own.stop
    return total


def quadratic(rows: FloatArray, matrix: FloatArray) -> FloatArray:
    """Return r' M r for each row, not below zero; shape (n,)."""
    return np.asarray(np.clip(np.einsum("ni,ij,nj->n", rows, matrix, rows), 0.0, None), dtype=np.float64)


def variance_of_mean(fit: LMMResults, gradient: FloatArray) -> tuple[FloatArray, int]:
    """Return the variance that the parameters of the mean give to predictions, and how many have none.

    Where an active inequality involves a parameter, no normal distribution describes it: what rests on it is NaN.

    Parameters
    ----------
    fit : LMMResults
        The fit.
    gradient : ndarray, shape (c, p)
        Derivatives of the predictions in the parameters.

    Returns
    -------
    tuple of (ndarray, shape (c,), int)
    """
    restricted = fit.estimates.restricted
    if restricted is None:
        return quadratic(gradient, fit.estimates.beta_covariance), 0
    variance = quadratic(gradient, restricted.covariance)
    size = np.abs(fit._setup.rows.x).max(axis=0, initial=0.0)
    held = ((np.abs(gradient) > NOTHING * size) & restricted.held).any(axis=1)
    variance[held] = np.nan
    return variance, int(held.sum())


def _labels(rows: PredictedRows, grouped: bool) -> pd.Series:
    labels = np.full(len(rows.index), "", dtype=object)
    unknown = [codes < 0 for codes in rows.codes]
    if not grouped:
        labels[rows.complete] = "population"
    else:
        found = np.where(np.all(unknown, axis=0), "new", np.where(np.any(unknown, axis=0), "partly new", "known"))
        labels[rows.complete] = found
    return pd.Series(labels, index=rows.index, name="level")
