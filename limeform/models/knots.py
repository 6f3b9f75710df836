"""What becomes of a model, and of its estimates, when a curve gets other knots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from limeform.design import Curve, Design
from limeform.design.curves import spline_of
from limeform.design.knots import design_with_knots
from limeform.design.rewrite import with_knots
from limeform.errors import OptionError
from limeform.fit import JointModel, Setup, Trimming, start_at
from limeform.formula import parse
from limeform.models.source import Source
from limeform.results import LMMResults

FloatArray = NDArray[np.float64]


def spline_called(design: Design, name: str | None) -> Curve:
    """Return the spline of that name, or the only one.

    Raises
    ------
    OptionError
        If there is no such spline; those that exist are listed.
    """
    splines = [curve for curve in design.curves if curve.basis is not None]
    known = ", ".join(repr(curve.name) for curve in splines)
    if not splines:
        raise OptionError("the model has no spline: write bspline(...) or log_ratio(...) as a term of its formula")
    if name is None and len(splines) > 1:
        raise OptionError(f"term= is needed, as the model has {len(splines)} splines: {known}")
    found = next((curve for curve in splines if name in (None, curve.name, curve.text)), None)
    if found is None:
        raise OptionError(f"{name!r} is not a spline of the model; there are {known}")
    return found


def changed(
    design: Design, source: Source | None, name: str, knots: Sequence[float], bounds: tuple[float, float] | None
) -> tuple[Design | None, Source]:
    """Return the design and the arguments of a model with other knots.

    Parameters
    ----------
    design : Design
        Its arrays.
    source : Source or None
        Its arguments.
    name : str
        Name of one of its splines.
    knots : sequence of float
        Positions of the interior knots.
    bounds : tuple of float, optional
        Bounds of the curve; those that it has if left out.

    Returns
    -------
    tuple of (Design or None, Source)
        None where the design has to be built again from the data.

    Raises
    ------
    OptionError
        If there is no such spline, or the model does not have its arguments.
    """
    if source is None:
        raise OptionError("this model does not have the data that it was made from: build it by lf.lmm")
    curve = spline_called(design, name)
    basis = spline_of(curve)
    places = _numbers(knots, "knots")
    ends = [basis.lower, basis.upper] if bounds is None else _numbers(bounds, "bounds")
    if len(ends) != 2 or not ends[0] < ends[1]:
        raise OptionError(f"bounds={bounds!r}: give two finite numbers, the smaller first")
    formula = parse(with_knots(source.formula.text, curve.text, places, (ends[0], ends[1])))
    other = design_with_knots(design, curve, formula, places, (ends[0], ends[1]), source.given.any)
    return other, replace(source, formula=formula)


def _numbers(given: object, keyword: str) -> list[float]:
    try:
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.array(np.nan)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise OptionError(f"{keyword}={given!r}: give a list of finite numbers in the units of the exposure")
    return [float(value) for value in values]


def is_near(start: LMMResults | None, design: Design, trim: Trimming) -> bool:
    """Return whether a fit trimmed the same share of the same units as a new one will, with other knots.

    Parameters
    ----------
    start : LMMResults or None
        The fit.
    design : Design
        The design of the new fit.
    trim : Trimming
        Its options.
    """
    earlier = None if start is None or start.design is design else start.trimming
    return earlier is not None and (earlier.options.level, earlier.options.fraction) == (trim.level, trim.fraction)


def scores_of(start: LMMResults | None, trim: Trimming) -> FloatArray | None:
    """Return the scores of rows, or groups, that an earlier fit left for a search by the same units."""
    earlier = None if start is None else start.trimming
    return None if earlier is None or earlier.options.level != trim.level else earlier.found.best.slope


def carried_variables(start: LMMResults, design: Design, prepared: JointModel | Setup) -> FloatArray | None:
    """Return the estimates of an earlier fit, perhaps with other knots, as the variables of a solver.

    Parameters
    ----------
    start : LMMResults
        The fit.
    design : Design
        The design of the new fit.
    prepared : JointModel or Setup
        What the new fit works on.

    Returns
    -------
    ndarray or None
        None where the model has no likelihood there, or other random effects, since the curve is among them.

    Raises
    ------
    OptionError
        If ``start`` is no fit, or one of another model.
    """
    if not isinstance(start, LMMResults):
        raise OptionError(f"start= takes the results of an earlier fit, found {type(start).__name__}")
    if start.design is design:
        return start.estimates.variables
    estimates = start.estimates
    beta = carried_mean(estimates.beta, start.design, design)
    if len(estimates.gamma) != sum(len(factor.names) for factor in design.factors):
        return None
    if isinstance(prepared, JointModel):
        return prepared.variables(beta, estimates.gamma, estimates.residual_variance)
    return start_at(prepared, estimates.gamma, estimates.residual_variance)


def carried_mean(beta: FloatArray, old: Design, new: Design) -> FloatArray:
    """Return the parameters of the mean that say in one design nearly what others say in another with other knots.

    A coefficient of a spline becomes the value of the curve at its site, which keeps the shape of the curve.

    Parameters
    ----------
    beta : ndarray, shape (p,)
        Parameters.
    old : Design
        Their design.
    new : Design
        The same but for the knots of its curves.

    Returns
    -------
    ndarray, shape (q,)

    Raises
    ------
    OptionError
        If the designs differ in more than knots.
    """
    _refuse_other_models(old, new)
    known = dict(zip(old.names, beta, strict=True))
    result = np.array([known.get(name, 0.0) for name in new.names])
    for curve, before in zip(new.curves, old.curves, strict=True):
        if curve.basis is None or before.basis is None:
            continue
        values = before.basis.values(curve.basis.sites) @ before.lift(len(beta)) @ beta
        if 0 not in curve.fields:
            values = values - (shift := values[0])
            if curve.intercept is not None:
                result[curve.intercept] = shift
        result[list(curve.columns)] = values[list(curve.fields)]
    return result


def _refuse_other_models(old: Design, new: Design) -> None:
    """Refuse estimates of another model than the same one with other knots."""
    same = (
        old.response == new.response
        and old.index.equals(new.index)
        and any(curve.basis is not None for curve in new.curves)
        and [(curve.name, curve.kind) for curve in old.curves] == [(curve.name, curve.kind) for curve in new.curves]
        and _others(old) == _others(new)
    )
    if not same:
        raise OptionError(
            "start= takes the results of an earlier fit of this same model object, or of it with other knots"
        )


def _others(design: Design) -> list[list[str]]:
    """Return the names of fixed effects, and of random ones by factor, that do not depend on the knots of a curve."""
    own = {column for curve in design.curves for column in curve.columns}
    texts = [curve.text for curve in design.curves if curve.basis is not None]
    fixed = [name for j, name in enumerate(design.names) if j not in own]
    named = [fixed, *([factor.factor, *factor.names] for factor in design.factors)]
    return [[name for name in names if not any(text in name for text in texts)] for names in named]
