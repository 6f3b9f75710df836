"""A simulated set shaped like the smoking and lung cancer data of Zheng et al.: 25 studies, 199 rows, a known curve."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

STUDIES, ROWS, OUTLIERS = 25, 199, 20
KNOTS = (10.0, 30.0, 55.0)
BOUNDS = (0.0, 80.0)
SLOPE_SD = 0.004
"""Standard deviation of the studies' slopes in the log relative risk per unit of exposure."""


def truth(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the relative risk at pack-years: increasing, concave, one at zero, nearly linear at the end."""
    return 1.0 + 22.0 * (1.0 - np.exp(-np.asarray(x) / 35.0)) + 0.02 * np.asarray(x)


def average(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the average of the truth over intervals."""
    nodes, weights = np.polynomial.legendre.leggauss(20)
    at = low[:, None] + (high - low)[:, None] * (nodes + 1) / 2
    return truth(at) @ weights / 2


def smoking(seed: int = 0) -> pd.DataFrame:
    """Return the data: exposure intervals against never-smokers, a tenth of the rows wrong."""
    rng = np.random.default_rng(seed)
    sizes = np.full(STUDIES, ROWS // STUDIES)
    sizes[: ROWS % STUDIES] += 1
    study = np.repeat(np.arange(STUDIES), sizes)
    middle = rng.uniform(2, 75, ROWS)
    half = np.minimum(rng.choice([0.0, 2.0, 5.0], ROWS), np.minimum(middle, 80 - middle))
    low, high = middle - half, middle + half
    reference = np.zeros(ROWS)
    slopes = rng.normal(0, SLOPE_SD, STUDIES)
    se = rng.uniform(0.08, 0.35, ROWS)
    y = np.log(average(low, high)) + slopes[study] * middle + rng.normal(0, se)
    wrong = np.zeros(ROWS, dtype=bool)
    wrong[rng.choice(ROWS, OUTLIERS, replace=False)] = True
    y[wrong] += rng.choice([-1, 1], OUTLIERS) * rng.uniform(1.2, 2.0, OUTLIERS)
    columns = {"alt_lo": low, "alt_hi": high, "ref": reference, "dose": middle, "log_rr": y, "se": se, "wrong": wrong}
    return pd.DataFrame({"study": study} | columns)


FORMULA = (
    "log_rr ~ 0 + log_ratio(interval(alt_lo, alt_hi), ref, knots=[10, 30, 55], bounds=(0, 80), linear_right=True, "
    "name='smoking') + (0 + dose | study)"
)
