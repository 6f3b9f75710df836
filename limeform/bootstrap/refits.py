"""Refits of a fitted model to new responses, or to rows drawn again."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from limeform.bootstrap.cases import CaseSampling, take
from limeform.bootstrap.fitted import Fit, correction, of_kept_rows, variance_bounds, with_variances
from limeform.bootstrap.responses import Responses
from limeform.bootstrap.run import Stream
from limeform.design import Design
from limeform.design.fixed import independent_columns
from limeform.errors import LimeformError
from limeform.fit import (
    Draws,
    Estimates,
    JointModel,
    ManyCases,
    Setup,
    completed,
    estimate,
    estimate_again,
    estimate_joint,
    estimate_many,
    prepare,
    stack,
    start_at,
)
from limeform.likelihood import ResidualVariance, reduce_rows
from limeform.mean import OutsideDomainError
from limeform.solve import EvaluationError, Newton, default_solver

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

SERIOUS = (LimeformError, np.linalg.LinAlgError, FloatingPointError, OutsideDomainError, EvaluationError)
"""What a refit may be expected to raise."""


class Refits(Protocol):
    """A way to refit."""

    size: int

    def __call__(self, refits: Sequence[Stream]) -> Draws:
        """Return the estimates of some refits."""

    def results(self, stream: Stream) -> Any:
        """Return the results object of one refit."""


@dataclass(frozen=True)
class Held:
    """Refits to new responses at the weights of the fit, many at once.

    Attributes
    ----------
    fit : Fit
        The fit.
    responses : Responses
        Makes the responses.
    setup : Setup
        The model at the weights of the fit, with the error variances that the responses have where these are known.
    divisor : float
        What residual variances are divided by.
    """

    fit: Fit
    responses: Responses
    setup: Setup
    divisor: float = 1.0

    @property
    def size(self) -> int:
        """Refits in a chunk: as many as keep its arrays small."""
        return int(np.clip(200_000 // len(self.fit.design.y), 1, 128))

    def __call__(self, refits: Sequence[Stream]) -> Draws:
        """Return the estimates of some refits."""
        y = np.array([self.responses.draw(stream.generator()) for stream in refits]) - self.fit.design.offset
        fit, lower = self.fit, variance_bounds(self.fit, self.setup)
        draws = estimate_many(self.setup, y, fit.reml, fit.estimates.variables, lower)
        draws.residual_variance[:] /= self.divisor
        return draws

    def results(self, stream: Stream) -> Any:
        """Return the results object of one refit."""
        fit, y = self.fit, self.responses.draw(stream.generator())
        shifted, lower = y - fit.design.offset, variance_bounds(fit, self.setup)
        setup, estimates = estimate_again(self.setup, shifted, fit.reml, Newton(), fit.estimates.variables, lower)
        estimates = replace(estimates, residual_variance=estimates.residual_variance / self.divisor)
        return type(fit)(fit.model.with_response(y), setup, estimates, fit.trimming)


@dataclass(frozen=True)
class Alone:
    """Refits to new responses at the weights of the fit, one by one: with constraints, priors or a nonlinear mean.

    Attributes
    ----------
    fit, responses, divisor
        As in `Held`.
    joint : JointModel
        The model at the weights of the fit, with the error variances that the responses have where these are known.
    """

    fit: Fit
    responses: Responses
    joint: JointModel
    divisor: float = 1.0
    size: int = 8

    def __call__(self, refits: Sequence[Stream]) -> Draws:
        """Return the estimates of some refits."""
        return stack([attempt(self.results, stream) for stream in refits], self.fit.estimates)

    def results(self, stream: Stream) -> Any:
        """Return the results object of one refit, which obeys the constraints as the fit does."""
        fit, y = self.fit, self.responses.draw(stream.generator())
        joint = self.joint.with_response(y - fit.design.offset)
        estimates = estimate_joint(joint, default_solver(), fit.estimates.variables)
        estimates = replace(estimates, residual_variance=estimates.residual_variance / self.divisor)
        return type(fit)(fit.model.with_response(y), joint.setup, estimates, fit.trimming)


@dataclass(frozen=True)
class Retrimmed:
    """Refits to new responses that choose the rows to keep anew."""

    fit: Fit
    responses: Responses
    size: int = 8

    def __call__(self, refits: Sequence[Stream]) -> Draws:
        """Return the estimates of some refits."""
        return stack([attempt(self.results, stream) for stream in refits], self.fit.estimates)

    def results(self, stream: Stream) -> Any:
        """Return the results object of one refit."""
        model = self.fit.model.with_response(self.responses.draw(stream.generator()))
        return model.fit(solver=Newton() if model.joint is None else None)


@dataclass(frozen=True)
class Cases:
    """Refits to groups, or rows, drawn with replacement."""

    fit: Fit
    sampling: CaseSampling
    retrim: bool = False
    divisor: float = 1.0

    @property
    def size(self) -> int:
        """Refits in a chunk."""
        return 8 if self.retrim else int(np.clip(200_000 // len(self.fit.design.y), 1, 128))

    def __call__(self, refits: Sequence[Stream]) -> Draws:
        """Return the estimates of some refits."""
        return self.of_many([self.sampling.draw(stream.generator()) for stream in refits])

    def of_many(self, chosen: Sequence[IntArray]) -> Draws:
        """Return the estimates of several draws of equally many units."""
        fit, sampling = self.fit, self.sampling
        many = None
        if not self.retrim and fit._joint is None:
            kept = of_kept_rows(fit, fit._setup, fit.design.shifted)
            many = ManyCases.of(kept, fit.design.shifted, fit.reml, sampling.unit_of_row(), sampling.units)
        if many is None:
            return stack([attempt(self.of_units, units) for units in chosen], fit.estimates)
        draws, settled = many.estimate(np.array(chosen), fit.estimates.variables)
        draws.residual_variance[:] /= self.divisor
        return completed(draws, settled, lambda i: stack([attempt(self.of_units, chosen[i])], fit.estimates))

    def results(self, stream: Stream) -> Any:
        """Return the results object of one refit."""
        return self.of_units(self.sampling.draw(stream.generator()))

    def of_units(self, chosen: IntArray) -> Any:
        """Return the results object of some units."""
        rows, place = self.sampling.rows(chosen)
        if self.retrim:
            model = self.fit.model.with_rows(rows, place)
            return model.fit(solver=Newton() if model.joint is None else None)
        return self.fit.refit_rows(rows, place)


def held(fit: Fit, responses: Responses) -> Held | Alone:
    """Return refits at the weights of a fit to responses whose errors have the variances of `error_variance`."""
    factor, known = correction(fit), fit.known_variance
    setup = with_variances(fit._setup, fit.design.shifted, 1.0 / factor if known else 1.0)
    divisor = 1.0 if known else 1.0 / factor
    if fit._joint is None:
        return Held(fit, responses, setup, divisor)
    return Alone(fit, responses, replace(fit._joint, setup=setup), divisor)


def attempt(refit: Any, argument: Any) -> Estimates | str:
    """Return the estimates of a refit, or what it said where it failed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimates: Estimates = refit(argument).estimates
    except SERIOUS as error:
        return _reason(error)
    except Exception as error:  # a mistake that one sample of many brings out: the others are not lost with it
        return f"unexpected {type(error).__name__}: {_reason(error)}"
    return estimates


