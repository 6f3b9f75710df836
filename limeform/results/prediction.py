"""Predictions with their uncertainty: for known groups, new groups, and the population."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from limeform.design import Column, apply, effects_columns
from limeform.design.frame import as_numbers, column, to_frame
from limeform.errors import NewLevelWarning, OptionError
from limeform.fit import mode_slopes_of
from limeform.results.predict import offset_of_new_rows

if TYPE_CHECKING:
    from limeform.results.lmm import LMMResults

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]
Of = Literal["all", "none"]


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
        What each row is predicted as: "known" group, "new" group, or "population".
    notes : tuple of str
        Which variances the intervals hold.
    """

    predicted_mean: pd.Series
    var_mean: FloatArray
    var_obs: FloatArray
    level: pd.Series
    notes: tuple[str, ...]

    @property
    def se_mean(self) -> pd.Series:
        """Standard errors of the predicted means."""
        return pd.Series(np.sqrt(self.var_mean), index=self.predicted_mean.index, name="mean_se")

    def conf_int(self, alpha: float = 0.05, *, obs: bool = False) -> pd.DataFrame:
        """Return intervals, columns 0 and 1: of the mean, or with ``obs=True`` of a new observation."""
        if isinstance(alpha, bool) or not isinstance(alpha, (int, float, np.number)) or not 0 < alpha < 1:
            raise OptionError(f"alpha={alpha!r} has to lie between 0 and 1, such as 0.05 for 95% intervals")
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


@dataclass(frozen=True)
class _Rows:
    """Columns of the rows that are predicted.

    Attributes
    ----------
    index, complete
        Labels of all rows, and which have all values; the arrays are of these.
    x, z, codes, offset
        As in `NewRows`; z is empty without random effects.
    extra : ndarray, shape (c,)
        Residual variance of a new observation; NaN where it is unknown.
    """

    index: pd.Index
    complete: NDArray[np.bool_]
    x: FloatArray
    z: FloatArray
    codes: IntArray
    offset: FloatArray
    extra: FloatArray


def predict_with_variance(fit: LMMResults, data: object | None, random: Of, offset: Column | None) -> PredictionResults:
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

    Returns
    -------
    PredictionResults
    """
    if random not in ("all", "none"):
        raise OptionError(f'random={random!r}: give "all" or "none"')
    if fit.design.nonlinear or (fit._joint is not None and random == "all"):
        raise OptionError(
            "intervals of predictions are not available with a nonlinear mean, nor with the effects of groups where "
            "there are constraints or priors: predict() gives the means, curve(..., draws=) bands, and "
            'random="none" intervals for the population of a linear mean'
        )
    if len(fit.design.factors) > 1 and random == "all":
        raise OptionError(
            "intervals with the effects of several grouping factors are not available: predict() gives the means, and "
            'get_prediction(random="none") intervals for the population'
        )
    rows = _old_rows(fit) if data is None else _new_rows(fit, data, random, offset)
    known = rows.codes >= 0 if random == "all" else np.zeros(len(rows.x), dtype=bool)
    mean, variance = rows.x @ fit.estimates.beta + rows.offset, _quadratic(rows.x, fit.estimates.beta_covariance)
    if known.any():
        codes, z = rows.codes[known], rows.z[known]
        mean[known] += np.einsum("nk,nk->n", z, fit._modes.effects[codes])
        slopes = mode_slopes_of(fit._setup, fit.estimates)[codes]
        moved = rows.x[known] - np.einsum("nk,nkp->np", z, slopes)
        conditional = np.einsum("nk,nkl,nl->n", z, fit._modes.covariance[codes], z)
        variance[known] = _quadratic(moved, fit.estimates.beta_covariance) + np.clip(conditional, 0.0, None)
    between = _quadratic(rows.z, fit.estimates.gamma)
    as_new = ~known if random == "all" else np.zeros_like(known)
    variance[as_new] += between[as_new]
    observed = variance + rows.extra
    if random == "none":
        observed = observed + between
    level = np.where(known, "known", "new") if random == "all" and fit.design.random is not None else "population"
    return PredictionResults(
        predicted_mean=_spread(rows, mean).rename(fit.design.response),
        var_mean=_spread(rows, variance).to_numpy(),
        var_obs=_spread(rows, observed).to_numpy(),
        level=_labels(rows, level),
        notes=_notes(fit, random, bool(np.isnan(rows.extra).any())),
    )


def _quadratic(rows: FloatArray, matrix: FloatArray) -> FloatArray:
    """Return r' M r for each row, not below zero; shape (n,)."""
    return np.asarray(np.clip(np.einsum("ni,ij,nj->n", rows, matrix, rows), 0.0, None), dtype=np.float64)


def _spread(rows: _Rows, values: FloatArray) -> pd.Series:
    spread = np.full(len(rows.index), np.nan)
    spread[rows.complete] = values
    return pd.Series(spread, index=rows.index)


