"""What a bootstrap needs of a fit, and the error variances of refits after a correction for trimming."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from limeform.design import Design
from limeform.fit import Estimates, JointModel, Setup
from limeform.likelihood import reduce_rows

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


class Fit(Protocol):
    """What is resampled: a results object."""

    design: Design
    estimates: Estimates
    model: Any
    trimming: Any
    _setup: Setup

    def __init__(self, model: Any, setup: Setup, estimates: Estimates, trimming: Any = None) -> None:
        """Put results together."""

    @property
    def reml(self) -> bool:
        """Whether the restricted likelihood was maximised."""

    @property
    def known_variance(self) -> bool:
        """Whether the error variances are known."""

    @property
    def _joint(self) -> JointModel | None:
        """The joint model at the weights of the fit, with constraints, priors or a nonlinear mean."""

    def refit_rows(self, rows: IntArray, place: NDArray[np.int32]) -> Any:
        """Return the results of other rows."""


def correction(fit: Fit) -> float:
    """Return the factor that the fit was corrected by for the good rows that were trimmed; 1 where it was not."""
    return float(fit.trimming.factor) if fit.trimming is not None and fit.trimming.options.correct else 1.0


def error_variance(fit: Fit) -> FloatArray:
    """Return the error variances of responses to refit at the weights of the fit, shape (n,).

    Nothing is trimmed from the new responses. They stand for samples that were: an estimate from rows that were chosen
    by their own residuals varies as one from the same rows with 1 / factor times the error variance, and standard
    errors are corrected by that.
    """
    strata, variances = fit.design.errors.strata, fit.estimates.residual_variance
    each = variances if strata is None else variances[strata]
    return np.asarray(each / fit._setup.rows.precision / correction(fit), dtype=np.float64)


def with_variances(setup: Setup, y: FloatArray, multiple: float) -> Setup:
    """Return a model of a response less offset, ``y``, shape (n,), with its known error variances multiplied."""
    if multiple == 1.0:
        return setup
    rows = replace(setup.rows, precision=setup.rows.precision / multiple)
    return replace(setup, rows=rows, products=reduce_rows(y, rows, setup.products.coordinates))


def of_kept_rows(fit: Fit, setup: Setup, y: FloatArray) -> Setup:
    """Return a model of rows of a fit with the error variances that the rows kept have after its correction."""
    return with_variances(setup, y, correction(fit) if fit.known_variance else 1.0)


def variance_bounds(fit: Fit, setup: Setup) -> FloatArray | None:
    """Return the lower bounds of the variance variables of a refit of the rows that a fit kept.

    Parameters
    ----------
    fit : Fit
        The fit.
    setup : Setup
        What the refit works on, perhaps in other working coordinates.

    Returns
    -------
    ndarray, shape (q,), or None
        None where rows were not trimmed: the solver's own bounds hold. Only strata have finite ones.
    """
    if fit.trimming is None:
        return None
    units = fit._setup.products.coordinates.variance / setup.products.coordinates.variance
    lower: FloatArray = fit.trimming.lower.copy()
    lower[setup.covariance.n_parameters :] += np.log(units)
    return lower