def _reason(error: Exception) -> str:
    """Return the first line of what an error says, or its name if it says nothing."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def refit_design(fit: Fit, rows: IntArray, place: NDArray[np.int32]) -> tuple[Design, Setup, Estimates]:
    """Fit some rows of a design at the weights that they had.

    Parameters
    ----------
    fit : Fit
        The fit.
    rows : ndarray of int, shape (r,)
        Rows.
    place : ndarray of int32, shape (r,)
        Level of each.

    Returns
    -------
    tuple of Design, Setup and Estimates

    Raises
    ------
    ResampleError
        If the rows do not determine all parameters.
    """
    design, old = take(fit.design, rows, place), fit._setup.rows
    used = old.weights[rows] > 0
    _check_resample(design, used)
    setup = prepare(design)
    held = replace(setup.rows, weights=old.weights[rows], precision=old.precision[rows])
    if not used.all() or setup.residual is ResidualVariance.KNOWN:
        products = reduce_rows(design.shifted, held, setup.products.coordinates)
        setup = replace(setup, rows=held, products=products)
    first = start_at(setup, fit.estimates.gamma, fit.estimates.residual_variance)
    kept = of_kept_rows(fit, setup, design.shifted)
    return design, setup, estimate(kept, fit.reml, Newton(), first, variance_bounds(fit, setup))


def refit_joint(fit: Fit, rows: IntArray, place: NDArray[np.int32]) -> tuple[Any, Setup, Estimates]:
    """Fit some rows of a restricted or nonlinear model within its constraints, at the weights that the rows had.

    Parameters
    ----------
    fit : Fit
        The fit.
    rows : ndarray of int, shape (r,)
        Rows.
    place : ndarray of int32, shape (r,)
        Level of each.

    Returns
    -------
    tuple of model, Setup and Estimates

    Raises
    ------
    ResampleError, DataError
        If the rows do not determine all parameters.
    """
    model, weights = fit.model.with_rows(rows, place), fit._setup.rows.weights[rows]
    _check_strata(model.design, weights > 0)
    joint: JointModel = model.joint.with_weights(weights)
    kept = replace(joint, setup=of_kept_rows(fit, joint.setup, joint.y)).with_floor(variance_bounds(fit, joint.setup))
    estimates = fit.estimates
    start = kept.variables(estimates.beta, estimates.gamma, estimates.residual_variance)
    return model, joint.setup, estimate_joint(kept, default_solver(), start)


class ResampleError(LimeformError, ValueError):
    """A resample that does not determine all parameters."""


def _check_resample(design: Design, used: NDArray[np.bool_]) -> None:
    missing = len(design.names) - len(independent_columns(design.x[used], design.errors.precision[used]))
    if missing:
        raise ResampleError("a column of the fixed effects is constant or collinear in the rows drawn")
    _check_strata(design, used)


def _check_strata(design: Design, used: NDArray[np.bool_]) -> None:
    strata = design.errors.strata
    if strata is not None and len(np.unique(strata[used])) < len(design.errors.strata_levels):
        raise ResampleError(f"a level of {design.errors.source} was not drawn")
