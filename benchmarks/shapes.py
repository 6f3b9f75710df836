"""What knowledge of the shape is worth: mean squared error of curves with and without it, by simulation.

``python -m benchmarks.shapes [number of data sets]`` prints the table of docs/curves.md, in about three minutes.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import limeform as lf

FloatArray = NDArray[np.float64]
STUDIES, ROWS, TOP = 20, 80, 80.0
KNOTS = "knots=[15, 35, 55], bounds=(0, 80)"
CURVE = f"y ~ 0 + bspline(dose, {KNOTS}) + (0 + dose | study)"
RATIO = f"y ~ 0 + log_ratio(dose, zero, {KNOTS}, name='dose') + (0 + dose | study)"
GRID = np.linspace(0, TOP, 161)


def saturating(x: FloatArray) -> FloatArray:
    """Increasing, concave, and zero at zero."""
    return np.log1p(x / 10)


def decaying(x: FloatArray) -> FloatArray:
    """Decreasing and convex."""
    return 2 * np.exp(-x / 20)


def late(x: FloatArray) -> FloatArray:
    """Flat up to a knot, then rising: at the edge of increasing and of convex."""
    return 2 * (np.maximum(x - 35, 0) / 45) ** 3


def hinge(x: FloatArray) -> FloatArray:
    """Flat, then rising with a kink between knots: it has the shape, but no spline with these knots follows it."""
    return np.maximum(x - 45, 0) / 20


def line(x: FloatArray) -> FloatArray:
    """Straight: at the edge of convex and of concave."""
    return x / 40


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes
    ----------
    truth : callable
        The curve.
    name : str
        What is known of it, in words.
    options : dict
        Keywords of the model that say so; the other fit has none of them.
    contaminated : bool
        Whether a tenth of the rows is wrong.
    ratio : bool
        Whether the data are ln of one plus the curve, relative to its value at zero.
    """

    truth: Callable[[FloatArray], FloatArray]
    name: str
    options: dict[str, Any] = field(default_factory=dict)
    contaminated: bool = False
    ratio: bool = False


UP, BENT, ZERO = lf.increasing("dose"), lf.concave("dose"), lf.passes("dose", at=0, value=0)
TABLE = (
    Row(saturating, "increasing", {"constraints": [UP]}),
    Row(saturating, "concave", {"constraints": [BENT]}),
    Row(saturating, "increasing, concave", {"constraints": [UP, BENT]}),
    Row(saturating, "increasing, concave, zero at zero", {"constraints": [UP, BENT, ZERO]}),
    Row(saturating, "third derivative N(0, 0.001²)", {"priors": [lf.normal("dose", 0, 0.001, derivative=3)]}),
    Row(decaying, "decreasing, convex", {"constraints": [lf.decreasing("dose"), lf.convex("dose")]}),
    Row(late, "increasing, convex", {"constraints": [UP, lf.convex("dose")]}),
    Row(hinge, "increasing, convex", {"constraints": [UP, lf.convex("dose")]}),
    Row(line, "increasing, concave", {"constraints": [UP, BENT]}),
    Row(saturating, "a tenth is trimmed", {"trim": 0.1}, contaminated=True),
    Row(saturating, "trimmed, increasing, concave", {"trim": 0.1, "constraints": [UP, BENT]}, contaminated=True),
    Row(saturating, "log-ratio: increasing, concave", {"constraints": [UP, BENT]}, ratio=True),
)


def simulate(row: Row, seed: int) -> pd.DataFrame:
    """Return 80 rows of 20 studies with known standard errors and random slopes."""
    rng = np.random.default_rng(seed)
    study = np.repeat(np.arange(STUDIES), ROWS // STUDIES)
    dose, se = rng.uniform(0, TOP, ROWS), rng.uniform(0.1, 0.3, ROWS)
    mean = row.truth(dose)
    if row.ratio:
        mean = np.log1p(mean)
    y = mean + 0.004 * rng.normal(size=STUDIES)[study] * dose + rng.normal(0, se)
    if row.contaminated:
        wrong = rng.choice(ROWS, ROWS // 10, replace=False)
        y[wrong] += rng.choice([-1, 1], ROWS // 10) * rng.uniform(6, 10, ROWS // 10) * se[wrong]
    return pd.DataFrame({"study": study, "dose": dose, "zero": 0.0, "y": y, "se": se})


def error(row: Row, data: pd.DataFrame, options: dict[str, Any]) -> float:
    """Return the mean squared error of the curve on a grid."""
    truth = row.truth(GRID) + (1.0 if row.ratio else 0.0)
    formula = RATIO if row.ratio else CURVE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = lf.lmm(formula, data, se="se", **({"reml": False} | options)).fit()
        return float(np.mean((fit.curve("dose", GRID)["fit"] - truth) ** 2))


def compare(row: Row, sets: int) -> str:
    """Return a line of the table: both errors, their ratio, and the standard error of the difference."""
    pairs = np.array([[error(row, data, {}), error(row, data, row.options)] for data in _sets(row, sets)])
    free, held = pairs.mean(axis=0)
    spread = np.std(pairs[:, 1] - pairs[:, 0], ddof=1) / np.sqrt(sets)
    truth = (row.truth.__doc__ or "").rstrip(".").split(":")[0].lower()
    dirty = ", a tenth of the rows wrong" if row.contaminated else ""
    return f"| {truth}{dirty} | {row.name} | {free:.4f} | {held:.4f} | {held / free:.2f} | {spread:.4f} |"


def _sets(row: Row, sets: int) -> list[pd.DataFrame]:
    return [simulate(row, seed) for seed in range(sets)]


def main() -> None:
    """Print the table."""
    sets = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print("| truth | what the second fit is told | without | with | ratio | standard error of the difference |")
    print("|---|---|---|---|---|---|")
    for row in TABLE:
        print(compare(row, sets), flush=True)


if __name__ == "__main__":
    main()
