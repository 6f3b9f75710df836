"""Fits of an old design again: to a new response, or by the other criterion."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from limeform.design import Design
from limeform.design.frame import refuse_rows
from limeform.errors import OptionError
from limeform.fit import (
    Estimates,
    Setup,
    TrimReport,
    estimate,
    estimate_again,
    estimate_joint,
    refit_trimmed,
    refit_trimmed_joint,
)
from limeform.solve import Newton, default_solver

if TYPE_CHECKING:
    from limeform.results.lmm import LMMResults

FloatArray = NDArray[np.float64]


def new_response(response: ArrayLike | pd.Series, design: Design) -> FloatArray:
    """Return a response on the rows of a design, shape (n,).

    Parameters
    ----------
    response : array of shape (n,) or Series
        Values in the order of the rows that were used; a Series is matched by its index.
    design : Design
        The design.

    Raises
    ------
    OptionError, DataError
        If the length or the index do not match, or a value is missing or infinite.
    """
    if isinstance(response, pd.Series) and not response.index.equals(design.index):
        if not (response.index.is_unique and design.index.isin(response.index).all()):
            raise OptionError("the index of the new response is not that of the rows; pass an array to go by position")
        response = response.loc[design.index]
    try:
        y = np.asarray(response, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise OptionError(f"the new response is not numeric: {error}") from error
    if y.shape != design.y.shape:
        raise OptionError(f"the new response has shape {y.shape}; the model used {len(design.y)} rows")
    if not np.isfinite(y).all():
        refuse_rows(~np.isfinite(y), design.index, "the new response is missing or infinite")
    return y


def fit_again(fit: LMMResults, y: FloatArray | None, reml: bool) -> tuple[Setup, Estimates, TrimReport | None]:
    """Fit a model again from the estimates of a fit, with the same rows kept and the same correction.

    Parameters
    ----------
    fit : LMMResults
        The fit.
    y : ndarray, shape (n,), or None
        New response less offset; None for the same one.
    reml : bool
        Restricted likelihood.

    Returns
    -------
    tuple of Setup, Estimates, and TrimReport or None
    """
    report, start = fit.trimming, replace(fit.estimates, reml=reml)
    if fit._joint is not None:
        joint = replace(fit._joint if y is None else fit._joint.with_response(y), reml=reml)
        if report is None:
            return joint.setup, estimate_joint(joint, default_solver(), start.variables), None
        joint, estimates, report = refit_trimmed_joint(joint, start, report, default_solver())
        return joint.setup, estimates, report
    if report is not None:
        return refit_trimmed(fit._setup, fit.design.shifted if y is None else y, start, report, Newton())
    if y is None:
        return fit._setup, estimate(fit._setup, reml, Newton(), start.variables), None
    return *estimate_again(fit._setup, y, reml, Newton(), start.variables), None
