"""Curves of a fit: values with a band for the mean and one for a new group, as tables and as content of pictures."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from limeform.bootstrap.intervals import expanded_alpha, percentile
from limeform.design import Curve, Design, GroupedEffects
from limeform.design.curves import argument_of, spline_of
from limeform.design.formulaic_compat import replay
from limeform.design.intervals import Exposure
from limeform.design.random import terms_by_factor
from limeform.design.transforms import warn_outside
from limeform.errors import LimeformError, OptionError, OutOfBoundsWarning, UnknownBandWarning
from limeform.plot import CurvePicture
from limeform.plot.scale import transform_name
from limeform.results.curve_rows import at_reference, implied_by_rows
from limeform.results.inference import check_alpha
from limeform.results.mixture import mixture_quantiles
from limeform.results.restrictions import units_to_allow_for

if TYPE_CHECKING:
    from limeform.results.lmm import LMMResults

FloatArray = NDArray[np.float64]
Transform = Callable[[Any], Any] | None

ORDINALS = ("", "First", "Second", "Third", "Fourth", "Fifth")
POINTS = 200
"""Points of a curve where the user gives none."""


@dataclass(frozen=True, eq=False)
class CurveInputs:
    """What a curve is computed from.

    Attributes
    ----------
    curve : Curve
        The curve.
    design : Design
        The model's arrays, for the random part.
    beta : ndarray, shape (p,)
        Parameters of the mean.
    covariance : ndarray, shape (p, p)
        Their covariance.
    known : bool
        Whether standard errors of this curve mean something: no active inequality touches it.
    held : bool
        Whether one does.
    gamma : ndarray, shape (k, k)
        Covariance of the random effects.
    units : int
        What percentiles of draws are expanded for; see `expanded_alpha`.
    """

    curve: Curve
    design: Design
    beta: FloatArray
    covariance: FloatArray
    known: bool
    held: bool
    gamma: FloatArray
    units: int


def curve_inputs(results: LMMResults, term: str) -> CurveInputs:
    """Collect what the curve of a term is computed from.

    Raises
    ------
    OptionError
        If there is no such curve.
    """
    curve = find_curve(results, term)
    estimates, restricted = results.estimates, results.estimates.restricted
    held = np.zeros(len(estimates.beta), dtype=bool) if restricted is None else restricted.held
    covariance = estimates.beta_covariance if restricted is None else restricted.covariance
    own = [*curve.columns, *([] if curve.intercept is None else [curve.intercept])]
    touched = bool(held[own].any())
    known = not touched and bool(np.isfinite(covariance).all())
    units = units_to_allow_for(results)
    return CurveInputs(curve, results.design, estimates.beta, covariance, known, touched, estimates.gamma, units)


def find_curve(results: LMMResults, term: str) -> Curve:
    """Return a curve of the model by its name, as constraints left it."""
    restrictions = results.model.restrictions
    curves = results.design.curves if restrictions is None else restrictions.curves
    key = "".join(term.split()) if isinstance(term, str) else None
    for curve in curves:
        if key in ("".join(curve.name.split()), "".join(curve.text.split())):
            return curve
    known = ", ".join(repr(curve.name) for curve in curves) or "the model has none"
    raise OptionError(f"{term!r} is not a curve of the model; curves: {known}")


def curve_table(
    inputs: CurveInputs,
    at: ArrayLike | None,
    derivative: int,
    alpha: float,
    random: Mapping[str, ArrayLike] | None,
    draws: FloatArray | None,
) -> pd.DataFrame:
    """Compute a curve with its bands.

    Parameters
    ----------
    inputs : CurveInputs
        The fit.
    at : array (n,), optional
        Exposures, or levels.
    derivative : int
        Order of the derivative.
    alpha : float
        One minus the coverage of the bands.
    random : mapping of str to array (n,), optional
        Columns of the random effects of a new group at the exposures.
    draws : ndarray, shape (d, p), optional
        Draws of the parameters, from which the bands are taken as quantiles.

    Returns
    -------
    DataFrame
        Columns ``at, fit, mean_lower, mean_upper, new_lower, new_upper``.
    """
    check_alpha(alpha)
    curve = inputs.curve
    places, rows = _rows(curve, at, derivative)
    lifted = rows @ curve.lift(len(inputs.beta))
    level = curve.level if derivative == 0 else 0.0
    fit = lifted @ inputs.beta + level
    between = _between(inputs, places, random) if derivative == 0 else np.full(len(fit), np.nan)
    table = pd.DataFrame({"at": places, "fit": fit})
    logarithmic = curve.kind == "log_ratio" and derivative == 0
    if draws is not None:
        bands = _from_draws(draws @ lifted.T + level, between, expanded_alpha(alpha, inputs.units), logarithmic)
    else:
        bands = _wald(inputs, lifted, fit, between, alpha, logarithmic)
    for name, values in zip(("mean_lower", "mean_upper", "new_lower", "new_upper"), bands, strict=True):
        table[name] = values
    return _only_positive(table, curve.name) if logarithmic else table


def curve_draws(
    inputs: CurveInputs, at: ArrayLike | None, derivative: int, draws: FloatArray
) -> tuple[NDArray[Any], FloatArray]:
    """Return the places of a curve, shape (n,), and its values at draws of the parameters, shape (d, n).

    Where a curve under a logarithm is not positive its value is NaN, as in `curve_table`.
    """
    curve = inputs.curve
    places, rows = _rows(curve, at, derivative)
    values = draws @ (rows @ curve.lift(len(inputs.beta))).T + (curve.level if derivative == 0 else 0.0)
    if curve.kind == "log_ratio" and derivative == 0:
        values = np.where(values > 0, values, np.nan)
    return places, values


def _only_positive(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Put nan where a curve under a logarithm, beyond where it was kept positive, is not, and say so."""
    below = table["fit"].to_numpy() <= 0
    if not below.any():
        return table
    places = table["at"].to_numpy()[below]
    warnings.warn(
        f"{name!r} stands under a logarithm, and is not positive at {int(below.sum())} of the exposures (between "
        f"{places.min():g} and {places.max():g}), where it goes on beyond its bounds: it is NaN there. Wider bounds= "
        "in the formula would keep it positive",
        OutOfBoundsWarning,
        stacklevel=4,
    )
    return table.where(~below[:, None] | (table.columns == "at"))


