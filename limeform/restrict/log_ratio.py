"""What a curve under a logarithm needs by itself: a scale, and to be positive."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from limeform.design import Curve
from limeform.design.curves import spline_of
from limeform.errors import InfeasibleError
from limeform.restrict.collected import Collected
from limeform.restrict.constraints import Average, Bounds, Constraint, Passes, Shape
from limeform.restrict.rows import PriorRows
from limeform.restrict.variances import squeezed

FloatArray = NDArray[np.float64]

SCALE = "The log-ratio does not change with the scale of"
"""How the note begins on a scale that the model fixed by itself."""
POSITIVE = 1e-6
"""A curve under a logarithm stays above this part of the value that fixes its scale."""


def keep_positive(collected: Collected, normals: PriorRows, constraints: Sequence[Constraint]) -> None:
    """Fix the scale of each curve under a logarithm where the user has not, and keep it positive where it is used.

    Parameters
    ----------
    collected : Collected
        What has been resolved so far; the rows are added to it.
    normals : PriorRows
        Normal priors, which can fix a scale.
    constraints : sequence of Constraint
        Those of the user.
    """
    targets = collected.targets
    for curve in collected.curves:
        if curve.kind != "log_ratio":
            continue
        basis = spline_of(curve)
        scale = _scale(collected, normals, list(curve.columns))
        if scale is None:
            scale, at = 1.0, _anchor(curve)
            collected.labels.append(f'passes("{curve.name}", at={at:g}, value=1)')
            collected.add(targets.curve_rows(curve, basis.values([at])), 1.0, 1.0)
            collected.notes.append(f"{SCALE} {curve.name!r}: its value at {at:g} was set to 1.")
        low, high = _used(curve, constraints)
        collected.labels.append(f'"{curve.name}" is positive from {low:g} to {high:g}, as it stands under a logarithm')
        collected.add(targets.curve_rows(curve, basis.sign_rows(0, low, high)), POSITIVE * scale, np.inf)
        collected.notes.append(
            f"{curve.name!r} stands under a logarithm: it was kept positive from {low:g} to {high:g}."
        )


def refuse_not_positive(curve: Curve, item: Constraint, largest: float) -> None:
    """Refuse a constraint by which a curve under a logarithm would have no positive value.

    Parameters
    ----------
    curve : Curve
        The curve that the constraint is about.
    item : Constraint
        The constraint, for the message.
    largest : float
        The largest value that it allows.

    Raises
    ------
    InfeasibleError
        Naming it.
    """
    if curve.kind == "log_ratio" and largest <= 0:
        raise InfeasibleError(
            f"{item} cannot be met: {curve.name!r} stands under a logarithm, so that its values are positive. Where "
            "there is no effect it is 1, not 0"
        )


def _used(curve: Curve, constraints: Sequence[Constraint]) -> tuple[float, float]:
    """Return the ends of the exposures at which a curve needs a logarithm: bounds, data, and where constraints say."""
    basis = spline_of(curve)
    ends = [basis.lower, basis.upper]
    for exposure in (curve.exposure, curve.reference):
        if exposure is not None and len(exposure.low):
            ends += [float(exposure.low.min()), float(exposure.high.max())]
    for item in constraints:
        if _named(item) in (squeezed(curve.name), squeezed(curve.text)):
            ends += _places(item)
    finite = [end for end in ends if np.isfinite(end)]
    return min(finite), max(finite)


def _named(item: Constraint) -> str:
    """Return the name of the curve that a constraint may be about, without white space."""
    match item:
        case Shape() | Passes() | Average():
            return squeezed(item.term)
        case Bounds():
            return squeezed(item.target)
    return ""


def _places(item: Constraint) -> list[float]:
    """Return the exposures that a constraint speaks of."""
    match item:
        case Passes():
            return [item.at]
        case Average():
            return [*item.at, *(item.domain or ())]
        case Shape() | Bounds():
            return [*(item.domain or ())]
    return []


def _anchor(curve: Curve) -> float:
    """Return where a curve is set to one: the reference of all rows, else the middle one, else the lower bound."""
    basis = spline_of(curve)
    return basis.lower if curve.reference is None else float(np.median(curve.reference.middle))


def _scale(collected: Collected, normals: PriorRows, columns: list[int]) -> float | None:
    """Return the size of the value that fixes the scale of a curve; None if nothing does."""
    affine = collected.affine()
    own = affine.matrix[:, columns].any(axis=1) & (affine.lower == affine.upper) & (affine.lower != 0)
    if own.any():
        sums = affine.matrix[own][:, columns].sum(axis=1)
        values = np.abs(affine.lower[own] / np.where(np.abs(sums) > 1e-8, sums, 1.0))
        return float(values[0])
    prior = normals.matrix[:, columns].any(axis=1) & (normals.center != 0)
    return float(np.abs(normals.center[prior][0])) if prior.any() else None
