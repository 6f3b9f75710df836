"""Refits of a fitted model to new responses, or to rows drawn again."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from limeform.bootstrap.cases import CaseSampling, take
from limeform.bootstrap.parameters import ParameterNames
from limeform.bootstrap.responses import Responses
from limeform.bootstrap.run import Stream
from limeform.design import Design
from limeform.design.fixed import independent_columns
from limeform.errors import LimeformError, OptionError
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
)
from limeform.likelihood import ResidualVariance, reduce_rows
from limeform.solve import Newton, default_solver

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

SERIOUS = (LimeformError, np.linalg.LinAlgError, FloatingPointError)
"""What a refit may raise without ending the bootstrap."""


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
    def _joint(self) -> JointModel | None:
        """The joint model at the weights of the fit, with constraints, priors or a nonlinear mean."""

    def refit_rows(self, rows: IntArray, place: NDArray[np.int32]) -> Any:
        """Return the results of other rows."""


class Refits(Protocol):
    """A way to refit."""

    size: int

    def __call__(self, refits: Sequence[Stream]) -> Draws:
        """Return the estimates of some refits."""

    def results(self, stream: Stream) -> Any:
        """Return the results object of one refit."""


@dataclass(frozen=True)
class Held:
    """Refits to new responses at the weights of the fit, many at once."""

    fit: Fit
    responses: Responses

    @property
    def size(self) -> int:
        """Refits in a chunk: as many as keep its arrays small."""
        return int(np.clip(200_000 // len(self.fit.design.y), 1, 128))

    def __call__(self, refits: Sequence[Stream]) -> Draws:
        """Return the estimates of some refits."""
        y = np.array([self.responses.draw(stream.generator()) for stream in refits]) - self.fit.design.offset
        fit, report = self.fit, self.fit.trimming
        lower = None if report is None else report.lower
        return estimate_many(fit._setup, y, fit.reml, fit.estimates.variables, lower)

    def results(self, stream: Stream) -> Any:
        """Return the results object of one refit."""
        fit, y = self.fit, self.responses.draw(stream.generator())
        setup, estimates = estimate_again(
            fit._setup, y - fit.design.offset, fit.reml, Newton(), fit.estimates.variables
        )
        # Nothing was trimmed from this response, so that its variances need no correction for it.
        return type(fit)(fit.model.with_response(y), setup, estimates, fit.trimming)


@dataclass(frozen=True)
class Alone:
    """Refits to new responses at the weights of the fit, one by one: with constraints, priors or a nonlinear mean."""

    fit: Fit
    responses: Responses
    size: int = 8

    def __call__(self, refits: Sequence[Stream]) -> Draws:
        """Return the estimates of some refits."""
        return stack([attempt(self.results, stream) for stream in refits], self.fit.estimates)

    def results(self, stream: Stream) -> Any:
        """Return the results object of one refit, which obeys the constraints as the fit does."""
        fit, y = self.fit, self.responses.draw(stream.generator())
        assert fit._joint is not None
        joint = fit._joint.with_response(y - fit.design.offset)
        estimates = estimate_joint(joint, default_solver(), fit.estimates.variables)
        # Nothing was trimmed from this response, so that its variances need no correction for it.
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
        if not self.retrim:
            many = ManyCases.of(fit._setup, fit.design.shifted, fit.reml, sampling.unit_of_row(), sampling.units)
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
            return self.fit.model.with_rows(rows, place).fit(solver=Newton())
        return self.fit.refit_rows(rows, place)


def attempt(refit: Any, argument: Any) -> Estimates | str:
    """Return the estimates of a refit, or what it said where it failed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimates: Estimates = refit(argument).estimates
    except SERIOUS as error:
        return str(error).splitlines()[0]
    return estimates


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
    design, old = take(fit.design, rows, place), fit._setup
    used = old.rows.weights[rows] > 0
    _check_resample(design, used)
    setup = prepare(design)
    held = replace(setup.rows, weights=old.rows.weights[rows], precision=old.rows.precision[rows])
    if not used.all() or setup.residual is ResidualVariance.KNOWN:
        products = reduce_rows(design.shifted, held, setup.products.coordinates)
        setup = replace(setup, rows=held, products=products)
    return design, setup, estimate(setup, fit.reml, Newton(), _start(setup, fit.estimates))


class ResampleError(LimeformError, ValueError):
    """A resample that does not determine all parameters."""


def _check_resample(design: Design, used: NDArray[np.bool_]) -> None:
    missing = len(design.names) - len(independent_columns(design.x[used], design.errors.precision[used]))
    if missing:
        raise ResampleError("a column of the fixed effects is constant or collinear in the rows drawn")
    strata = design.errors.strata
    if strata is not None and len(np.unique(strata[used])) < len(design.errors.strata_levels):
        raise ResampleError(f"a level of {design.errors.source} was not drawn")


def _start(setup: Setup, estimates: Estimates) -> FloatArray:
    """Return the estimates of the fit as variance parameters in the coordinates of another design."""
    coordinates = setup.products.coordinates
    back = np.linalg.inv(coordinates.effects) if setup.covariance.size else np.zeros((0, 0))
    gamma = back @ estimates.gamma @ back.T
    variances = estimates.residual_variance / coordinates.variance
    if setup.residual is ResidualVariance.STRATA:
        return np.concatenate([setup.covariance.parameters(gamma), np.log(np.maximum(variances, 1e-12))])
    return setup.covariance.parameters(gamma / variances[0])


@dataclass(frozen=True)
class Again:
    """Does the refits of a bootstrap again; see `Replay`."""

    refits: Any
    streams: Sequence[Stream]
    parameters: ParameterNames
    jackknife: Cases | None

    def of_fit(self, function: Any) -> Any:
        """Return the function of the fit itself."""
        return function(self.refits.fit)

    def quantity(self, function: Any, numbers: Sequence[int]) -> list[Any]:
        """Return the function of some refits; an exception where it raised one."""
        return [_value(function, self.refits.results, self.streams[number]) for number in numbers]

    def leave_out(self, function: Any | None) -> FloatArray:
        """Return the parameters, or the function, of refits that lack one unit each, shape (units, columns)."""
        if self.jackknife is None:
            raise OptionError(
                'method="bca" leaves out groups in turn, which this model does not allow: see kind="cases"'
            )
        units = [self.jackknife.sampling.without(unit) for unit in range(self.jackknife.sampling.units)]
        if function is None:
            size = self.jackknife.size
            parts = [self.jackknife.of_many(units[start : start + size]) for start in range(0, len(units), size)]
            return np.concatenate([self.parameters.values(draws) for draws in parts])
        width = np.size(function(self.refits.fit))
        values = [_value(function, self.jackknife.of_units, chosen) for chosen in units]
        blank = np.full(width, np.nan)
        return np.array(
            [blank if isinstance(value, Exception) else np.asarray(value, np.float64).ravel() for value in values]
        )


def _value(function: Any, refit: Any, argument: Any) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(refit(argument))
    except Exception as error:  # the function is the user's own: anything can come out of it
        return error