def transformed(table: pd.DataFrame, transform: Transform) -> pd.DataFrame:
    """Return the table with its values transformed, such as by ``np.exp``; lower ends stay lower ends."""
    if transform is None:
        return table
    if not callable(transform):
        raise OptionError(f"transform={transform!r}: give a function, such as np.exp")
    result = table.copy()
    columns = [name for name in table.columns if name != "at"]
    for name in columns:
        result[name] = np.asarray(transform(table[name].to_numpy()), dtype=np.float64)
    for kind in ("mean", "new"):
        ends = result[[f"{kind}_lower", f"{kind}_upper"]].to_numpy()
        result[f"{kind}_lower"], result[f"{kind}_upper"] = ends.min(axis=1), ends.max(axis=1)
    return result


def warn_of_unknown(inputs: CurveInputs, table: pd.DataFrame, derivative: int, draws: FloatArray | None) -> None:
    """Warn, on behalf of the caller's caller, where a band of a curve is NaN throughout, and say what gives it.

    The band of a new group is one of values: that derivatives have none is no news.
    """
    message = ""
    if draws is None and not inputs.known:
        reason = "the Hessian is not positive definite at the estimates"
        if inputs.held:
            reason = "an active inequality or the kink of a prior involves it"
        message = (
            f"the curve {inputs.curve.name!r} has no normal band, so that its bands are NaN, as {reason}: give draws=, "
            "such as draws=200, for bands from refits"
        )
    elif derivative == 0 and inputs.design.factors and table["new_lower"].isna().all():
        names = ", ".join(name for random in inputs.design.factors for name in random.names if name != "Intercept")
        message = (
            f"the band of a new group is NaN for the curve {inputs.curve.name!r}, as the columns of the random effects "
            f"do not follow from the exposure: give random= with the values of {names} at the exposures"
        )
    if message:
        warnings.warn(message, UnknownBandWarning, stacklevel=3)


