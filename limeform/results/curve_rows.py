"""What single rows say of a curve: its value at what they were compared with, and the value that each asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from limeform.design.curves import spline_of
from limeform.mean import mean_of

if TYPE_CHECKING:
    from limeform.results.curve import CurveInputs

FloatArray = NDArray[np.float64]


def at_reference(inputs: CurveInputs) -> FloatArray:
    """Return the value of the curve at what each row was compared with; shape (n,)."""
    curve = inputs.curve
    assert curve.reference is not None
    rows = curve.reference.rows(spline_of(curve))
    if curve.free:
        rows = rows - spline_of(curve).values([spline_of(curve).lower if curve.zero is None else curve.zero])
    return np.asarray(rows @ curve.lift(len(inputs.beta)) @ inputs.beta + curve.level, dtype=np.float64)


def implied_by_rows(inputs: CurveInputs) -> FloatArray:
    """Return the value of the curve that each row asks for, all else at the estimates; shape (n,)."""
    curve, design, beta = inputs.curve, inputs.design, inputs.beta
    basis = spline_of(curve)
    assert curve.exposure is not None
    residual = design.y - design.offset - mean_of(design.x, design.nonlinear).value(beta)
    rows = curve.exposure.rows(basis)
    if curve.free:
        rows = rows - basis.values([basis.lower if curve.zero is None else curve.zero])
    here = rows @ curve.lift(len(beta)) @ beta + curve.level
    return np.asarray(here * np.exp(residual) if curve.kind == "log_ratio" else here + residual, dtype=np.float64)
