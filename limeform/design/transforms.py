"""The transforms that limeform adds to the formula grammar: ``bspline``, ``interval``, ``log_ratio``, ``difference``.

Each learns its basis once and keeps it in formulaic's state, so that new data get the same columns.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from formulaic.materializers.types import FactorValues
from formulaic.transforms import stateful_transform
from numpy.typing import ArrayLike, NDArray

from limeform.design.intervals import Exposure, as_exposure, interval
from limeform.design.knot_choice import KnotChoice, make_basis
from limeform.design.splines import SplineBasis
from limeform.errors import DataError, OptionError, OutOfBoundsWarning

FloatArray = NDArray[np.float64]
State = dict[str, Any] | None


@dataclass(frozen=True)
class Learned:
    """What a transform learned from the data of the fit.

    Attributes
    ----------
    kind : {"spline", "log_ratio", "levels"}
        Which transform it was.
    basis : SplineBasis or None
        Basis of a curve.
    levels : tuple of str
        Levels of ``difference``; the first one is the baseline.
    differences : bool
        Whether the columns are differences, so that a constant added to the curve changes nothing.
    zero : float or None
        Where a curve of differences is taken to be zero, if the data say so (a constant reference).
    exposure, reference : Exposure or None
        Exposures of the fit's rows, for plots.
    """

    kind: str
    basis: SplineBasis | None = None
    levels: tuple[str, ...] = ()
    differences: bool = False
    zero: float | None = None
    exposure: Exposure | None = None
    reference: Exposure | None = None


@stateful_transform  # type: ignore[untyped-decorator,unused-ignore]
def bspline(
    x: object,
    knots: int | ArrayLike,
    degree: int = 3,
    bounds: tuple[float, float] | None = None,
    placement: str = "quantile",
    linear_left: bool = False,
    linear_right: bool = False,
    reference: object = None,
    name: str | None = None,
    _state: State = None,
) -> FactorValues[dict[str, FloatArray]]:
    """Return the columns of a B-spline in ``x``; in a formula, ``bspline(dose, knots=3)``.

    Parameters
    ----------
    x : column or interval
        Exposure; over an interval the columns are averages.
    knots : int or list
        Number of interior knots, or their positions (see ``placement``).
    degree : int
        0 to 5.
    bounds : tuple of float, optional
        Ends of the basis; the range of the data if left out. Beyond them the curve continues linearly.
    placement : {"quantile", "even", "fraction", "range"}
        A number of knots at quantiles or at equal distances; a list holds positions, or fractions of the data
        ("fraction") or of the range ("range"). Quantiles are those of the different exposures, references included.
    linear_left, linear_right : bool
        Whether the curve is linear beyond the outermost knot.
    reference : column, number or interval, optional
        The columns are the basis at ``x`` less the basis at ``reference``.
    name : str, optional
        What constraints, priors and results call the curve; the text of ``x`` if left out.

    Returns
    -------
    FactorValues
        K columns; one fewer with a reference.
    """
    _check_name(name)
    state = {} if _state is None else _state
    exposure = as_exposure(x)
    other = None if reference is None else as_exposure(reference, len(exposure.low))
    if "curve" not in state:
        basis = learn_basis(exposure, other, KnotChoice(knots, placement), degree, bounds, linear_left, linear_right)
        state["curve"] = Learned("spline", basis, (), other is not None, _constant(other), exposure, other)
    basis = state["curve"].basis
    warn_outside(basis, exposure, other)
    columns = spline_columns(basis, exposure, other)
    if other is None:
        return _factor(columns, range(basis.size), spans_intercept=True)
    return _factor(columns, range(1, basis.size))


@stateful_transform  # type: ignore[untyped-decorator,unused-ignore]
def log_ratio(
    x: object,
    reference: object,
    knots: int | ArrayLike,
    degree: int = 3,
    bounds: tuple[float, float] | None = None,
    placement: str = "quantile",
    linear_left: bool = False,
    linear_right: bool = False,
    name: str | None = None,
    _state: State = None,
) -> FactorValues[dict[str, FloatArray]]:
    """Return the columns from which ln f(x) - ln f(reference) is computed; arguments as in `bspline`.

    Returns
    -------
    FactorValues
        2K columns: the basis at ``x``, then at ``reference``.
    """
    _check_name(name)
    state = {} if _state is None else _state
    exposure = as_exposure(x)
    other = as_exposure(reference, len(exposure.low))
    if "curve" not in state:
        basis = learn_basis(exposure, other, KnotChoice(knots, placement), degree, bounds, linear_left, linear_right)
        state["curve"] = Learned("log_ratio", basis, (), False, _constant(other), exposure, other)
    basis = state["curve"].basis
    warn_outside(basis, exposure, other)
    return _factor(ratio_columns(basis, exposure, other), range(2 * basis.size))


@stateful_transform  # type: ignore[untyped-decorator,unused-ignore]
def difference(
    x: object, reference: object, levels: Sequence[object] | None = None, name: str | None = None, _state: State = None
) -> FactorValues[dict[str, FloatArray]]:
    """Return the columns of a comparison of two levels: in a formula, ``difference(C(dose), C(control))``.

    Parameters
    ----------
    x, reference : column
        The level that was studied and the one it was compared with.
    levels : list, optional
        All levels in their order, the baseline first; otherwise the order of the categories, or sorted.
    name : str, optional
        What constraints, priors and results call the effects; the text of ``x`` if left out.

    Returns
    -------
    FactorValues
        One column for each level but the first: 1 where ``x`` is that level, less 1 where ``reference`` is.
    """
    _check_name(name)
    state = {} if _state is None else _state
    here, there = _series(x), _series(reference)
    if "curve" not in state:
        order = _levels(here, there, levels)
        state["curve"] = Learned("levels", None, tuple(str(level) for level in order), True)
        state["levels"] = order
    order = state["levels"]
    codes = [pd.Index(order).get_indexer(pd.Index(part.astype(object))) for part in (here, there)]
    for part, code in zip((here, there), codes, strict=True):
        if (code < 0).any():
            unknown = ", ".join(repr(level) for level in part[code < 0].unique()[:5])
            known = ", ".join(map(repr, order[:10]))
            raise DataError(f"difference() meets levels that it does not know: {unknown}; it knows {known}")
    indicators = np.eye(len(order))
    columns = (indicators[codes[0]] - indicators[codes[1]])[:, 1:]
    return _factor(columns, [str(level) for level in order[1:]])


TRANSFORMS: dict[str, Any] = {
    "bspline": bspline,
    "interval": interval,
    "log_ratio": log_ratio,
    "difference": difference,
}
"""Name in a formula to the transform."""


def _check_name(name: object) -> None:
    if name is not None and not (isinstance(name, str) and name.strip()):
        raise OptionError(f"name={name!r}: give a text that is not empty")


def spline_columns(basis: SplineBasis, exposure: Exposure, other: Exposure | None) -> FloatArray:
    """Return the columns of ``bspline``, shape (n, K); less those at references, shape (n, K - 1)."""
    columns = exposure.rows(basis)
    return columns if other is None else (columns - other.rows(basis))[:, 1:]


def ratio_columns(basis: SplineBasis, exposure: Exposure, other: Exposure) -> FloatArray:
    """Return the columns of ``log_ratio``, shape (n, 2K)."""
    return np.hstack([exposure.rows(basis), other.rows(basis)])


def learn_basis(
    exposure: Exposure,
    other: Exposure | None,
    choice: KnotChoice,
    degree: int,
    bounds: tuple[float, float] | None,
    linear_left: bool,
    linear_right: bool,
) -> SplineBasis:
    """Return the basis that exposures and arguments of a transform make, with a coefficient for each at most."""
    x = exposure.ends if other is None else np.concatenate([exposure.ends, other.ends])
    distinct = exposure.distinct + (0 if other is None else other.distinct)
    number = float(min(choice.knots, 1e15)) if isinstance(choice.knots, (int, float, np.number)) else 0.0
    # At least: looked at first, since a wild number of knots would fill the memory.
    size = int(number) + 1 if np.isfinite(number) else 0
    if size <= distinct:
        basis = make_basis(x, choice, degree, bounds, linear_left, linear_right)
        size = basis.size
    if size > distinct:
        raise DataError(
            f"the curve has {size} coefficients, but the data only {distinct} different exposures: "
            "give fewer knots or a lower degree="
        )
    return basis


def _constant(exposure: Exposure | None) -> float | None:
    """Return the exposure of all rows, if they share one that is a point."""
    if exposure is None or np.ptp(exposure.ends) > 0:
        return None
    return float(exposure.low[0])


def _factor(columns: FloatArray, fields: Sequence[object] | range, spans_intercept: bool = False) -> FactorValues[Any]:
    values = {str(field): np.ascontiguousarray(columns[:, j]) for j, field in enumerate(fields)}
    return FactorValues(
        values,
        kind="numerical",
        spans_intercept=spans_intercept,
        drop_field=str(fields[0]) if spans_intercept else None,
        format="{name}[{field}]",
        encoded=False,
    )


def warn_outside(basis: SplineBasis, *exposures: Exposure | None) -> None:
    """Warn once where exposures lie outside of the bounds of a spline."""
    ends = np.concatenate([part.ends for part in exposures if part is not None])
    slack = 1e-9 * (basis.upper - basis.lower)
    outside = int(((ends < basis.lower - slack) | (ends > basis.upper + slack)).sum())
    if outside:
        warnings.warn(
            f"{outside} exposures lie outside of the bounds {basis.lower:g} to {basis.upper:g} of a spline, "
            "which continues linearly there",
            OutOfBoundsWarning,
            stacklevel=2,
        )


def _series(values: object) -> pd.Series:
    plain = getattr(values, "__wrapped__", values)
    return plain if isinstance(plain, pd.Series) else pd.Series(np.asarray(plain))


def _levels(here: pd.Series, there: pd.Series, levels: Sequence[object] | None) -> list[object]:
    if levels is not None:
        if len(set(levels)) < len(levels) or len(levels) < 2:
            raise OptionError(f"levels={list(levels)!r}: give two or more different levels, the baseline first")
        return list(levels)
    if isinstance(here.dtype, pd.CategoricalDtype):
        order = list(here.cat.categories)
        others = there.cat.categories if isinstance(there.dtype, pd.CategoricalDtype) else there.unique()
        used = {*here.unique(), *there.unique()}
        return [level for level in [*order, *(level for level in others if level not in set(order))] if level in used]
    try:
        return sorted(set(here.unique()) | set(there.unique()))
    except TypeError as error:
        raise DataError(f"the levels of difference() cannot be ordered ({error}): give levels=") from error
