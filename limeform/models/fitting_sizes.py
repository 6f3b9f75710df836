"""Whether the arrays of a file have the sizes of the model in it, and numbers where numbers are needed."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from limeform.errors import ArchiveError
from limeform.fit import Estimates, RestrictedFit, Setup, TrimReport
from limeform.likelihood import Coordinates, ResidualVariance
from limeform.models.lmm import LMM

LEAST_FACTOR = 1e-30
"""The variance that trimming leaves is more than this share: no row is kept within so few standard deviations."""


def check_coordinates(model: LMM, coordinates: Coordinates, name: str) -> None:
    """Refuse coordinates that are no invertible maps of the model's columns.

    Raises
    ------
    ArchiveError
    """
    p, k = len(model.design.names), sum(len(factor.names) for factor in model.design.factors)
    _sized(coordinates.fixed, (p, p), "coordinates", name)
    _sized(coordinates.origin, (p,), "coordinates", name)
    _sized(coordinates.effects, (k, k), "coordinates", name)
    scales = [*np.diag(coordinates.fixed), *np.diag(coordinates.effects), coordinates.variance]
    if not np.all(scales) or not 0 < coordinates.variance < np.inf:
        raise ArchiveError(f"{name!r} is damaged: its coordinates cannot be inverted")


def check_estimates(model: LMM, setup: Setup, estimates: Estimates, name: str) -> None:
    """Refuse estimates that do not have the size of the model, or are no numbers.

    Raises
    ------
    ArchiveError
    """
    p, k = len(model.design.names), setup.covariance.size
    strata = len(model.design.errors.strata_levels) or 1
    unknown = 0 if setup.residual is ResidualVariance.KNOWN else strata
    mean = p if model.restrictions is not None else 0
    logs = unknown if mean or setup.residual is ResidualVariance.STRATA else 0
    _sized(estimates.beta, (p,), "estimates", name)
    _sized(estimates.beta_covariance, (p, p), "estimates", name, finite=False)
    _sized(estimates.gamma, (k, k), "estimates", name)
    _sized(estimates.residual_variance, (max(unknown, 1),), "estimates", name)
    _sized(estimates.variables, (setup.covariance.n_parameters + logs + mean,), "estimates", name)
    if (estimates.restricted is None) != (model.restrictions is None):
        raise ArchiveError(f"{name!r} is damaged: its estimates are not those of a model with these constraints")
    if estimates.restricted is not None:
        _check_restricted(estimates.restricted, p, name)


def _check_restricted(restricted: RestrictedFit, p: int, name: str) -> None:
    _sized(restricted.covariance, (p, p), "estimates", name, finite=False)
    _sized(restricted.held, (p,), "estimates", name)


def check_report(model: LMM, setup: Setup, report: TrimReport, name: str) -> None:
    """Refuse a report on trimming that is not about the rows of the model.

    Raises
    ------
    ArchiveError
    """
    n = len(model.design.y)
    _sized(report.weights, (n,), "report on trimming", name)
    for field in dataclasses.fields(report.rows):
        if field.name != "fixed_cross":
            _sized(getattr(report.rows, field.name), (n,), "report on trimming", name, finite=False)
    check_estimates(model, setup, report.raw, name)
    kept_variance = np.asarray(report.factor, dtype=np.float64)
    if kept_variance.shape != () or not LEAST_FACTOR <= kept_variance <= 1:
        raise ArchiveError(
            f"{name!r} is damaged: its report on trimming has the factor {report.factor!r}, a share of a variance that "
            "is above 0 and at most 1"
        )


def _sized(array: NDArray[np.generic], shape: tuple[int, ...], what: str, name: str, finite: bool = True) -> None:
    if array.shape != shape:
        raise ArchiveError(f"{name!r} is damaged: its {what} do not have the size of the model")
    if finite and not np.isfinite(array.astype(np.float64)).all():
        raise ArchiveError(f"{name!r} is damaged: its {what} hold values that are no numbers")