def _rows(curve: Curve, at: ArrayLike | None, derivative: int) -> tuple[NDArray[Any], FloatArray]:
    if curve.kind == "levels":
        chosen = list(curve.levels) if at is None else [str(level) for level in np.atleast_1d(np.asarray(at))]
        unknown = [level for level in chosen if level not in curve.levels]
        if unknown or derivative:
            raise OptionError(f"{curve.name!r} has the levels {', '.join(curve.levels)}, and no derivative")
        return np.array(chosen, dtype=object), np.eye(curve.size)[[curve.levels.index(level) for level in chosen]]
    basis = spline_of(curve)
    if derivative not in range(6):
        raise OptionError(f"derivative={derivative!r} has to be a whole number from 0 to 5")
    try:
        places = np.linspace(basis.lower, basis.upper, POINTS) if at is None else np.atleast_1d(np.asarray(at, float))
    except (TypeError, ValueError) as error:
        raise OptionError(f"at= takes exposures, which are numbers; found {at!r}") from error
    if places.ndim != 1 or not np.isfinite(places).all():
        raise OptionError("at= takes finite numbers in one dimension")
    warn_outside(basis, Exposure(places, places))
    return places, curve.rows(places, derivative)


def _between(inputs: CurveInputs, places: NDArray[Any], given: Mapping[str, ArrayLike] | None) -> FloatArray:
    """Return the variance of the effects of a new group of each factor at each place; NaN where it is not known."""
    total, start = np.zeros(len(places)), 0
    if given is not None:
        _check_names(inputs.design, given)
    for random, numbers in zip(inputs.design.factors, terms_by_factor(inputs.design.recipe.formula), strict=True):
        stop = start + len(random.names)
        z = _columns_of_new_group(inputs, random, numbers, places, given)
        if z is None:
            return np.full(len(places), np.nan)
        total += np.einsum("nk,kl,nl->n", z, inputs.gamma[start:stop, start:stop], z)
        start = stop
    return total


def _check_names(design: Design, given: Mapping[str, ArrayLike]) -> None:
    names = [name for random in design.factors for name in random.names]
    missing = [name for name in names if name != "Intercept" and name not in given]
    if missing:
        raise OptionError(f"random= lacks {missing[0]!r}; the random effects are {', '.join(names)}")


def _columns_of_new_group(
    inputs: CurveInputs,
    random: GroupedEffects,
    numbers: Sequence[int],
    places: NDArray[Any],
    given: Mapping[str, ArrayLike] | None,
) -> FloatArray | None:
    """Return the columns of a new group of one factor, shape (n, k); ``numbers`` are its terms in the formula."""
    recipe, n = inputs.design.recipe, len(places)
    if given is not None:
        columns = {"Intercept": np.ones(n)} | {
            ("Intercept" if name == "1" else name): np.broadcast_to(np.asarray(value, np.float64), n)
            for name, value in given.items()
        }
        return np.column_stack([columns[name] for name in random.names])
    if set(random.names) == {"Intercept"}:
        return np.ones((n, 1))
    frame = pd.DataFrame({argument_of(inputs.curve.text): places})
    try:
        blocks = [replay(recipe.random[number], frame, recipe.scope.mapping(), recipe.formula) for number in numbers]
    except (LimeformError, KeyError):
        return None
    return np.hstack(blocks)


