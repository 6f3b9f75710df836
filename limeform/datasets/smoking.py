"""A simulated dose-response set in the shape of the literature on smoking and lung cancer, with its true curve."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

STUDIES, ROWS, OUTLIERS = 25, 199, 20
LARGEST = 80.0
"""Largest exposure in pack-years."""
SLOPE_SD = 0.004
"""Standard deviation of the studies' slopes of the log relative risk per pack-year."""


def smoking_risk(x: ArrayLike) -> NDArray[np.float64]:
    """Return the true relative risk behind `smoking_like`: one at zero, increasing, concave, nearly linear at the end.

    Parameters
    ----------
    x : array
        Pack-years.

    Returns
    -------
    ndarray of the same shape

    Examples
    --------
    >>> smoking_risk([0, 20, 80]).round(2).tolist()
    [1.0, 10.98, 22.36]
    """
    at = np.asarray(x, dtype=np.float64)
    return np.asarray(1.0 + 22.0 * (1.0 - np.exp(-at / 35.0)) + 0.02 * at)


def smoking_like(rng: int | np.random.Generator | None = None) -> pd.DataFrame:
    """Draw relative risks of lung cancer by ranges of smoking against never-smokers, a tenth of them wrong.

    The shape follows section 3.2 of Zheng et al.: 25 studies, 199 rows, exposures in pack-years up to 80, some of them
    ranges of up to 10 pack-years. The logarithm of a row's relative risk is that of the average of `smoking_risk` over
    its range, plus the study's slope N(0, 0.004²) times the middle of the range, plus an error of the known standard
    deviation ``se``. In 20 rows it is wrong by 1.2 to 2 in either direction.

    Parameters
    ----------
    rng : None, int or Generator
        Source of randomness; None draws a new data set each time.

    Returns
    -------
    pandas.DataFrame
        199 rows: ``study`` (0 to 24), ``alt_lo`` and ``alt_hi`` (the range), ``ref`` (0: never-smokers), ``dose`` (the
        middle of the range), ``log_rr``, ``se`` and ``wrong``.

    References
    ----------
    Zheng, Barber, Sorensen, Murray, Aravkin (2021), Trimmed Constrained Mixed Effects Models: Formulations and
    Algorithms, Journal of Computational and Graphical Statistics 30(3), 544–556, section 3.2.

    Examples
    --------
    >>> data = smoking_like(rng=0)
    >>> len(data), data["study"].nunique(), int(data["wrong"].sum())
    (199, 25, 20)
    """
    draws = np.random.default_rng(rng)
    sizes = np.full(STUDIES, ROWS // STUDIES)
    sizes[: ROWS % STUDIES] += 1
    study = np.repeat(np.arange(STUDIES), sizes)
    middle = draws.uniform(2, 75, ROWS)
    half = np.minimum(draws.choice([0.0, 2.0, 5.0], ROWS), np.minimum(middle, LARGEST - middle))
    low, high = middle - half, middle + half
    slopes = draws.normal(0, SLOPE_SD, STUDIES)
    se = draws.uniform(0.08, 0.35, ROWS)
    y = np.log(_average(low, high)) + slopes[study] * middle + draws.normal(0, se)
    wrong = np.zeros(ROWS, dtype=bool)
    wrong[draws.choice(ROWS, OUTLIERS, replace=False)] = True
    y[wrong] += draws.choice([-1, 1], OUTLIERS) * draws.uniform(1.2, 2.0, OUTLIERS)
    columns = {"alt_lo": low, "alt_hi": high, "ref": np.zeros(ROWS), "dose": middle, "log_rr": y, "se": se}
    return pd.DataFrame({"study": study} | columns | {"wrong": wrong})


def _average(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the average of the truth over ranges, by Gauss and Legendre's rule, exact to rounding error."""
    nodes, weights = np.polynomial.legendre.leggauss(20)
    at = low[:, None] + (high - low)[:, None] * (nodes + 1) / 2
    return np.asarray(smoking_risk(at) @ weights / 2)
