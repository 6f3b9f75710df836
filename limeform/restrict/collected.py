"""Constraints as they are resolved, one after another, into rows and functions."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from limeform.design import Curve
from limeform.errors import InfeasibleError
from limeform.restrict.rows import AffineRows, Curved, CurvedShape
from limeform.restrict.targets import Targets

FloatArray = NDArray[np.float64]


@dataclass
class Collected:
    """What has been resolved so far."""

    targets: Targets
    curves: list[Curve]
    labels: list[str] = field(default_factory=list)
    matrix: list[FloatArray] = field(default_factory=list)
    lower: list[FloatArray] = field(default_factory=list)
    upper: list[FloatArray] = field(default_factory=list)
    members: list[int] = field(default_factory=list)
    curved: list[Curved] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    shapes: list[CurvedShape] = field(default_factory=list)

    def add(self, rows: FloatArray, lower: FloatArray | float, upper: FloatArray | float) -> None:
        """Add rows of the constraint whose label was added last; rows of zeros are checked and left out."""
        low, high = np.broadcast_to(lower, len(rows)), np.broadcast_to(upper, len(rows))
        empty = ~rows.any(axis=1)
        slack = 1e-12 * (1 + np.abs(np.where(np.isfinite(low), low, 0)) + np.abs(np.where(np.isfinite(high), high, 0)))
        if (empty & ((low > slack) | (high < -slack))).any():
            raise InfeasibleError(f"{self.labels[-1]} cannot be met: its left side is zero whatever the parameters are")
        self.matrix.append(rows[~empty])
        self.lower.append(low[~empty])
        self.upper.append(high[~empty])
        self.members += [len(self.labels) - 1] * int((~empty).sum())

    def find(self, name: str) -> Curve:
        """Return a curve as the constraints so far have left it."""
        found = self.targets.curve(name)
        return next(curve for curve in self.curves if curve.name == found.name)

    def affine(self) -> AffineRows:
        """Return all rows."""
        size = self.targets.size
        empty = np.zeros(0)
        return AffineRows(
            np.vstack([np.zeros((0, size)), *self.matrix]),
            np.concatenate([empty, *self.lower]),
            np.concatenate([empty, *self.upper]),
            np.array(self.members, dtype=np.intp),
        )


def smooth_limits(targets: Targets, rows: FloatArray, lower: float, upper: float) -> tuple[FloatArray, float, float]:
    """Put limits of one standard deviation on its square, which is smooth at zero."""
    p = len(targets.coefficients)
    used = np.flatnonzero(rows.any(axis=0))
    if len(rows) != 1 or len(used) != 1 or used[0] < p or targets.variances[used[0] - p].kind != "sd":
        return rows, lower, upper
    sd = targets.variances[used[0] - p]
    if sd.kind != "sd":
        return rows, lower, upper
    factor = rows[0, used[0]]
    low, high = sorted((lower / factor, upper / factor))
    if high < 0:
        return rows, lower, upper
    square = next(j for j, v in enumerate(targets.variances) if v.kind == "variance" and v.first == sd.first)
    row = np.zeros((1, targets.size))
    row[0, p + square] = 1.0
    return row, low**2 if low > 0 else -np.inf, high**2