def _wald(
    inputs: CurveInputs, rows: FloatArray, fit: FloatArray, between: FloatArray, alpha: float, logarithmic: bool
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return normal bands; on the logarithmic scale for a curve under a logarithm, which is positive."""
    variance = np.einsum("ni,ij,nj->n", rows, inputs.covariance, rows) if inputs.known else np.full(len(fit), np.nan)
    variance = np.clip(variance, 0.0, None)
    z = norm.isf(alpha / 2)
    if logarithmic:
        fit = np.where(fit > 0, fit, np.nan)
        spread = variance / fit**2
        mean, new = np.exp(z * np.sqrt(spread)), np.exp(z * np.sqrt(spread + between))
        return fit / mean, fit * mean, fit / new, fit * new
    mean, new = z * np.sqrt(variance), z * np.sqrt(variance + between)
    return fit - mean, fit + mean, fit - new, fit + new


def _from_draws(
    values: FloatArray, between: FloatArray, alpha: float, logarithmic: bool
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return quantiles of draws, shape (d, n), and of draws with the effect of a new group."""
    mean = percentile(values, alpha)
    ends = [alpha / 2, 1 - alpha / 2]
    if logarithmic:  # beyond its bounds a draw need not be positive: there is no band there
        new = np.exp(mixture_quantiles(np.log(np.where(values > 0, values, np.nan)), between, ends))
    else:
        new = mixture_quantiles(values, between, ends)
    # Where groups hardly differ, the mixture's quantiles are a little within those of so few draws.
    return mean[:, 0], mean[:, 1], np.minimum(mean[:, 0], new[0]), np.maximum(mean[:, 1], new[1])


def error_variances(results: LMMResults) -> FloatArray:
    """Return the error variance of each row at the estimates, shape (n,)."""
    errors, variances = results.design.errors, results.estimates.residual_variance
    if errors.variance is not None:
        return errors.variance
    each = variances[0] if errors.strata is None else variances[errors.strata]
    return np.asarray(each / errors.weights, dtype=np.float64)


def curve_picture(
    results: LMMResults, inputs: CurveInputs, table: pd.DataFrame, transform: Transform, derivative: int, alpha: float
) -> CurvePicture:
    """Return what a picture of a curve shows: the curve, the rows placed on it, knots and references.

    A row is drawn at its exposure (the middle of an interval), at what the curve would have to be there for the row to
    be met by the population's mean; its reference lies on the curve.
    """
    curve, design = inputs.curve, inputs.design
    same: Callable[[Any], Any] = (lambda values: values) if transform is None else transform
    levels = curve.kind == "levels"
    basis = None if levels else spline_of(curve)
    at = np.arange(len(table), dtype=np.float64) if levels else table["at"].to_numpy(dtype=np.float64)
    picture = CurvePicture(
        name=curve.name,
        response=_value_name(inputs, transform, derivative),
        at=at,
        labels=tuple(str(level) for level in table["at"]) if levels else (),
        fit=table["fit"].to_numpy(),
        mean_band=table[["mean_lower", "mean_upper"]].to_numpy(),
        new_band=table[["new_lower", "new_upper"]].to_numpy() if design.factors else np.full((len(table), 2), np.nan),
        knots=np.zeros(0) if basis is None else basis.interior,
        coverage=1.0 - alpha,
        absent=absent_band(table, derivative, bool(design.factors)),
    )
    if derivative or levels or curve.exposure is None or len(curve.exposure.low) != len(design.y):
        return picture
    return picture.with_rows(
        exposure=curve.exposure.middle,
        low=curve.exposure.low,
        high=curve.exposure.high,
        value=np.asarray(same(implied_by_rows(inputs)), dtype=np.float64),
        reference=None if curve.reference is None else curve.reference.middle,
        reference_value=None if curve.reference is None else np.asarray(same(at_reference(inputs)), np.float64),
        precision=1.0 / np.sqrt(error_variances(results)),
        trimmed=results.weights.to_numpy() < 0.5,
    )


def absent_band(table: pd.DataFrame, derivative: int, grouped: bool) -> str:
    """Return what the legend says of a band that is NaN throughout; nothing if all are drawn."""
    if table["mean_lower"].isna().all():
        return "no band: draws= gives it"
    unknown = derivative == 0 and grouped and table["new_lower"].isna().all()
    return "no band of a new group: random= gives it" if unknown else ""


def _value_name(inputs: CurveInputs, transform: Transform, derivative: int) -> str:
    """Return what the vertical axis shows: the response, or the function f whose log-ratios are the response."""
    curve = inputs.curve
    name = f"f({curve.name})" if curve.kind == "log_ratio" else inputs.design.response
    name = f"{ORDINALS[derivative]} derivative of {name}" if derivative else name
    return transform_name(transform, name)