def _labels(rows: _Rows, level: NDArray[np.str_] | str) -> pd.Series:
    labels = np.full(len(rows.index), "", dtype=object)
    labels[rows.complete] = level
    return pd.Series(labels, index=rows.index, name="level")


def _old_rows(fit: LMMResults) -> _Rows:
    design, n = fit.design, len(fit.design.y)
    if design.rows_read:
        raise OptionError("the rows were read in chunks and not kept: give the rows to predict")
    random = design.random
    return _Rows(
        index=design.index,
        complete=np.ones(n, dtype=bool),
        x=design.x,
        z=np.hstack([np.zeros((n, 0)), *(factor.z for factor in design.factors)]),
        codes=np.full(n, -1, np.int32) if random is None else random.codes,
        offset=design.offset,
        extra=np.zeros(n) if fit.known_variance else fit.error_variance,
    )


def _new_rows(fit: LMMResults, data: object, random: Of, offset: Column | None) -> _Rows:
    design, frame = fit.design, to_frame(data)
    offset = offset_of_new_rows(fit.model.keywords, frame) if offset is None else offset
    known = random == "all" and design.random is not None
    made = apply(design.recipe, frame, [factor.keys for factor in design.factors] if known else None)
    shift = made.offset
    if offset is not None:
        shift = shift + as_numbers(column(offset, frame, "offset")[1], "offset=")[made.complete]
    rows = _Rows(
        index=made.index,
        complete=made.complete,
        x=made.x if len(made.x) else np.zeros((0, len(design.names))),
        z=made.z if known and len(made.x) else _z_of_new_levels(fit, frame, made.complete),
        codes=made.codes[0] if made.codes else np.full(len(made.x), -1, np.int32),
        offset=shift,
        extra=_new_error_variance(fit, frame, made.complete),
    )
    if known:
        _warn_outside(fit, rows)
    return rows


def _z_of_new_levels(fit: LMMResults, frame: pd.DataFrame, complete: NDArray[np.bool_]) -> FloatArray:
    if fit.design.random is None:
        return np.zeros((int(complete.sum()), 0))
    return effects_columns(fit.design.recipe, frame, complete)


def _warn_outside(fit: LMMResults, rows: _Rows) -> None:
    """Say that groups are new; unlike in `predict` their variance is in the intervals."""
    count = int((rows.codes < 0).sum())
    if count and fit.design.random is not None:
        warnings.warn(
            f"{count} rows have levels of {fit.design.random.factor!r} that the fit did not have: they are predicted "
            "as new groups, with the variance of the random effects in their intervals",
            NewLevelWarning,
            stacklevel=5,
        )


def _new_error_variance(fit: LMMResults, frame: pd.DataFrame, complete: NDArray[np.bool_]) -> FloatArray:
    """Return the residual variance of new rows; zero in a meta-analysis, NaN where it does not follow from the data."""
    count = int(complete.sum())
    if fit.known_variance:
        return np.zeros(count)
    keywords, errors = fit.model.keywords, fit.design.errors
    variance = np.full(count, fit.estimates.residual_variance[0])
    if errors.strata is not None:
        name = keywords.sigma
        codes = np.full(count, -1)
        if isinstance(name, str) and name in frame.columns:
            codes = errors.strata_levels.get_indexer(pd.Index(frame[name][complete].astype(object)))
        variance = np.append(fit.estimates.residual_variance, np.nan)[codes]
    if keywords.weights is None:
        return variance
    if isinstance(keywords.weights, str) and keywords.weights in frame.columns:
        return np.asarray(variance / as_numbers(frame[keywords.weights], "weights=")[complete], dtype=np.float64)
    return np.full(count, np.nan)


def _notes(fit: LMMResults, random: Of, unknown: bool) -> tuple[str, ...]:
    """Say which variances the intervals hold."""
    held = "the estimated variances are taken as known"
    if fit.design.random is None:
        mean = "that of the fixed effects"
    elif random == "all":
        mean = (
            "that of the fixed effects and of the group's effects given its data; for a new group that of the fixed "
            "effects and of the random effects"
        )
    else:
        mean = "that of the fixed effects: the mean of the population"
    added = [] if random == "all" or fit.design.random is None else ["the random effects of a new group"]
    if fit.known_variance:
        said = "the true effect of a study, without sampling error"
    else:
        added.append("the residual variance")
        said = "a new observation"
    plus = f": adds {' and '.join(added)}" if added else ": the same variance"
    notes = [f"Interval of the mean, variance: {mean}; {held}.", f"Interval of {said}{plus}."]
    if unknown:
        notes.append(
            "The residual variance of some rows is unknown: their weights or sigma level is not in the new data."
        )
    return tuple(notes)
