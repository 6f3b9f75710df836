"""The rows that are predicted: those of the fit, or new ones."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limeform.design import Column, apply, effects_columns
from limeform.design.frame import as_numbers, column, to_frame
from limeform.errors import DataError, NewLevelWarning, OptionError
from limeform.mean import Mean, OutsideDomainError, mean_of
from limeform.results.predict import offset_of_new_rows

if TYPE_CHECKING:
    from limeform.results.lmm import LMMResults

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class PredictedRows:
    """Columns of the rows that are predicted; of those c only that have all values.

    Attributes
    ----------
    index : Index, shape (n,)
        Labels of all rows.
    complete : ndarray of bool, shape (n,)
        Which have all values.
    mean : Mean
        The mean of the population as a function of its parameters, without the offset.
    offset : ndarray, shape (c,)
        The offset.
    z : ndarray, shape (c, k)
        Columns of the random effects of all factors.
    codes : tuple of ndarray of int32, each shape (c,)
        Level of each factor; -1 for one that the fit did not have, and for all where the population is predicted.
    extra : ndarray, shape (c,)
        Residual variance of a new observation; NaN where it is unknown.
    of_fit : bool
        Whether these are the rows of the fit.
    """

    index: pd.Index
    complete: NDArray[np.bool_]
    mean: Mean
    offset: FloatArray
    z: FloatArray
    codes: tuple[IntArray, ...]
    extra: FloatArray
    of_fit: bool = False

    def spread(self, values: FloatArray) -> FloatArray:
        """Return values (..., c) as (..., n), NaN in rows that lack a value."""
        spread = np.full((*values.shape[:-1], len(self.index)), np.nan)
        spread[..., self.complete] = values
        return spread


def evaluated(mean: Mean, beta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return a mean on the rows, shape (c,), and its derivatives in the parameters, shape (c, p).

    Raises
    ------
    DataError
        If it has no value on one of them: the logarithm of a number that is not positive, say.
    """
    try:
        return mean.evaluate(beta)
    except OutsideDomainError as error:
        raise DataError(f"the mean cannot be evaluated on these rows: {error}; leave such rows out") from error


def rows_of_fit(fit: LMMResults, known: bool) -> PredictedRows:
    """Return the rows of the fit, with their levels if these are ``known``.

    Raises
    ------
    OptionError
        If the rows were read in chunks and not kept.
    """
    design, n = fit.design, len(fit.design.y)
    if design.rows_read:
        raise OptionError("the rows were read in chunks and not kept: give the rows to predict")
    return PredictedRows(
        index=design.index,
        complete=np.ones(n, dtype=bool),
        mean=mean_of(design.x, design.nonlinear),
        offset=np.asarray(design.offset, dtype=np.float64),
        z=np.hstack([np.zeros((n, 0)), *(factor.z for factor in design.factors)]),
        codes=tuple(factor.codes if known else np.full(n, -1, np.int32) for factor in design.factors),
        extra=np.zeros(n) if fit.known_variance else fit.error_variance,
        of_fit=True,
    )


def new_rows(fit: LMMResults, data: object, known: bool, offset: Column | None) -> PredictedRows:
    """Return new rows, with their levels if these are to be ``known``; warns of levels that the fit did not have."""
    design, frame = fit.design, to_frame(data)
    offset = offset_of_new_rows(fit.model.keywords, frame) if offset is None else offset
    known = known and bool(design.factors)
    made = apply(design.recipe, frame, [factor.keys for factor in design.factors] if known else None)
    shift, count = made.offset, int(made.complete.sum())
    if offset is not None:
        shift = shift + as_numbers(column(offset, frame, "offset")[1], "offset=")[made.complete]
    if not count:
        mean: Mean = mean_of(np.zeros((0, len(design.names))), ())
    else:
        mean = mean_of(made.x, made.nonlinear)
    rows = PredictedRows(
        index=made.index,
        complete=made.complete,
        mean=mean,
        offset=shift,
        z=made.z if known and count else _columns_of_new_levels(fit, frame, made.complete),
        codes=made.codes if known and count else tuple(np.full(count, -1, np.int32) for _ in design.factors),
        extra=_error_variance(fit, frame, made.complete),
    )
    if known:
        _warn_new(fit, rows)
    return rows


def _columns_of_new_levels(fit: LMMResults, frame: pd.DataFrame, complete: NDArray[np.bool_]) -> FloatArray:
    if not fit.design.factors:
        return np.zeros((int(complete.sum()), 0))
    return effects_columns(fit.design.recipe, frame, complete)


def _warn_new(fit: LMMResults, rows: PredictedRows) -> None:
    """Say that groups are new; unlike in `predict` their variance is in the intervals."""
    for random, codes in zip(fit.design.factors, rows.codes, strict=True):
        count = int((codes < 0).sum())
        if count:
            warnings.warn(
                f"{count} rows have levels of {random.factor!r} that the fit did not have: they are predicted "
                "as new groups, with the variance of the random effects in their intervals",
                NewLevelWarning,
                stacklevel=5,
            )


def _error_variance(fit: LMMResults, frame: pd.DataFrame, complete: NDArray[np.bool_]) -> FloatArray:
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
